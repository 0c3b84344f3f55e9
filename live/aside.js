/* The theory beside the page: a worker solves what would hold the page up.
 *
 * Pages opened from files may not load a worker's script, so the worker is made from the solver's source,
 * which the book's extension lays out as DeepLinear.sources; without it the page solves by itself.
 */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  /* Work of one solution: hidden layers (the input layer counts as one) times steps cubed. */
  DeepLinear.workload = ({ widths, steps }) => (widths.length + 1) * steps ** 3;

  function make() {
    const answer = "onmessage = ({ data }) => postMessage(DeepLinear.solve(data));";
    const script = new Blob([DeepLinear.sources, answer], { type: "text/javascript" });
    return new Worker(URL.createObjectURL(script));
  }

  /* One worker: it solves one problem at a time, and of those that wait keeps the last. */
  class Aside {
    constructor() {
      this.running = null;
      this.next = null;
    }

    ask(problem, received) {
      if (!DeepLinear.sources) {
        setTimeout(() => received(DeepLinear.solve(problem)), 0);
        return;
      }
      if (!this.worker) {
        this.worker = make();
        this.worker.onmessage = ({ data }) => {
          const { received: waiting } = this.running;
          this.running = null;
          waiting(data);
          this.begin();
        };
      }
      this.next = { problem, received };
      this.begin();
    }

    /* Solve `problems` one after the other; `received(k, solution)` gets each. Returns a function that stops. */
    each(problems, received) {
      let stopped = false;
      const go = (k) => {
        if (stopped || k === problems.length) return;
        this.ask(problems[k], (solution) => {
          if (stopped) return;
          received(k, solution);
          go(k + 1);
        });
      };
      go(0);
      return () => {
        stopped = true;
      };
    }

    begin() {
      if (this.running || !this.next) return;
      [this.running, this.next] = [this.next, null];
      this.worker.postMessage(this.running.problem);
    }
  }

  const single = new Aside();

  /* Solve `problem` and call `received` with the solution; of those that wait, the last one is kept. */
  DeepLinear.solveAside = (problem, received) => single.ask(problem, received);

  /* A worker for many problems, beside the single ones. */
  DeepLinear.aside = () => new Aside();
})();
