/* The controls of a live figure: native sliders and menus, one per field of the problem.
 *
 * A state holds the fields by the names that lib gives them. `sliders` says which of them the reader may
 * change: a number between [low, high], anything else among the listed choices.
 */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  /* Positions per factor of ten of a logarithmic slider; its values have two digits. */
  const PER_DECADE = 20;

  const linear = (step) => ({
    positions: (low, high) => Math.round((high - low) / step),
    value: (k, low) => Number((low + k * step).toFixed(6)),
    position: (x, low) => Math.round((x - low) / step),
  });

  const WHOLE = linear(1);

  const LOGARITHMIC = {
    positions: (low, high) => Math.ceil(PER_DECADE * Math.log10(high / low) - 1e-9),
    value: (k, low, high) =>
      k === 0 ? low : Math.min(high, Number((low * 10 ** (k / PER_DECADE)).toPrecision(2))),
    position: (x, low, high) =>
      (x === high ? Math.ceil : Math.round)(PER_DECADE * Math.log10(x / low) - 1e-9),
  };

  const FIELDS = {
    depth: { label: "depth <i>L</i>", scale: WHOLE },
    width: { label: "width <i>ν</i> = <i>N</i>/<i>D</i>", scale: LOGARITHMIC },
    richness: { label: "richness <i>γ</i><sub>0</sub>", scale: LOGARITHMIC },
    parameterization: {
      label: "parameterization",
      words: { "mean-field": "mean-field: γ₀", ntk: "NTK: γ₀/√ν" },
    },
    data: {
      label: "gradients from",
      words: { population: "the population", samples: "repeated data", batch: "fresh batches" },
    },
    samples: { label: "samples <i>α</i> = <i>P</i>/<i>D</i>", scale: LOGARITHMIC, only: "samples" },
    batch: {
      label: "batch <i>α</i><sub><i>B</i></sub> = <i>B</i>/<i>D</i>",
      scale: LOGARITHMIC,
      only: "batch",
    },
    noise: { label: "label noise <i>σ</i>", scale: linear(0.05) },
    learning_rate: { label: "learning rate <i>η</i>", scale: LOGARITHMIC },
    steps: { label: "steps <i>T</i>", scale: WHOLE },
    bowl_steps: { label: "steps of the bowl", scale: WHOLE },
    dim: { label: "networks: <i>D</i>", words: {} },
    seeds: { label: "networks: how many", words: {} },
  };

  /* Headings under which many controls are put. */
  const GROUPS = {
    "Network": ["depth", "width", "richness", "parameterization"],
    "Data": ["data", "samples", "batch", "noise"],
    "Training": ["learning_rate", "steps", "bowl_steps"],
    "Networks beside it": ["dim", "seeds"],
  };

  /* Fewer controls than this need no headings. */
  const MANY = 6;

  DeepLinear.fields = FIELDS;

  /* The problem of DeepLinear.solve and DeepLinear.train that a state describes. */
  DeepLinear.problemOf = function (state) {
    const widths = Array.isArray(state.width)
      ? state.width
      : new Array(state.depth).fill(state.width);
    const last = widths[widths.length - 1];
    const problem = {
      widths,
      richness: state.parameterization === "ntk" ? state.richness / Math.sqrt(last) : state.richness,
      noise: state.noise,
      learningRate: state.learning_rate,
      steps: state.steps,
    };
    if (state.data !== "population") problem[state.data] = state[state.data];
    return problem;
  };

  /* The fields in `sliders` as the fragment of an address, and back. What does not fit is ignored. */
  DeepLinear.toFragment = function (state, sliders) {
    return Object.keys(sliders)
      .map((field) => `${field}=${encodeURIComponent(state[field])}`)
      .join("&");
  };

  DeepLinear.fromFragment = function (fragment, sliders) {
    const found = {};
    for (const [field, text] of new URLSearchParams(fragment.replace(/^#/, ""))) {
      if (!Object.hasOwn(sliders, field)) continue;
      if (FIELDS[field].words) {
        const choice = sliders[field].find((value) => String(value) === text);
        if (choice !== undefined) found[field] = choice;
      } else if (text.trim() !== "" && Number.isFinite(Number(text))) {
        const [low, high] = sliders[field];
        const value = Math.min(high, Math.max(low, Number(text)));
        found[field] = FIELDS[field].scale === WHOLE ? Math.round(value) : value;
      }
    }
    return found;
  };

  let count = 0;

  function slider(field, bounds, state, changed) {
    const { scale } = FIELDS[field];
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: 0, max: scale.positions(...bounds), step: 1 });
    const output = document.createElement("output");
    function show() {
      output.textContent = DeepLinear.format(state[field]);
      input.setAttribute("aria-valuetext", output.textContent);
    }
    input.addEventListener("input", () => {
      state[field] = scale.value(Number(input.value), ...bounds);
      show();
      changed();
    });
    return {
      input,
      output,
      load() {
        input.value = scale.position(state[field], ...bounds);
        show();
      },
    };
  }

  function menu(field, choices, state, changed) {
    const input = document.createElement("select");
    for (const value of choices) input.add(new Option(FIELDS[field].words[value] ?? value, value));
    input.addEventListener("change", () => {
      state[field] = choices[input.selectedIndex];
      changed();
    });
    return {
      input,
      load() {
        input.selectedIndex = choices.indexOf(state[field]);
      },
    };
  }

  /* Where the control of each field goes, by field: under the heading of its group. */
  function groups(parent, sliders) {
    const places = {};
    if (Object.keys(sliders).length < MANY) return places;
    parent.classList.add("live-grouped");
    for (const [name, fields] of Object.entries(GROUPS)) {
      const present = fields.filter((field) => Object.hasOwn(sliders, field));
      if (present.length === 0) continue;
      const group = document.createElement("div");
      group.className = "live-group";
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", name);
      const heading = document.createElement("p");
      heading.className = "live-group-name";
      heading.textContent = name;
      group.append(heading);
      parent.append(group);
      for (const field of present) places[field] = group;
    }
    return places;
  }

  /* Controls for the fields in `sliders`, in `parent`. They write into `state` and call `changed`.
   * Returns load(), which shows what is in `state`. */
  DeepLinear.controls = function (parent, sliders, state, changed) {
    const places = groups(parent, sliders);
    const rows = Object.entries(sliders).map(([field, bounds]) => {
      const make = FIELDS[field].words ? menu : slider;
      const made = make(field, bounds, state, changed);
      const row = document.createElement("div");
      row.className = "live-control";
      const label = document.createElement("label");
      label.innerHTML = FIELDS[field].label;
      label.htmlFor = made.input.id = `live-${++count}-${field}`;
      made.input.name = field;
      row.append(label);
      if (made.output) {
        made.output.htmlFor = made.input.id;
        row.append(made.output);
      }
      row.append(made.input);
      (places[field] ?? parent).append(row);
      return { ...made, row, field };
    });
    return function load() {
      for (const { load: loadOne, row, field } of rows) {
        loadOne();
        row.hidden = FIELDS[field].only !== undefined && FIELDS[field].only !== state.data;
      }
    };
  };
})();
