/* The loss against the learning rate, of several widths in both parameterizations. */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  /* Test loss after the last step against the learning rate, widths side by side: in mean-field
   * scaling the best learning rate stays where it is, in NTK scaling it moves with the width.
   *
   * A worker solves. While a slider moves it solves every COARSE-th rate, and all of them at rest. */
  const COARSE = 4;

  class Bowl {
    constructor(parent, say, grid) {
      Object.assign(this, { grid, say });
      this.charts = {};
      for (const [name, title] of [
        ["mean-field", "Mean-field parameterization"],
        ["ntk", "NTK parameterization"],
      ]) {
        this.charts[name] = DeepLinear.chart(parent, {
          title,
          xLabel: "learning rate η",
          yLabel: "test loss at the end",
          xLogarithmic: true,
        });
      }
      this.curves = {};
      this.aside = DeepLinear.aside();
      this.stop = () => {};
    }

    /* A coarse pass that has begun is ended and drawn, so that curves follow however fast one slides. */
    update(state) {
      const { depth, richness, data, noise, bowl_steps } = state;
      const key = JSON.stringify([depth, richness, data, state[data], noise, bowl_steps]);
      this.rate = state.learning_rate;
      if (key === this.key) return this.draw();
      this.key = key;
      this.state = { ...state };
      this.resting = false;
      this.exact = false;
      this.say("");
      if (!this.sliding) this.coarse();
    }

    settle() {
      if (this.resting) return;
      this.resting = true;
      if (!this.sliding) this.fine();
    }

    coarse() {
      const last = this.grid.learning_rates.length - 1;
      const key = this.key;
      this.stop();
      this.sliding = true;
      this.solve((k) => k % COARSE === 0 || k === last, () => {
        this.sliding = false;
        if (key !== this.key) this.coarse();
        else if (this.resting) this.fine();
      });
    }

    fine() {
      this.stop();
      this.solve(() => true, () => {
        this.exact = true;
        this.draw();
        this.say(this.words());
      });
    }

    /* The losses at the rates that `wanted` chooses; all curves change together. */
    solve(wanted, done) {
      const { widths, learning_rates } = this.grid;
      const rates = learning_rates.filter((_, k) => wanted(k));
      const steps = this.state.bowl_steps;
      const curves = {};
      const places = [];
      for (const parameterization of Object.keys(this.charts)) {
        curves[parameterization] = widths.map((width) => ({ width, x: rates, y: [] }));
        for (const curve of curves[parameterization]) {
          for (const learning_rate of rates) {
            const one = { ...this.state, parameterization, width: curve.width, learning_rate, steps };
            places.push({ curve, problem: DeepLinear.problemOf(one) });
          }
        }
      }
      const received = (k, solution) => {
        places[k].curve.y.push(solution.testLoss[steps]);
        if (k < places.length - 1) return;
        this.curves = curves;
        this.draw();
        done();
      };
      this.stop = this.aside.each(places.map(({ problem }) => problem), received);
    }

    lines(parameterization) {
      return (this.curves[parameterization] ?? []).map(({ width, x, y }, k) => ({
        name: `ν = ${width}`,
        x,
        y,
        color: `ordered-${k}`,
        dash: k,
      }));
    }

    best({ y }) {
      return y.indexOf(Math.min(...y));
    }

    draw() {
      for (const [parameterization, chart] of Object.entries(this.charts)) {
        const lines = this.lines(parameterization);
        if (lines.length === 0) continue;
        const points = !this.exact ? [] : lines.map((line) => {
          const best = this.best(line);
          return { x: [line.x[best]], y: [line.y[best]], color: line.color, marker: "star" };
        });
        chart.draw({ lines, points, rule: this.rate });
        const bests = this.exact ? ` ${this.bests(parameterization)}.` : "";
        chart.describe(`Test loss against learning rate.${bests}`);
      }
    }

    table() {
      return Object.keys(this.charts).flatMap((name) =>
        this.lines(name).flatMap((line) => DeepLinear.rows(`bowl ${name}`, line)),
      );
    }

    /* A loss below the frame has no star, and no rate is called the best for it. */
    bests(parameterization) {
      const chart = this.charts[parameterization];
      const [drawn, below] = [[], []];
      for (const line of this.lines(parameterization)) {
        const best = this.best(line);
        if (chart.isBelow(line.y[best])) below.push(line.name);
        else drawn.push(`${DeepLinear.format(line.x[best])} at ${line.name}`);
      }
      if (below.length > 0) {
        const list = new Intl.ListFormat("en").format(below);
        drawn.push(`none at ${list}, where the loss leaves the frame`);
      }
      const name = parameterization === "ntk" ? "NTK" : parameterization;
      return `Best η, ${name}: ${drawn.join(", ")}`;
    }

    words() {
      return `${Object.keys(this.charts).map((name) => this.bests(name)).join(". ")}.`;
    }
  }

  DeepLinear.panels.Bowl = Bowl;
})();
