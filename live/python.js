/* What is on the screen, as the lines of Python that compute it with lib. */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  function number(x) {
    return Number.isInteger(x) ? `${x}.0` : String(x);
  }

  function width(value) {
    if (!Array.isArray(value)) return number(value);
    return `(${value.map(number).join(", ")},)`;
  }

  function network(state, ofWidth, lastWidth) {
    if (state.parameterization !== "ntk") {
      return `lib.Network(depth=${state.depth}, width=${ofWidth}, richness=${number(state.richness)})`;
    }
    const richness = `${number(state.richness)} / math.sqrt(${lastWidth})`;
    return `lib.Network(depth=${state.depth}, width=${ofWidth}, richness=${richness})`;
  }

  function data(state) {
    const fields = state.data === "population" ? [] : [`${state.data}=${number(state[state.data])}`];
    return `lib.Data(${[...fields, `noise=${number(state.noise)}`].join(", ")})`;
  }

  function bowl(state, { widths, learning_rates }) {
    return [
      "",
      "# The loss after the last step against the learning rate, at several widths",
      `learning_rates = [${learning_rates.join(", ")}]`,
      `short = [lib.GradientDescent(steps=${state.bowl_steps}, learning_rate=rate) for rate in learning_rates]`,
      "bowls = {",
      ...["mean-field", "ntk"].flatMap((parameterization) =>
        widths.map((nu) => {
          const one = network({ ...state, parameterization }, number(nu), number(nu));
          return `    ("${parameterization}", ${number(nu)}): lib.solve(${one}, data, short).test_loss[:, -1],`;
        }),
      ),
      "}",
    ];
  }

  /* `grid` holds the widths and learning rates of the bowl, null without one; `spikes` says whether the
   * figure looks inside the weights. */
  DeepLinear.toPython = function (state, grid, spikes) {
    const last = Array.isArray(state.width) ? state.width[state.width.length - 1] : state.width;
    const lines = [`network = ${network(state, width(state.width), number(last))}`];
    lines.push(`data = ${data(state)}`);
    lines.push(
      `training = lib.GradientDescent(steps=${state.steps}, learning_rate=${number(state.learning_rate)})`,
      "theory = lib.solve(network, data, training)",
    );
    if (state.seeds > 0) {
      lines.push(
        `runs = lib.simulate(network, data, training, dim=${state.dim}, seeds=${state.seeds})`,
      );
    }
    if (grid) lines.push(...bowl(state, grid));
    if (spikes) lines.push(`spikes = lib.weight_outliers(network, data, training, ${state.steps})`);
    const imports = lines.some((line) => line.includes("math.")) ? ["import math", ""] : [];
    return [...imports, "import lib", "", ...lines, ""].join("\n");
  };
})();
