/* The march in the page: the closed equations of training a plain deep linear network, solved in one
 * sweep through time, as lib/equations does.
 *
 * Hidden layer l, K(t,s) = eta for s < t, backward fields stored times N_l/N_L, kappa = N_L/N_l
 * (equation deep-pair of the book):
 *     h = xi + kappa F g,    F = R_h^{l-1} + gamma_0 K * C_h^{l-1},    Cov xi   = C_h^{l-1}
 *     g = zeta + kappa B h,  B = R_g^{l+1} + gamma_0 K * C_g^{l+1},    Cov zeta = C_g^{l+1}
 * Input layer (equation deep-input), isotropic data, X = -(R_g^1 + gamma_0 K * C_g^1) / gamma_0:
 *     v = beta* + zeta_0 + X u,   u = zeta_u + R_Delta v,   Cov zeta_u = Q
 *
 * The same equations in two languages, held equal by tests/pictures/test_live.py:
 *     here                     lib/equations
 *     march                    march.py: march
 *     one hidden layer's rows  layers.py: HiddenLayer, linear_gaussian.py: Pair
 *     the input layer's rows   input_layer.py: InputLayer, with one mode
 *     the rule for u given v   data_regimes.py: Repeated, OnePass, Population
 * Whoever changes one of them changes both.
 *
 * A matrix is a row-major Float64Array. Responses are lower triangular, so a product with one costs
 * half, and a correlation is written once as a row and mirrored.
 */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  /* A loss above this, or one that is not a number, counts as diverged (lib.status.DIVERGENCE). */
  const DIVERGENCE = (DeepLinear.DIVERGENCE = 1e20);

  /* out[j] += sum_i row[i] M[i][j] over four rows i, i+1, .. and j < width. */
  function addFourRows(row, M, stride, i, width, out) {
    const [a, b, c, d] = [row[i], row[i + 1], row[i + 2], row[i + 3]];
    const at = i * stride;
    for (let j = 0, k = at; j < width; j++, k++) {
      out[j] += a * M[k] + b * M[k + stride] + c * M[k + 2 * stride] + d * M[k + 3 * stride];
    }
  }

  function addOneRow(row, M, stride, i, width, out) {
    const at = i * stride;
    for (let j = 0; j < width; j++) out[j] += row[i] * M[at + j];
  }

  /* out = row M for the leading n x n block of a full matrix. Four rows at a time: `out` is read and
   * written a quarter as often. */
  function timesFull(row, M, stride, n, out) {
    out.fill(0, 0, n);
    let i = 0;
    for (; i + 4 <= n; i += 4) addFourRows(row, M, stride, i, n, out);
    for (; i < n; i++) addOneRow(row, M, stride, i, n, out);
  }

  /* The same for a lower triangular matrix, up to the block's diagonal. */
  function timesLower(row, M, stride, n, out) {
    out.fill(0, 0, n);
    let i = 0;
    for (; i + 4 <= n; i += 4) addFourRows(row, M, stride, i, i + 4, out);
    for (; i < n; i++) addOneRow(row, M, stride, i, n, out);
  }

  /* out += factor row M^T for the leading n x n block of a lower triangular matrix. Four independent
   * sums at a time: one would wait for itself. */
  function addTimesLowerTransposed(factor, row, M, stride, n, out) {
    let i = 0;
    for (; i + 4 <= n; i += 4) {
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let j = 0, k = i * stride; j < i + 4; j++, k++) {
        const r = row[j];
        a += r * M[k];
        b += r * M[k + stride];
        c += r * M[k + 2 * stride];
        d += r * M[k + 3 * stride];
      }
      out[i] += factor * a;
      out[i + 1] += factor * b;
      out[i + 2] += factor * c;
      out[i + 3] += factor * d;
    }
    for (; i < n; i++) {
      let sum = 0;
      for (let j = 0, k = i * stride; j <= i; j++, k++) sum += row[j] * M[k];
      out[i] += factor * sum;
    }
  }

  /* Row t of a symmetric matrix, and with it column t. */
  function mirror(M, stride, t, row) {
    for (let s = 0; s <= t; s++) M[t * stride + s] = M[s * stride + t] = row[s];
  }

  function rowOf(M, stride, t) {
    return M.subarray(t * stride, t * stride + t + 1);
  }

  /* What stands above the last hidden layer: C_g^{L+1} = 1, R_g^{L+1} = 0. */
  function readout(n) {
    return { C_g: new Float64Array(n * n).fill(1), R_g: new Float64Array(n * n) };
  }

  class Layer {
    constructor(kappa, n, rate) {
      this.kappa = kappa;
      this.n = n;
      this.rate = rate;
      for (const name of ["C_h", "R_h", "C_g", "R_g", "dh_dxi", "dg_dzeta"]) {
        this[name] = new Float64Array(n * n);
      }
      this.row = new Float64Array(n);
      this.work = new Float64Array(n);
      this.sum = new Float64Array(n);
    }

    /* R(t,s) + gamma_0 K(t,s) C(t,s) for s <= t. */
    response(R, C, t) {
      const at = t * this.n;
      for (let s = 0; s < t; s++) this.row[s] = R[at + s] + this.rate * C[at + s];
      this.row[t] = R[at + t];
      return this.row;
    }

    /* sum_s <x(t) x(s)> of x = own noise through A, other noise through M. */
    correlation(t, A, covA, M, covM, target) {
      const { n, work, sum, kappa } = this;
      sum.fill(0, 0, t + 1);
      timesFull(rowOf(A, n, t), covA, n, t + 1, work);
      addTimesLowerTransposed(1, work, A, n, t + 1, sum);
      timesFull(rowOf(M, n, t), covM, n, t + 1, work);
      addTimesLowerTransposed(kappa, work, M, n, t + 1, sum);
      mirror(target, n, t, sum);
    }

    backward(t, above, below) {
      const { n, work, kappa } = this;
      const B = this.response(above.R_g, above.C_g, t);
      timesLower(B, this.dh_dxi, n, t, work);
      this.R_g.set(work.subarray(0, t), t * n);
      timesLower(B, this.R_h, n, t, work);
      for (let s = 0; s < t; s++) this.dg_dzeta[t * n + s] = kappa * work[s];
      this.dg_dzeta[t * n + t] = 1;
      this.correlation(t, this.dg_dzeta, above.C_g, this.R_g, below.C_h, this.C_g);
    }

    forward(t, above, below) {
      const { n, work, kappa } = this;
      const F = this.response(below.R_h, below.C_h, t);
      timesLower(F, this.R_g, n, t + 1, work);
      for (let s = 0; s < t; s++) this.dh_dxi[t * n + s] = kappa * work[s];
      this.dh_dxi[t * n + t] = 1;
      timesLower(F, this.dg_dzeta, n, t + 1, work);
      this.R_h.set(work.subarray(0, t + 1), t * n);
      this.correlation(t, this.dh_dxi, below.C_h, this.R_h, above.C_g, this.C_h);
    }
  }

  class InputLayer {
    constructor(inverseWidth, richness, rate, n) {
      Object.assign(this, { inverseWidth, richness, rate, n });
      for (const name of ["C_v", "C_h", "R_vu", "R_h", "X", "H", "G", "U"]) {
        this[name] = new Float64Array(n * n);
      }
      for (const name of ["mean", "row", "work", "sum"]) this[name] = new Float64Array(n);
    }

    /* Row t of v = H (beta* + zeta_0 + X zeta_u), H = (1 - X R_Delta)^{-1}. */
    weightError(t, first, regime) {
      const { n, X, H, G, row, work, sum, mean } = this;
      const at = t * n;
      for (let s = 0; s < t; s++) {
        X[at + s] = -(first.R_g[at + s] + this.rate * first.C_g[at + s]) / this.richness;
      }
      timesLower(X.subarray(at, at + t), regime.R_Delta, n, t, row);
      timesLower(row, H, n, t, work);
      H.set(work.subarray(0, t), at);
      H[at + t] = 1;
      timesLower(rowOf(H, n, t), X, n, t + 1, work);
      this.R_vu.set(work.subarray(0, t + 1), at);

      const fromWidth = this.inverseWidth / this.richness ** 2;
      for (let s = 0; s <= t; s++) sum[s] = fromWidth * first.C_g[at + s];
      timesFull(X.subarray(at, at + t), regime.Q, n, t, work);
      work[t] = 0;
      addTimesLowerTransposed(1, work, X, n, t + 1, sum);
      mirror(G, n, t, sum);

      mean[t] = 0;
      for (let s = 0; s <= t; s++) mean[t] += H[at + s];
      for (let s = 0; s <= t; s++) sum[s] = mean[t] * mean[s];
      timesFull(rowOf(H, n, t), G, n, t + 1, work);
      addTimesLowerTransposed(1, work, H, n, t + 1, sum);
      mirror(this.C_v, n, t, sum);
    }

    /* Row t of u = zeta_u + R_Delta v; `regime.seen` is row t of R_Delta C_v R_Delta^T. */
    errorSignal(t, regime) {
      const { n, U, row, work, sum } = this;
      const at = t * n;
      timesLower(rowOf(regime.R_Delta, n, t), this.H, n, t + 1, row);
      timesLower(row, this.X, n, t + 1, work);
      U.set(work.subarray(0, t), at);
      for (let s = 0; s <= t; s++) sum[s] = regime.seen[s] + regime.Q[at + s];
      timesFull(rowOf(U, n, t), regime.Q, n, t + 1, work);
      for (let s = 0; s <= t; s++) sum[s] += work[s];
      addTimesLowerTransposed(1, rowOf(regime.Q, n, t), U, n, t + 1, sum);
      mirror(this.C_h, n, t, sum);
      for (let s = 0; s <= t; s++) {
        this.R_h[at + s] = (-this.inverseWidth / this.richness) * row[s];
      }
    }
  }

  /* Infinite data: R_Delta = 1, Q = 0. */
  class Population {
    constructor(noise, n) {
      Object.assign(this, { noise, n });
      for (const name of ["R_Delta", "C_Delta", "Q"]) this[name] = new Float64Array(n * n);
      this.seen = new Float64Array(n);
    }

    advance(t, C_v) {
      const { n, noise, seen } = this;
      this.R_Delta[t * n + t] = 1;
      for (let s = 0; s <= t; s++) seen[s] = C_v[t * n + s];
      this.C_Delta[t * n + t] = seen[t] + noise ** 2;
    }
  }

  /* Fresh batches: white noise on top, Q = delta_ts C_Delta / alpha_B. */
  class OnePass extends Population {
    constructor(size, noise, n) {
      super(noise, n);
      this.size = size;
    }

    advance(t, C_v) {
      super.advance(t, C_v);
      this.Q[t * this.n + t] = this.C_Delta[t * this.n + t] / this.size;
    }
  }

  /* Repeated data: R_Delta = (1 - R_vu/alpha)^{-1}, C_Delta = R_Delta (C_v + sigma^2) R_Delta^T. */
  class Repeated extends Population {
    constructor(size, noise, n) {
      super(noise, n);
      this.size = size;
      this.work = new Float64Array(n);
      this.sums = new Float64Array(n);
    }

    advance(t, C_v, R_vu) {
      const { n, noise, size, seen, work, sums, R_Delta } = this;
      const at = t * n;
      timesLower(R_vu.subarray(at, at + t), R_Delta, n, t, work);
      for (let s = 0; s < t; s++) R_Delta[at + s] = work[s] / size;
      R_Delta[at + t] = 1;
      timesFull(rowOf(R_Delta, n, t), C_v, n, t + 1, work);
      seen.fill(0, 0, t + 1);
      addTimesLowerTransposed(1, work, R_Delta, n, t + 1, seen);
      sums[t] = 0;
      for (let s = 0; s <= t; s++) sums[t] += R_Delta[at + s];
      for (let s = 0; s <= t; s++) work[s] = seen[s] + noise ** 2 * sums[t] * sums[s];
      mirror(this.C_Delta, n, t, work);
      for (let s = 0; s <= t; s++) work[s] /= size;
      mirror(this.Q, n, t, work);
    }
  }

  function regimeOf(problem, n) {
    if (problem.samples !== undefined) return new Repeated(problem.samples, problem.noise, n);
    if (problem.batch !== undefined) return new OnePass(problem.batch, problem.noise, n);
    return new Population(problem.noise, n);
  }

  /* Learning curves of a problem:
   *     { widths: [nu_1, .., nu_L], richness, noise, learningRate, steps, samples or batch or neither }
   * Returns { testLoss, excessLoss, trainLoss, divergedAt }, arrays of length steps + 1 that are
   * Infinity from `divergedAt` (null if the run is finite) on; with problem.keep also the two-time
   * matrices, `chain`: inputs, hidden layers, readout.
   */
  DeepLinear.solve = function (problem) {
    const n = problem.steps + 1;
    const rate = problem.richness * problem.learningRate;
    const last = problem.widths[problem.widths.length - 1];
    const layers = problem.widths.map((nu) => new Layer(nu === last ? 1 : last / nu, n, rate));
    const inputs = new InputLayer(1 / last, problem.richness, rate, n);
    const regime = regimeOf(problem, n);
    const chain = [inputs, ...layers, readout(n)];

    const excessLoss = new Float64Array(n).fill(Infinity);
    const trainLoss = new Float64Array(n).fill(Infinity);
    let divergedAt = null;
    for (let t = 0; t < n && divergedAt === null; t++) {
      for (let l = layers.length; l >= 1; l--) chain[l].backward(t, chain[l + 1], chain[l - 1]);
      inputs.weightError(t, layers[0], regime);
      regime.advance(t, inputs.C_v, inputs.R_vu);
      const excess = inputs.C_v[t * n + t];
      const train = regime.C_Delta[t * n + t];
      if (!(excess + problem.noise ** 2 < DIVERGENCE && train < DIVERGENCE)) {
        divergedAt = t;
        break;
      }
      excessLoss[t] = excess;
      trainLoss[t] = train;
      inputs.errorSignal(t, regime);
      for (let l = 1; l <= layers.length; l++) chain[l].forward(t, chain[l + 1], chain[l - 1]);
    }
    const testLoss = excessLoss.map((excess) => excess + problem.noise ** 2);
    const curves = { testLoss, excessLoss, trainLoss, divergedAt };
    return problem.keep ? { ...curves, chain } : curves;
  };
})();
