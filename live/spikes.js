/* Singular values outside the bulk of every trained matrix, in the page, from the matrices of march.js.
 *
 * The same equations in two languages, held equal by tests/pictures/test_spikes.py:
 *     here                   lib/questions
 *     green                  spikes.py: green
 *     Spikes                 spikes.py: Spikes, above the bulk
 *     DeepLinear.outliers    weight_outliers.py: weight_outliers
 * An outlier is where a gain, an eigenvalue of U^T K U, passes one (equation spikes-condition of the book),
 *     U = (A; B),  A = (1 - sqrt(rho) w R_h R_g)^-1 [sqrt(G_x) r_h,  G_x R_h sqrt(rho G_y) r_g],
 *     B = [0, sqrt(rho G_y) r_g] + rho G_y R_g A,   C_h = r_h r_h^T,   C_g = r_g r_g^T,
 * and gains grow with w. Eigenvalues are counted: Householder's tridiagonal form, Sturm's sequence.
 */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  /* Directions in time with less of a correlation, relative to the largest, are left out. */
  const NEGLIGIBLE = 1e-13;

  /* Relative width at which a bracket of an eigenvalue is narrow enough. */
  const NARROW = 1e-13;

  /* A bracket of log w this narrow, or a gain this close to one, is a root. */
  const ROOT = 1e-11;

  /* Householder's reduction of a symmetric matrix (n x n, row-major, overwritten) to tridiagonal form. */
  DeepLinear.tridiagonal = function (M, n) {
    const diagonal = new Float64Array(n);
    const beside = new Float64Array(n);
    const v = new Float64Array(n);
    const p = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      diagonal[k] = M[k * n + k];
      let norm = 0;
      for (let i = k + 1; i < n; i++) norm = Math.hypot(norm, M[i * n + k]);
      if (k + 1 >= n) break;
      const first = M[(k + 1) * n + k];
      beside[k + 1] = first > 0 ? -norm : norm;
      let square = 0;
      for (let i = k + 1; i < n; i++) {
        v[i] = M[i * n + k] - (i === k + 1 ? beside[k + 1] : 0);
        square += v[i] * v[i];
      }
      if (square === 0) continue;
      let overlap = 0;
      for (let i = k + 1; i < n; i++) {
        let sum = 0;
        for (let j = k + 1, at = i * n + k + 1; j < n; j++, at++) sum += M[at] * v[j];
        p[i] = (2 / square) * sum;
        overlap += p[i] * v[i];
      }
      for (let i = k + 1; i < n; i++) p[i] -= (overlap / square) * v[i];
      for (let i = k + 1; i < n; i++) {
        for (let j = k + 1, at = i * n + k + 1; j < n; j++, at++) {
          M[at] -= v[i] * p[j] + p[i] * v[j];
        }
      }
    }
    return { diagonal, beside };
  };

  /* How many eigenvalues of a tridiagonal matrix are below x. */
  DeepLinear.countBelow = function ({ diagonal, beside }, x) {
    let [count, q] = [0, 1];
    for (let i = 0; i < diagonal.length; i++) {
      q = diagonal[i] - x - (i > 0 ? (beside[i] * beside[i]) / q : 0);
      if (q === 0) q = Number.MIN_VALUE * 2 ** 60;
      if (q < 0) count += 1;
    }
    return count;
  };

  /* The k-th smallest eigenvalue, k = 0, 1, .. */
  DeepLinear.eigenvalue = function (matrix, k) {
    const { diagonal, beside } = matrix;
    let radius = 0;
    for (let i = 0; i < diagonal.length; i++) {
      const reach = Math.abs(beside[i]) + Math.abs(beside[i + 1] ?? 0);
      radius = Math.max(radius, Math.abs(diagonal[i]) + reach);
    }
    let [low, high] = [-radius, radius];
    while (high - low > NARROW * radius) {
      const middle = (low + high) / 2;
      if (middle === low || middle === high) break;
      if (DeepLinear.countBelow(matrix, middle) > k) high = middle;
      else low = middle;
    }
    return (low + high) / 2;
  };

  /* Columns r with r r^T = C for the leading n x n block: Cholesky with the largest pivot first. */
  function thinFactor(C, stride, n) {
    const left = Float64Array.from({ length: n }, (_, i) => C[i * stride + i]);
    const scale = Math.max(...left);
    const columns = [];
    while (columns.length < n) {
      const pivot = left.indexOf(Math.max(...left));
      if (!(left[pivot] > NEGLIGIBLE * scale)) break;
      const root = Math.sqrt(left[pivot]);
      const column = new Float64Array(n);
      for (let i = 0; i < n; i++) {
        let sum = C[i * stride + pivot];
        for (const earlier of columns) sum -= earlier[i] * earlier[pivot];
        column[i] = sum / root;
      }
      for (let i = 0; i < n; i++) left[i] -= column[i] * column[i];
      left[pivot] = 0;
      columns.push(column);
    }
    return columns;
  }

  /* M x for the leading block of a lower triangular matrix. */
  function timesLower(M, stride, x) {
    return x.map((_, i) => {
      let sum = 0;
      for (let j = 0, at = i * stride; j <= i; j++, at++) sum += M[at] * x[j];
      return sum;
    });
  }

  /* z, G_x and G_y at the parameter w. */
  function green(w, rho) {
    const root = Math.sqrt(rho);
    const z = Math.sqrt(((1 + w / root) * (1 + w * root) * root) / w);
    return { z, G_x: (1 + root * w) / z, G_y: (1 + w / root) / z };
  }

  /* One matrix at step n: C, R of the fields on its two sides (leading n x n blocks), kick k. */
  class Spikes {
    constructor({ rho, kick, C_h, R_h, C_g, R_g, factor, stride }, n) {
      Object.assign(this, { rho, kick, n, stride, R_h, R_g, factor });
      this.r_h = thinFactor(C_h, stride, n);
      // The march keeps backward fields without this factor.
      this.r_g = thinFactor(C_g, stride, n).map((column) =>
        column.map((x) => Math.sqrt(factor) * x),
      );
      this.loop = new Float64Array(n * n);
      for (let i = 0; i < n; i++) {
        for (let m = 0; m <= i; m++) {
          const response = factor * R_h[i * stride + m];
          for (let j = 0; j < m; j++) this.loop[i * n + j] += response * R_g[m * stride + j];
        }
      }
      this.edge = this.coupling(1);
    }

    /* U^T K U in tridiagonal form. */
    coupling(w) {
      const { rho, n, stride, factor } = this;
      const { G_x, G_y } = green(w, rho);
      const back = rho * G_y;
      const [A, B] = [[], []];
      const [loop, strength] = [this.loop, Math.sqrt(rho) * w];
      const resolve = (x) => {
        for (let i = 0; i < n; i++) {
          let sum = 0;
          for (let j = 0, at = i * n; j < i; j++, at++) sum += loop[at] * x[j];
          x[i] += strength * sum;
        }
        A.push(x);
        B.push(timesLower(this.R_g, stride, x).map((y) => back * factor * y));
      };
      for (const column of this.r_h) resolve(column.map((x) => Math.sqrt(G_x) * x));
      for (const column of this.r_g) {
        const scaled = column.map((x) => Math.sqrt(back) * x);
        resolve(timesLower(this.R_h, stride, scaled).map((x) => G_x * x));
        const last = B[B.length - 1];
        for (let i = 0; i < n; i++) last[i] += scaled[i];
      }
      const rank = A.length;
      const M = new Float64Array(rank * rank);
      for (let a = 0; a < rank; a++) {
        for (let b = 0; b <= a; b++) {
          let sum = 0;
          for (let i = 0; i < n; i++) sum += A[a][i] * B[b][i] + B[a][i] * A[b][i];
          M[a * rank + b] = M[b * rank + a] = this.kick * sum;
        }
      }
      return DeepLinear.tridiagonal(M, rank);
    }

    /* The j-th largest gain at w, j = 1, 2, .. */
    gain(w, j) {
      const matrix = w === 1 ? this.edge : this.coupling(w);
      return DeepLinear.eigenvalue(matrix, matrix.diagonal.length - j);
    }

    /* Outliers above the bulk, largest first: regula falsi (Anderson and Bjoerck) in log w. */
    above() {
      const count = this.edge.diagonal.length - DeepLinear.countBelow(this.edge, 1);
      return Array.from({ length: count }, (_, j) => {
        const excess = (x) => this.gain(Math.exp(x), j + 1) - 1;
        let [high, atHigh] = [0, excess(0)];
        // For a large gain, which falls about as the square root of w, this is near the root.
        let low = Math.min(-0.1, -2.2 * Math.log1p(atHigh));
        let atLow = excess(low);
        while (atLow > 0) [high, atHigh, low, atLow] = [low, atLow, 2 * low, excess(2 * low)];
        let side = 0;
        for (let i = 0; i < 60 && high - low > ROOT; i++) {
          const next = (low * atHigh - high * atLow) / (atHigh - atLow);
          const value = excess(next);
          if (Math.abs(value) < ROOT) return green(Math.exp(next), this.rho).z;
          const here = value > 0 ? 1 : -1;
          const left = 1 - value / (here > 0 ? atHigh : atLow);
          const factor = here !== side ? 1 : left > 0 ? left : 0.5;
          if (here > 0) [high, atHigh, atLow] = [next, value, atLow * factor];
          else [low, atLow, atHigh] = [next, value, atHigh * factor];
          side = here;
        }
        return green(Math.exp((low + high) / 2), this.rho).z;
      });
    }
  }

  /* For every matrix W^0 .. W^{L-1} of a problem after its last step: { rho, gain, upper }, from the
   * `chain` of DeepLinear.solve. Null where the run has diverged. */
  DeepLinear.outliers = function (problem, { chain, divergedAt }) {
    if (divergedAt !== null) return null;
    const widths = [1, ...problem.widths];
    const stride = problem.steps + 1;
    return problem.widths.map((_, l) => {
      const [below, above] = [chain[l], chain[l + 1]];
      const rho = widths[l + 1] / widths[l];
      const parts = {
        rho,
        kick: problem.richness * problem.learningRate,
        stride,
        C_h: below.C_h,
        R_h: below.R_h,
        C_g: above.C_g,
        R_g: above.R_g,
        factor: above.kappa,
      };
      const spikes = new Spikes(parts, problem.steps);
      return { rho, gain: spikes.gain(1, 1), upper: spikes.above() };
    });
  };

  /* Singular values of a rows x columns matrix over sqrt(columns), ascending. */
  DeepLinear.singularValues = function (weights, rows, columns) {
    const wide = rows <= columns;
    const n = wide ? rows : columns;
    const inner = wide ? columns : rows;
    const [across, along] = wide ? [columns, 1] : [1, columns];
    const gram = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let m = 0; m < inner; m++) {
          sum += weights[i * across + m * along] * weights[j * across + m * along];
        }
        gram[i * n + j] = gram[j * n + i] = sum / columns;
      }
    }
    const matrix = DeepLinear.tridiagonal(gram, n);
    return Float64Array.from({ length: n }, (_, k) =>
      Math.sqrt(Math.max(0, DeepLinear.eigenvalue(matrix, k))),
    );
  };
})();
