/* What a live figure shows of the inside of the weights: the bulk of each matrix, the predicted outliers,
 * and the singular values of networks as bars. */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  /* Milliseconds of work at a time beside the page's own. */
  const SLICE = 12;

  /* Bars per unit of a singular value. */
  const BARS = 12;

  /* Densities below this are left out. */
  const FLOOR = 1e-3;

  /* How far right of the edge a chart reaches, whether or not something is there. */
  const REACH = 1.4;

  /* Density of the non-zero singular values of a random matrix, down to the floor at its edges; the last
   * point is not drawn, but keeps the chart as wide as it is. */
  function bulk(rho) {
    const [low, high] = [Math.abs(1 - Math.sqrt(rho)), 1 + Math.sqrt(rho)];
    const x = Array.from({ length: 121 }, (_, i) => low + ((high - low) * i) / 120);
    const y = x.map((z) => {
      const inside = Math.max(0, (high * high - z * z) * (z * z - low * low));
      return Math.max(FLOOR, Math.sqrt(inside) / (Math.PI * (z || 1) * Math.min(1, rho)));
    });
    // A square matrix reaches down to zero, where its density is the edge over pi.
    if (low === 0) y[0] = high / Math.PI;
    return { x: [...x, REACH * high], y: [...y, 0] };
  }

  /* The outline of a histogram of all `values`, as a density. */
  function bars(values) {
    const counts = new Map();
    for (const value of values) {
      const bin = Math.floor(value * BARS);
      counts.set(bin, (counts.get(bin) ?? 0) + 1);
    }
    const [x, y] = [[], []];
    const last = Math.max(...counts.keys());
    for (let bin = 0; bin <= last; bin++) {
      const density = ((counts.get(bin) ?? 0) * BARS) / values.length;
      x.push(bin / BARS, (bin + 1) / BARS);
      y.push(density, density);
    }
    x.push((last + 1) / BARS);
    y.push(0);
    return { x, y };
  }

  function* spectra(problem, dim, seeds) {
    for (let seed = 0; seed < seeds; seed++) {
      const { matrices, divergedAt } = yield* DeepLinear.train(problem, dim, seed);
      const found = [];
      for (const { weights, rows, columns } of matrices.slice(0, -1)) {
        found.push(DeepLinear.singularValues(weights, rows, columns));
        yield;
      }
      yield divergedAt === null ? found : null;
    }
  }

  class Spectra {
    constructor(parent, say) {
      Object.assign(this, { parent, say, charts: [], stop: () => {} });
    }

    update(state) {
      this.stop();
      this.state = { ...state };
      this.problem = { ...DeepLinear.problemOf(state), keep: true };
      this.found = DeepLinear.outliers(this.problem, DeepLinear.solve(this.problem));
      this.runs = [];
      this.draw();
    }

    settle() {
      const { dim, seeds } = this.state;
      this.say(this.words());
      if (seeds === 0 || !this.found) return;
      const received = (run) => {
        if (run) this.runs.push(run);
        this.draw();
      };
      this.stop = DeepLinear.inSlices(spectra(this.problem, dim, seeds), received, SLICE);
    }

    /* The chart of one matrix; they are made as the depth asks for them. */
    chart(l) {
      if (!this.charts[l]) {
        const holder = document.createElement("div");
        this.parent.append(holder);
        const chart = DeepLinear.chart(holder, {
          title: `W${"⁰¹²³⁴⁵⁶⁷⁸⁹"[l]}`,
          xLabel: "singular value",
          yLabel: "density",
          xLogarithmic: false,
        });
        this.charts[l] = { holder, chart };
      }
      return this.charts[l].chart;
    }

    lines(l) {
      const { rho, upper } = this.found[l];
      const lines = [{ name: "bulk, theory", ...bulk(rho), color: 0, dash: 0 }];
      for (const z of upper) {
        lines.push({ name: "outlier, theory", x: [z, z], y: [FLOOR, 1], color: 1, dash: 0 });
      }
      if (this.runs.length > 0) {
        const values = this.runs.flatMap((run) => Array.from(run[l]));
        const name = `networks (D = ${this.state.dim}, ${this.runs.length} seeds)`;
        lines.push({ name, ...bars(values), color: "quiet", dash: 0 });
      }
      return lines;
    }

    draw() {
      const matrices = this.found ?? [];
      this.charts.forEach(({ holder }, l) => (holder.hidden = l >= matrices.length));
      matrices.forEach((_, l) => {
        const chart = this.chart(l);
        chart.draw({ lines: this.lines(l) });
        chart.describe(this.wordsOf(l));
      });
    }

    wordsOf(l) {
      const { rho, gain, upper } = this.found[l];
      const edge = DeepLinear.format(1 + Math.sqrt(rho));
      const gains = `gain at the edge ${DeepLinear.format(gain)}`;
      if (upper.length === 0) return `W^${l}: nothing outside the bulk (edge ${edge}), ${gains}`;
      const outside = upper.map(DeepLinear.format).join(", ");
      return `W^${l}: ${outside} outside the bulk (edge ${edge}), ${gains}`;
    }

    words() {
      if (!this.found) return "Theory: the loss diverges; lower the learning rate.";
      return `${this.found.map((_, l) => this.wordsOf(l)).join(". ")}.`;
    }

    table() {
      return (this.found ?? []).flatMap((_, l) =>
        this.lines(l).flatMap(({ name, x, y }) =>
          Array.from(x, (at, i) => [`W^${l}`, name, at, y[i], ""]),
        ),
      );
    }
  }

  DeepLinear.panels.Spectra = Spectra;
})();
