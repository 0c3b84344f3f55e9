/* Figures whose sliders choose among curves that their cell has computed: those of cells with the tag
 * `choose`. What the page needs is in the figure's link to its data, rows of panel, series, x, y:
 *
 *     panel   "sharpness against step t"                              what against what
 *     series  "learning rate η = 0.05, richness γ₀ = 3: sharpness"    setting: name
 *
 * Every setting of the sliders has its series; the one of the first row is shown at first. An axis is
 * logarithmic where the family spans a factor of more than WIDE, and the same for all settings.
 * Without JavaScript, and on paper, the cell's picture of the whole family stands there.
 */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  const WIDE = 20;
  const COLORS = [0, 1, "quiet"];

  /* Text with commas and quotation marks as Python's csv writes it, row by row. */
  function parse(text) {
    const cell = /(?:"((?:[^"]|"")*)"|([^,\n]*))(,|\n|$)/y;
    const [rows, end] = [[[]], text.trimEnd().length];
    while (cell.lastIndex < end) {
      const [, quoted, plain, after] = cell.exec(text);
      rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
      if (after === "\n" && cell.lastIndex < end) rows.push([]);
    }
    return rows;
  }

  /* { fields: [{ label, values }], first: [value], panels: [{ title, series: { setting: [line] } }] } */
  DeepLinear.family = function (text) {
    const [fields, panels] = [new Map(), new Map()];
    let first = null;
    for (const [panel, series, x, y] of parse(text).slice(1)) {
      const [, where, name] = /^(.+ = .+?): (.+)$/.exec(series) ?? [];
      if (!where) throw new Error(`"${series}" names no setting: write "field = value: name"`);
      const values = where.split(", ").map((part) => {
        const [label, value] = part.split(" = ");
        if (!fields.has(label)) fields.set(label, new Set());
        fields.get(label).add(Number(value));
        return Number(value);
      });
      first ??= values;
      if (!panels.has(panel)) panels.set(panel, {});
      const lines = (panels.get(panel)[values] ??= []);
      if (lines.at(-1)?.name !== name) lines.push({ name, x: [], y: [] });
      lines.at(-1).x.push(Number(x));
      lines.at(-1).y.push(Number(y));
    }
    const grid = [...fields].map(([label, set]) => ({
      label,
      values: [...set].sort((a, b) => a - b),
    }));
    const settings = grid.reduce((count, field) => count * field.values.length, 1);
    for (const [panel, series] of panels) {
      const found = Object.keys(series).length;
      if (found !== settings) throw new Error(`${panel}: ${found} of ${settings} settings`);
    }
    const named = [...panels].map(([title, series]) => ({ title, series }));
    return { fields: grid, first, panels: named };
  };

  /* Of the whole family, so that nothing but the curves moves. */
  function span(values) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const logarithmic = low > 0 && high > WIDE * low;
    return { logarithmic, range: [low, high] };
  }

  function roomy({ logarithmic, range: [low, high] }) {
    const room = 0.06 * (high - low);
    return logarithmic ? [low / 1.15, high * 1.15] : [Math.max(low - room, low / 2), high + room];
  }

  function chartOf(parent, { title, series }) {
    const lines = Object.values(series).flat();
    const [x, y] = ["x", "y"].map((axis) => span(lines.flatMap((line) => line[axis])));
    const [yLabel, xLabel] = title.split(" against ");
    const names = [...new Set(lines.map((line) => line.name))];
    const look = Object.fromEntries(
      names.map((name, k) => [name, { color: COLORS[k % COLORS.length], dash: k }]),
    );
    const chart = DeepLinear.chart(parent, {
      title: yLabel,
      xLabel,
      yLabel,
      xLogarithmic: x.logarithmic,
      yLogarithmic: y.logarithmic,
      ranges: { x: x.range, y: roomy(y) },
    });
    return { ...chart, at: (key) => series[key].map((line) => ({ ...line, ...look[line.name] })) };
  }

  function inWords({ name, y }) {
    const [start, end] = [y[0], y.at(-1)].map(DeepLinear.format);
    return start === end ? `${name} ${start}` : `${name} from ${start} to ${end}`;
  }

  function make(tag, className, parent, properties = {}) {
    const node = Object.assign(document.createElement(tag), { className, ...properties });
    parent.append(node);
    return node;
  }

  let count = 0;

  class Family {
    constructor(link) {
      const bytes = Uint8Array.from(atob(link.href.split(",")[1]), (c) => c.charCodeAt(0));
      const { fields, first, panels } = DeepLinear.family(new TextDecoder().decode(bytes));
      const root = document.createElement("div");
      root.className = "live-figure live-family";
      root.setAttribute("role", "group");
      root.setAttribute("aria-label", link.parentElement.querySelector("img").alt);
      this.fields = fields;
      this.first = first.map((value, k) => fields[k].values.indexOf(value));
      this.places = [...this.first];
      const controls = make("div", "live-controls", root);
      this.sliders = fields.map((field, k) => this.slider(controls, field, k));
      const holder = make("div", "live-panel", root);
      this.words = make("p", "live-words", root);
      this.words.setAttribute("role", "status");
      const footer = make("div", "live-footer", root);
      const reset = { type: "button", textContent: "Reset" };
      make("button", "live-button live-reset", footer, reset).addEventListener("click", () => {
        this.places = [...this.first];
        this.changed();
      });
      link.parentElement.prepend(root);
      link.parentElement.classList.add("live-chosen");
      this.charts = panels.map((panel) => chartOf(holder, panel));
      this.draw();
    }

    slider(parent, { label, values }, k) {
      const row = make("div", "live-control", parent);
      const id = `live-family-${++count}`;
      make("label", "", row, { textContent: label, htmlFor: id });
      const output = make("output", "", row, { htmlFor: id });
      const range = { type: "range", min: 0, max: values.length - 1, step: 1, id, name: label };
      const input = make("input", "", row, range);
      input.addEventListener("input", () => {
        this.places[k] = Number(input.value);
        this.changed();
      });
      return { input, output };
    }

    /* Redraw with the next frame, however many changes come before it. */
    changed() {
      this.frame ??= requestAnimationFrame(() => {
        this.frame = null;
        const start = performance.now();
        this.draw();
        performance.clearMeasures("live-redraw");
        performance.measure("live-redraw", { start, end: performance.now() });
      });
    }

    draw() {
      const values = this.fields.map((field, k) => field.values[this.places[k]]);
      this.sliders.forEach(({ input, output }, k) => {
        input.value = this.places[k];
        output.textContent = values[k];
        input.setAttribute("aria-valuetext", String(values[k]));
      });
      const before = this.shown;
      this.shown = String(values);
      const said = this.charts.map((chart) => {
        const lines = chart.at(this.shown);
        const ghosts = before && before !== this.shown ? chart.at(before) : [];
        chart.draw({ lines, ghosts });
        const words = lines.map(inWords).join("; ");
        chart.describe(words);
        return words;
      });
      const setting = this.fields.map(({ label }, k) => `${label} = ${values[k]}`).join(", ");
      this.words.textContent = `At ${setting}: ${said.join("; ")}.`;
    }
  }

  function start() {
    const links = document.querySelectorAll(".cell.tag_choose .csv-link");
    for (const link of links) new Family(link);
  }

  if (!globalThis.document) return;
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
