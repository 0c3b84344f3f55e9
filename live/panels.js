/* What a live figure shows: learning curves with networks. */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  /* Milliseconds of work at a time beside the page's own. */
  const SLICE = 12;

  /* Work of the theory, in layers times cubes of steps, that a page does without a stop. */
  const AT_ONCE = 3e6;

  /* More weights than this do not fit a page (eight bytes each). */
  const MOST_WEIGHTS = 2.5e7;

  const LOSSES = {
    test_loss: { name: "test loss", key: "testLoss", color: 0, dash: 0, marker: "circle" },
    train_loss: { name: "training loss", key: "trainLoss", color: 1, dash: 1, marker: "square" },
    excess_loss: { name: "excess loss", key: "excessLoss", color: 0, dash: 0, marker: "circle" },
  };

  /* At most `count` steps between 0 and T, the first and the last among them. */
  function shownSteps(steps, count) {
    const all = Array.from({ length: count }, (_, k) => Math.round((k * steps) / (count - 1)));
    return [...new Set(all)];
  }

  function rows(panel, { name, x, y, error }) {
    return Array.from(x, (at, i) => [panel, name, at, y[i], error?.[i] ?? ""]);
  }

  function weightCount(problem, dim) {
    const sizes = [1, ...problem.widths].map((nu, l) => (l === 0 ? dim : Math.round(nu * dim)));
    return sizes.reduce((sum, size, l) => sum + (l > 0 ? size * sizes[l - 1] : 0), 0);
  }

  function* trainAll(problem, dim, seeds) {
    for (let seed = 0; seed < seeds; seed++) yield yield* DeepLinear.train(problem, dim, seed);
  }

  /* Learning curves: theory at every step, networks at some. What is on the screen, `shown`, keeps the
   * state, the problem, its theory and its networks together: a problem that a worker still solves is
   * in no sentence and in no line. */
  class Curves {
    constructor(parent, say, losses, root) {
      this.losses = losses.map((loss) => LOSSES[loss]);
      this.say = say;
      this.root = root;
      this.chart = DeepLinear.chart(parent, {
        title: "Learning curves",
        xLabel: "step t",
        yLabel: "loss",
        xLogarithmic: false,
      });
      this.stop = () => {};
    }

    /* The theory, at once, or from a worker if it would hold up the page; the networks of the old
     * state are gone. The curves before the move stay as ghosts. */
    update(state) {
      this.stop();
      if (!this.moving && this.shown) this.before = this.shown.theory;
      this.moving = true;
      this.rested = false;
      const problem = DeepLinear.problemOf(state);
      const asked = (this.asked = { state: { ...state }, problem });
      const received = (theory) => {
        if (asked !== this.asked) return;
        this.shown = { ...asked, theory, runs: [] };
        this.asked = null;
        delete this.root.dataset.liveBusy;
        this.draw();
        if (this.rested) this.train();
      };
      if (DeepLinear.workload(problem) <= AT_ONCE) {
        received(DeepLinear.solve(problem));
      } else {
        this.root.dataset.liveBusy = "";
        DeepLinear.solveAside(problem, received);
      }
    }

    settle() {
      this.rested = true;
      this.moving = false;
      if (!this.asked) this.train();
    }

    /* The networks, in the background. */
    train() {
      const { problem, runs } = this.shown;
      const { dim, seeds } = this.shown.state;
      const weights = weightCount(problem, dim);
      if (seeds === 0) {
        this.say(this.ofTheory());
      } else if (weights > MOST_WEIGHTS) {
        this.say(
          `${this.ofTheory()} Networks of ${Math.round(weights / 1e6)} million weights are too ` +
            "large for a page: lower D, ν or L.",
        );
      } else {
        this.say(`${this.ofTheory()} Training ${seeds} networks with D = ${dim} …`);
        const received = (run) => {
          runs.push(run);
          this.drawSoon();
          if (runs.length < seeds) {
            const done = `${runs.length} done …`;
            this.say(`${this.ofTheory()} Training ${seeds} networks with D = ${dim}, ${done}`);
          } else {
            this.say(`${this.ofTheory()} ${this.ofNetworks()}`);
          }
        };
        this.stop = DeepLinear.inSlices(trainAll(problem, dim, seeds), received, SLICE);
      }
    }

    series() {
      const { theory, problem, state, runs } = this.shown;
      const x = Float64Array.from(theory.testLoss, (_, t) => t);
      const lines = this.losses.map((loss) => ({
        ...loss,
        name: `${loss.name}, theory`,
        x,
        y: theory[loss.key],
      }));
      const ghosts = this.before && this.before.testLoss.length > 1
        ? this.losses.map((loss) => ({
            x: Float64Array.from(this.before[loss.key], (_, t) => t).subarray(0, x.length),
            y: this.before[loss.key],
          }))
        : [];
      if (runs.length === 0) return { lines, points: [], ghosts };
      const steps = shownSteps(problem.steps, 11);
      const points = this.losses.map((loss) => {
        const curves = runs.map((run) => run[loss.key]);
        const middles = steps.map((t) => DeepLinear.summarise(curves, t));
        return {
          ...loss,
          name: `${loss.name}, networks (D = ${state.dim}, ${curves.length} seeds)`,
          x: steps,
          y: middles.map((middle) => middle?.mean ?? Infinity),
          error: middles.map((middle) => middle?.error ?? null),
        };
      });
      return { lines, points, ghosts };
    }

    /* With the next frame: small networks are trained faster than a chart is drawn. */
    drawSoon() {
      this.frame ??= requestAnimationFrame(() => {
        this.frame = null;
        this.draw();
      });
    }

    draw() {
      this.chart.draw(this.series());
      this.chart.describe(`Learning curves. ${this.ofTheory()}`);
    }

    table() {
      if (!this.shown) return [];
      const { lines, points } = this.series();
      return [...lines, ...points].flatMap((one) => rows("curves", one));
    }

    ofTheory() {
      const { theory, problem } = this.shown;
      if (theory.divergedAt !== null) {
        return `Theory: the loss diverges at step ${theory.divergedAt}; lower the learning rate.`;
      }
      const words = this.losses.map((loss) => {
        const curve = theory[loss.key];
        const [first, last] = [curve[0], curve[problem.steps]].map(DeepLinear.format);
        return `${loss.name} from ${first} to ${last}`;
      });
      const best = theory.testLoss.indexOf(Math.min(...theory.testLoss));
      const early = best < problem.steps ? `, the test loss is lowest at step ${best}` : "";
      return `Theory: ${words.join(", ")}${early}.`;
    }

    ofNetworks() {
      const { runs } = this.shown;
      const { lines, points } = this.series();
      const count = runs.length;
      let [errors, fraction] = [0, 0];
      points.forEach(({ x, y, error }, k) =>
        x.forEach((t, i) => {
          const expected = lines[k].y[t];
          if (!Number.isFinite(expected) || !error[i]) return;
          errors = Math.max(errors, Math.abs(y[i] - expected) / error[i]);
          fraction = Math.max(fraction, Math.abs(y[i] - expected) / expected);
        }),
      );
      const diverged = runs.filter((run) => run.divergedAt !== null).length;
      if (diverged > 0) return `${diverged} of ${count} networks diverge.`;
      if (fraction > 1) {
        return `${count} networks: beyond the edge, where they leave the theory by factors; lower η.`;
      }
      return (
        `${count} networks: at the most ${errors.toFixed(1)} standard errors ` +
        `and ${(100 * fraction).toFixed(fraction < 0.1 ? 1 : 0)} % from the theory: ` +
        'their scatter, and a difference of order 1/D, larger near the edge.'
      );
    }
  }

  DeepLinear.panels = { Curves };
  DeepLinear.rows = rows;
})();
