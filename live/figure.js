/* Live figures: every element with a data-live attribute becomes one. An element with the attributes
 * data-live-setting (the fragment of an address) and data-live-label becomes a button for that setting,
 * which scrolls to the panel that data-live-panel counts (0 is the first).
 *
 * The attribute holds what lib.live wrote there:
 *     { name, alt, state, sliders, losses, grid, spikes, share }
 * `losses` are those of the learning curves, `grid` the widths and learning rates of the bowl, `spikes`
 * whether to look inside the weights; a figure has at least one of them.
 * Theory follows the sliders at once; networks, address and words follow when they rest.
 */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  /* Milliseconds without a change after which networks are trained. */
  const REST = 300;

  const EXPLORER = new URL("../../live/explorer.html", document.currentScript.src).href;

  function make(tag, className, words, parent) {
    const node = document.createElement(tag);
    node.className = className;
    node.textContent = words;
    parent.append(node);
    return node;
  }

  function csv(rows) {
    const quote = (cell) => (/[",]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
    const header = ["panel", "series", "x", "y", "standard_error"];
    return [header, ...rows].map((row) => row.map(quote).join(",") + "\n").join("");
  }

  async function copy(words, source) {
    try {
      await navigator.clipboard.writeText(words);
    } catch {
      // Pages opened from a file may be denied the clipboard: select, so that a key stroke copies.
      source.focus();
      source.select();
      return document.execCommand("copy");
    }
    return true;
  }

  function copyButton(parent, words, source) {
    const button = make("button", "live-button", words, parent);
    button.type = "button";
    button.addEventListener("click", async () => {
      button.textContent = (await copy(source.value, source)) ? "copied" : "selected: press Ctrl+C";
      setTimeout(() => (button.textContent = words), 1500);
    });
  }

  function textArea(parent, label, rows) {
    const area = document.createElement("textarea");
    Object.assign(area, { readOnly: true, rows, spellcheck: false, className: "live-text" });
    area.setAttribute("aria-label", label);
    parent.append(area);
    return area;
  }

  class Figure {
    constructor(root, { name, alt, state, sliders, losses, grid, spikes, share }) {
      Object.assign(this, { root, name, state, sliders, grid, spikes, share, first: { ...state } });
      root.replaceChildren();
      root.setAttribute("role", "group");
      root.setAttribute("aria-label", alt);
      const controls = make("div", "live-controls", "", root);
      this.load = DeepLinear.controls(controls, sliders, state, () => this.changed());
      const { Curves, Bowl, Spectra } = DeepLinear.panels;
      this.panels = [];
      if (losses.length > 0) this.panels.push(new Curves(...this.holders(), losses, root));
      if (grid) this.panels.push(new Bowl(...this.holders(), grid));
      if (spikes) this.panels.push(new Spectra(...this.holders()));
      this.footer();
      if (share) window.addEventListener("hashchange", () => this.readAddress());
      this.readAddress();
    }

    /* A place for the charts of a panel, and a way to say what they show. */
    holders() {
      const holder = make("div", "live-panel", "", this.root);
      const words = make("p", "live-words", "", this.root);
      words.setAttribute("role", "status");
      return [holder, (text) => (words.textContent = text)];
    }

    footer() {
      const footer = make("div", "live-footer", "", this.root);
      const reset = make("button", "live-button live-reset", "Reset", footer);
      reset.type = "button";
      reset.addEventListener("click", () => {
        Object.assign(this.state, this.first);
        this.changed();
      });
      const code = make("details", "live-python", "", footer);
      make("summary", "", "As Python", code);
      this.python = textArea(code, "The lines of Python for this figure", 10);
      copyButton(code, "Copy as Python", this.python);
      if (this.share) {
        const link = make("details", "live-share", "", footer);
        make("summary", "", "Link to this setting", link);
        this.link = textArea(link, "The address of this setting", 3);
        copyButton(link, "Copy link", this.link);
      } else {
        this.explorer = make("a", "live-explorer", "Open in the explorer", footer);
      }
      this.download = make("a", "csv-link", "Data of this figure (CSV)", footer);
      this.download.download = `${this.name}.csv`;
      this.download.href = "data:text/csv,";
      // Written when asked for: the table is as long as all curves together.
      for (const event of ["pointerdown", "focus", "click"]) {
        this.download.addEventListener(event, () => (this.download.href = this.data()));
      }
    }

    data() {
      const table = csv(this.panels.flatMap((panel) => panel.table()));
      return `data:text/csv;charset=utf-8,${encodeURIComponent(table)}`;
    }

    readAddress() {
      if (this.share) {
        Object.assign(this.state, DeepLinear.fromFragment(location.hash, this.sliders));
      }
      this.changed();
    }

    /* Redraw with the next frame, however many changes come before it. */
    changed() {
      if (this.frame) return;
      this.frame = requestAnimationFrame(() => {
        this.frame = null;
        const start = performance.now();
        this.load();
        for (const panel of this.panels) panel.update(this.state);
        this.python.value = DeepLinear.toPython(this.state, this.grid, this.spikes);
        performance.clearMeasures("live-redraw");
        performance.measure("live-redraw", { start, end: performance.now() });
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.settle(), REST);
      });
    }

    settle() {
      const { state, sliders } = this;
      if (this.share) {
        history.replaceState(null, "", `#${DeepLinear.toFragment(state, sliders)}`);
        this.link.value = location.href;
      } else {
        this.explorer.href = `${EXPLORER}#${DeepLinear.toFragment(state, state)}`;
      }
      for (const panel of this.panels) panel.settle();
    }
  }

  /* A place in the text that offers a setting of the page's shared figure. */
  function offer(place) {
    const button = make("button", "live-button", place.dataset.liveLabel, place);
    button.type = "button";
    button.addEventListener("click", () => {
      location.hash = place.dataset.liveSetting;
      const figure = document.querySelector("[data-live]");
      const panel = Number(place.dataset.livePanel ?? 0);
      const target = panel > 0 ? figure.querySelectorAll(".live-panel")[panel] : figure;
      // Below the controls that stay at the top.
      const controls = panel > 0 ? figure.querySelector(".live-grouped")?.offsetHeight ?? 0 : 0;
      target.style.scrollMarginTop = `${controls + 60}px`;
      target.scrollIntoView();
    });
  }

  function start() {
    for (const root of document.querySelectorAll("[data-live]")) {
      new Figure(root, JSON.parse(root.dataset.live));
    }
    document.querySelectorAll("[data-live-setting]").forEach(offer);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
