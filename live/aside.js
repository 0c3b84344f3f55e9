/* The theory beside the page: a worker solves what would hold the page up.
 *
 * Pages opened from files may not load a worker's script, so the worker is made from the solver's source,
 * which the book's extension lays out as DeepLinear.sources; without it the page solves by itself.
 */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  let worker = null;
  let running = null;
  let next = null;

  /* Work of one solution: hidden layers (the input layer counts as one) times steps cubed. */
  DeepLinear.workload = ({ widths, steps }) => (widths.length + 1) * steps ** 3;

  function make() {
    const answer = "onmessage = ({ data }) => postMessage(DeepLinear.solve(data));";
    const script = new Blob([DeepLinear.sources, answer], { type: "text/javascript" });
    const made = new Worker(URL.createObjectURL(script));
    made.onmessage = ({ data }) => {
      const { received } = running;
      running = null;
      received(data);
      begin();
    };
    return made;
  }

  function begin() {
    if (running || !next) return;
    [running, next] = [next, null];
    worker.postMessage(running.problem);
  }

  /* Solve `problem` and call `received` with the solution; of those that wait, the last one is kept. */
  DeepLinear.solveAside = function (problem, received) {
    try {
      worker ??= make();
    } catch {
      received(DeepLinear.solve(problem));
      return;
    }
    next = { problem, received };
    begin();
  };
})();
