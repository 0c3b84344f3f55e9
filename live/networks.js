/* Real networks in the page: the model of the book at finite D, trained by gradient descent.
 *
 * Per step, with W^l the weights, v = beta* - beta(t) and u the error signal (equation model-fields):
 *     g^L = w,  g^l = W^l^T g^{l+1} / sqrt(N_l),  v = beta* - W^0^T g^1 sqrt(D) / (gamma_0 N_L)
 *     h^1 = W^0 u / sqrt(D),  h^{l+1} = W^l h^l / sqrt(N_l),  W^l += eta gamma_0 g^{l+1} h^l^T / sqrt(N_l)
 */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  /* Numbers drawn or multiplied between two opportunities for the page to do something else. */
  const CHUNK = 1 << 16;

  /* Independent standard normal numbers: the sfc32 generator, polar method. */
  DeepLinear.normals = function (seed, stream) {
    let [a, b, c, counter] = [seed | 0, stream | 0, 0x9e3779b9 | 0, 1];
    function uniform() {
      const t = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = ((c << 21) | (c >>> 11)) + t;
      c |= 0;
      return ((t >>> 0) + 0.5) / 4294967296;
    }
    for (let i = 0; i < 20; i++) uniform();
    let spare = null;
    return function () {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      let x, y, square;
      do {
        x = 2 * uniform() - 1;
        y = 2 * uniform() - 1;
        square = x * x + y * y;
      } while (square >= 1 || square === 0);
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      spare = y * scale;
      return x * scale;
    };
  };

  function* draw(normal, target) {
    for (let i = 0; i < target.length; i++) {
      target[i] = normal();
      if (i % CHUNK === CHUNK - 1) yield;
    }
    return target;
  }

  /* One weight matrix; `scale` is the factor in front of it, `rate` that of its updates. */
  class Matrix {
    constructor(weights, rows, columns, scale, rate) {
      Object.assign(this, { weights, rows, columns, scale, rate });
      this.forward = new Float64Array(rows);
      this.backward = new Float64Array(columns);
      this.g = new Float64Array(rows);
      this.h = new Float64Array(columns);
    }

    /* The update by the last step's fields and scale * W^T g, in one pass through the weights. */
    *applyTransposed(g) {
      const { weights, rows, columns, backward, h } = this;
      backward.fill(0);
      for (let i = 0, k = 0, done = 0; i < rows; i++) {
        const kick = this.rate * this.scale * this.g[i];
        const gi = this.scale * g[i];
        for (let j = 0; j < columns; j++, k++) {
          weights[k] += kick * h[j];
          backward[j] += gi * weights[k];
        }
        if ((done += columns) > CHUNK) {
          done = 0;
          yield;
        }
      }
      return backward;
    }

    /* scale * W h; g and h make the next update. */
    *apply(g, h) {
      const { weights, rows, columns, forward } = this;
      this.g.set(g);
      this.h.set(h);
      for (let i = 0, k = 0, done = 0; i < rows; i++) {
        let sum = 0;
        for (let j = 0; j < columns; j++, k++) sum += weights[k] * h[j];
        forward[i] = this.scale * sum;
        if ((done += columns) > CHUNK) {
          done = 0;
          yield;
        }
      }
      return forward;
    }
  }

  function squared(vector) {
    let sum = 0;
    for (const x of vector) sum += x * x;
    return sum;
  }

  /* The population gradient: u = v. */
  class Population {
    constructor(problem, dim) {
      this.noise = problem.noise;
      this.dim = dim;
    }

    *signal(v) {
      return { u: v, train: squared(v) / this.dim + this.noise ** 2 };
    }
  }

  /* Samples X and label noise: Delta = X v / sqrt(D) + sigma eps, u = sqrt(D) X^T Delta / P. */
  class Samples {
    constructor(problem, dim, normal) {
      Object.assign(this, { noise: problem.noise, dim, normal, fresh: problem.batch !== undefined });
      this.count = Math.max(1, Math.round((this.fresh ? problem.batch : problem.samples) * dim));
      this.X = new Float64Array(this.count * dim);
      this.labels = new Float64Array(this.count);
      this.u = new Float64Array(dim);
      this.drawn = false;
    }

    *signal(v) {
      const { X, labels, u, dim, count, noise } = this;
      if (this.fresh || !this.drawn) {
        yield* draw(this.normal, X);
        yield* draw(this.normal, labels);
        this.drawn = true;
      }
      u.fill(0);
      let train = 0;
      for (let mu = 0; mu < count; mu++) {
        const at = mu * dim;
        let Delta = 0;
        for (let i = 0; i < dim; i++) Delta += X[at + i] * v[i];
        Delta = Delta / Math.sqrt(dim) + noise * labels[mu];
        const weight = (Delta * Math.sqrt(dim)) / count;
        for (let i = 0; i < dim; i++) u[i] += weight * X[at + i];
        train += (Delta * Delta) / count;
      }
      yield;
      return { u, train };
    }
  }

  function* initialize(problem, dim, seed) {
    const normal = DeepLinear.normals(seed, 0);
    const sizes = [dim, ...problem.widths.map((nu) => Math.max(1, Math.round(nu * dim))), 1];
    const rate = problem.learningRate * problem.richness;
    const matrices = [];
    for (let l = 0; l + 1 < sizes.length; l++) {
      const [columns, rows] = [sizes[l], sizes[l + 1]];
      const weights = yield* draw(normal, new Float64Array(rows * columns));
      const scale = rows === 1 && l + 2 === sizes.length ? 1 : 1 / Math.sqrt(columns);
      matrices.push(new Matrix(weights, rows, columns, scale, rate));
    }
    return { matrices, readout: dim / (problem.richness * sizes[sizes.length - 2]) };
  }

  /* Train one network of a problem (as for DeepLinear.solve) with input dimension `dim`. A generator:
   * it yields when the page may breathe, and returns what DeepLinear.solve returns; with problem.keep
   * also the trained `matrices`. */
  DeepLinear.train = function* (problem, dim, seed) {
    const { matrices, readout } = yield* initialize(problem, dim, seed);
    const finite = problem.samples !== undefined || problem.batch !== undefined;
    const data = finite
      ? new Samples(problem, dim, DeepLinear.normals(seed, 1))
      : new Population(problem, dim);
    const n = problem.steps + 1;
    const excessLoss = new Float64Array(n).fill(Infinity);
    const trainLoss = new Float64Array(n).fill(Infinity);
    const v = new Float64Array(dim);
    let divergedAt = null;
    for (let t = 0; t < n; t++) {
      const g = [new Float64Array([1])];
      for (let l = matrices.length - 1; l >= 0; l--) {
        g.unshift(yield* matrices[l].applyTransposed(g[0]));
      }
      for (let i = 0; i < dim; i++) v[i] = 1 - readout * g[0][i];
      const excess = squared(v) / dim;
      const { u, train } = yield* data.signal(v);
      if (!(excess < DeepLinear.DIVERGENCE && train < DeepLinear.DIVERGENCE)) {
        divergedAt = t;
        break;
      }
      excessLoss[t] = excess;
      trainLoss[t] = train;
      let h = u;
      for (let l = 0; l < matrices.length; l++) h = yield* matrices[l].apply(g[l + 1], h);
    }
    const testLoss = excessLoss.map((excess) => excess + problem.noise ** 2);
    const curves = { testLoss, excessLoss, trainLoss, divergedAt };
    return problem.keep ? { ...curves, matrices } : curves;
  };

  /* Mean and standard error over networks at one step; null where a network has diverged. */
  DeepLinear.summarise = function (curves, t) {
    const values = curves.map((curve) => curve[t]);
    if (!values.every(Number.isFinite)) return null;
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    if (values.length < 2) return { mean, error: null };
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
    return { mean, error: Math.sqrt(variance / values.length) };
  };

  /* Do a generator's work in slices of `milliseconds`, so that the page stays responsive. `onYield`
   * gets whatever the generator yields, other than undefined. Returns a function that stops it. */
  DeepLinear.inSlices = function (generator, onYield, milliseconds) {
    let stopped = false;
    function slice() {
      const end = performance.now() + milliseconds;
      while (!stopped && performance.now() < end) {
        const { value, done } = generator.next();
        if (done) return;
        if (value !== undefined) onYield(value);
      }
      if (!stopped) setTimeout(slice, 0);
    }
    setTimeout(slice, 0);
    return () => {
      stopped = true;
    };
  };
})();
