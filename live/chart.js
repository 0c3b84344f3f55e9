/* A chart in the page: theory as lines, networks as points with error bars, drawn as SVG.
 *
 * Colours come from live.css (classes live-color-0, 1, ..), so that they follow the theme; lines also
 * differ in dashes and points in shape, so that no colour needs to be told apart.
 *
 * uPlot was tried in its place: faster to draw (8 ms in place of 23 for a move), and 150 lines here in place
 * of 270, but 51 kB more, and on a canvas: colours read anew with each theme, error bars, stars and legend
 * by hand all the same, nothing inside for screen readers and tests, pixels on paper.
 */
"use strict";

var DeepLinear = globalThis.DeepLinear || {};

(function () {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const MARGIN = { left: 58, right: 14, top: 12, bottom: 44 };
  const DASHES = ["none", "7 4", "2 3", "9 3 2 3", "12 3"];

  /* Losses this far below the largest one are left out. */
  const DEPTH_OF_VIEW = 1e-9;

  function element(name, attributes, parent) {
    const node = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (parent) parent.appendChild(node);
    return node;
  }

  function drawable(x) {
    return Number.isFinite(x) && x > 0;
  }

  DeepLinear.format = function (x) {
    if (x === 0 || (Math.abs(x) >= 1e-3 && Math.abs(x) < 1e5)) {
      return String(Number(x.toPrecision(3)));
    }
    return x.toExponential(1).replace(".0", "").replace("+", "");
  };

  function linearTicks(low, high) {
    const raw = (high - low) / 6 || 1;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= raw);
    const ticks = [];
    for (let k = Math.ceil(low / step); k * step <= high; k++) ticks.push(k * step);
    return ticks;
  }

  function logTicks(low, high) {
    const decades = Math.log10(high / low);
    const digits = decades < 1.2 ? [1, 2, 3, 5] : decades < 3 ? [1, 2, 5] : [1];
    const every = Math.max(1, Math.ceil(decades / 6));
    const ticks = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
      if (e % every !== 0) continue;
      for (const digit of digits) {
        const tick = Number(`${digit}e${e}`);
        if (tick >= low * 0.9999 && tick <= high * 1.0001) ticks.push(tick);
      }
    }
    return ticks;
  }

  /* From data to pixels. */
  function axis([low, high], from, to, logarithmic) {
    const [a, b] = logarithmic ? [Math.log(low), Math.log(high)] : [low, high];
    const slope = (to - from) / (b - a || 1);
    const place = (x) => from + ((logarithmic ? Math.log(x) : x) - a) * slope;
    place.ticks = logarithmic ? logTicks(low, high) : linearTicks(low, high);
    return place;
  }

  function verticalRange(series) {
    const values = series.flatMap((one) => Array.from(one.y)).filter(drawable);
    if (values.length === 0) return [0.1, 1];
    const high = Math.max(...values);
    return [Math.max(Math.min(...values), DEPTH_OF_VIEW * high) / 1.15, high * 1.15];
  }

  function horizontalRange(series) {
    const values = series.flatMap((one) => Array.from(one.x));
    return [Math.min(...values), Math.max(...values)];
  }

  function write(words, attributes, parent) {
    element("text", attributes, parent).textContent = words;
  }

  function drawAxes(svg, x, y, box, labels) {
    const axes = element("g", { class: "live-axes" }, svg);
    for (const tick of y.ticks) {
      const at = y(tick);
      element("line", { x1: box.left, x2: box.right, y1: at, y2: at }, axes);
      write(DeepLinear.format(tick), { x: box.left - 6, y: at + 4, "text-anchor": "end" }, axes);
    }
    let last = -Infinity;
    for (const tick of x.ticks) {
      const at = x(tick);
      element("line", { x1: at, x2: at, y1: box.top, y2: box.bottom }, axes);
      if (at - last < 34) continue;
      last = at;
      write(DeepLinear.format(tick), { x: at, y: box.bottom + 17, "text-anchor": "middle" }, axes);
    }
    const [middle, height] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    write(labels.x, { x: middle, y: box.bottom + 37, "text-anchor": "middle" }, axes);
    const turned = `translate(14 ${height}) rotate(-90)`;
    write(labels.y, { transform: turned, "text-anchor": "middle" }, axes);
  }

  /* The parts of a line that can be drawn, as the data of an SVG path. */
  function path(line, x, y, bottom) {
    let [commands, pen] = ["", "M"];
    for (let i = 0; i < line.x.length; i++) {
      if (drawable(line.y[i]) && line.y[i] >= bottom) {
        commands += `${pen}${x(line.x[i]).toFixed(1)} ${y(line.y[i]).toFixed(1)}`;
        pen = "L";
      } else {
        pen = "M";
      }
    }
    return commands;
  }

  function drawLine(line, d, parent) {
    const dash = DASHES[line.dash % DASHES.length];
    const look = { class: `live-line live-color-${line.color}`, "stroke-dasharray": dash };
    element("path", { d, ...look }, parent);
  }

  function drawMarker(shape, x, y, parent) {
    if (shape === "star") {
      write("★", { x, y: y + 6, "text-anchor": "middle" }, parent);
    } else if (shape === "square") {
      element("rect", { x: x - 3.2, y: y - 3.2, width: 6.4, height: 6.4 }, parent);
    } else {
      element("circle", { cx: x, cy: y, r: 3.6 }, parent);
    }
  }

  function pointGroup(points, parent) {
    return element("g", { class: `live-points live-color-${points.color}` }, parent);
  }

  function drawPoints(points, x, y, bottom, parent) {
    const group = pointGroup(points, parent);
    for (let i = 0; i < points.x.length; i++) {
      const [at, value, error] = [x(points.x[i]), points.y[i], points.error?.[i]];
      if (!drawable(value) || value < bottom) continue;
      if (error) {
        const ends = { y1: y(value + error), y2: y(Math.max(value - error, bottom)) };
        element("line", { x1: at, x2: at, ...ends }, group);
      }
      drawMarker(points.marker, at, y(value), group);
    }
  }

  function legendEntry(name, drawSample) {
    const item = document.createElement("li");
    const sample = element("svg", { width: 30, height: 12, "aria-hidden": "true" });
    drawSample(sample);
    item.append(sample, name);
    return item;
  }

  function drawLegend(legend, lines, points) {
    const ofLines = lines.map((line) =>
      legendEntry(line.name, (sample) => drawLine(line, "M1 6L29 6", sample)),
    );
    const ofPoints = points.map((one) =>
      legendEntry(one.name, (sample) => {
        const group = pointGroup(one, sample);
        element("line", { x1: 15, x2: 15, y1: 0, y2: 12 }, group);
        drawMarker(one.marker, 15, 6, group);
      }),
    );
    legend.replaceChildren(...ofLines, ...ofPoints);
  }

  /* A chart in `parent`; the vertical axis is logarithmic, and `ranges` are those of what is drawn, unless
   * said otherwise. draw({ lines, points, rule }) shows series of positive numbers:
   *     line   { name, x, y, color, dash }                       dash 0..4
   *     points { name, x, y, error, color, marker }              marker "circle", "square" or "star"
   *     rule   a vertical line at this x
   *     ghosts { x, y }                                          faint lines, of the setting before
   * Points without a name have no entry in the legend. describe(words) is for screen readers;
   * isBelow(value) says whether a value is too small for the frame. */
  DeepLinear.chart = function (
    parent,
    { title, xLabel, yLabel, xLogarithmic, yLogarithmic = true, ranges = {} },
  ) {
    const holder = document.createElement("div");
    holder.className = "live-chart";
    const heading = document.createElement("p");
    heading.className = "live-title";
    heading.textContent = title;
    const svg = element("svg", { role: "img", "aria-label": title });
    const legend = document.createElement("ul");
    legend.className = "live-legend";
    holder.append(heading, svg, legend);
    parent.append(holder);
    let shown = null;
    let drawnWidth = 0;
    let placed = null;

    /* The values under the pointer: the nearest drawn point of the lines. */
    function readOut(event) {
      svg.querySelector(".live-cross")?.remove();
      if (!placed || event.type === "pointerleave") return;
      const { x, y, box, lines } = placed;
      const frame = svg.getBoundingClientRect();
      const [px, py] = [event.clientX - frame.left, event.clientY - frame.top];
      if (px < box.left - 4 || px > box.right + 4) return;
      let best = null;
      for (const line of lines) {
        for (let i = 0; i < line.x.length; i++) {
          if (!drawable(line.y[i])) continue;
          const at = [x(line.x[i]), y(line.y[i])];
          if (at[1] > box.bottom + 1) continue;
          const away = Math.hypot(at[0] - px, 0.35 * (at[1] - py));
          if (!best || away < best.away) best = { away, at, line, i };
        }
      }
      if (!best) return;
      const cross = element("g", { class: "live-cross" }, svg);
      const [cx, cy] = best.at;
      element("line", { x1: cx, x2: cx, y1: box.top, y2: box.bottom }, cross);
      element("circle", { cx, cy, r: 4, class: `live-points live-color-${best.line.color}` }, cross);
      const label = xLabel.split(" ").at(-1);
      const values = `${best.line.name}: ${DeepLinear.format(best.line.y[best.i])} at ${label} = ` +
        DeepLinear.format(best.line.x[best.i]);
      const left = cx > (box.left + box.right) / 2;
      const place = { x: cx + (left ? -8 : 8), y: Math.max(box.top + 12, cy - 10) };
      write(values, { ...place, "text-anchor": left ? "end" : "start" }, cross);
    }
    svg.addEventListener("pointermove", readOut);
    svg.addEventListener("pointerleave", readOut);

    function redraw() {
      const { lines, points, rule, ghosts } = shown;
      const width = Math.max(240, drawnWidth);
      const height = Math.round(Math.min(360, Math.max(230, 0.55 * width)));
      for (const [key, value] of Object.entries({ width, height })) svg.setAttribute(key, value);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.replaceChildren();
      const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
      const box = { left: MARGIN.left, right, top: MARGIN.top, bottom };
      const all = [...lines, ...points];
      const vertical = ranges.y ?? verticalRange(all);
      const x = axis(ranges.x ?? horizontalRange(all), box.left, box.right, xLogarithmic);
      const y = axis(vertical, box.bottom, box.top, yLogarithmic);
      drawAxes(svg, x, y, box, { x: xLabel, y: yLabel });
      if (rule && x(rule) >= box.left && x(rule) <= box.right) {
        const ends = { x1: x(rule), x2: x(rule), y1: box.top, y2: box.bottom };
        element("line", { ...ends, class: "live-rule" }, svg);
      }
      for (const ghost of ghosts) {
        element("path", { d: path(ghost, x, y, vertical[0]), class: "live-ghost" }, svg);
      }
      for (const line of lines) drawLine(line, path(line, x, y, vertical[0]), svg);
      for (const one of points) drawPoints(one, x, y, vertical[0], svg);
      placed = { x, y, box, lines, bottom: vertical[0] };
      drawLegend(legend, lines, points.filter((one) => one.name));
    }

    new ResizeObserver(() => {
      if (holder.clientWidth === drawnWidth) return;
      drawnWidth = holder.clientWidth;
      if (shown) redraw();
    }).observe(holder);
    return {
      draw(series) {
        shown = { lines: [], points: [], rule: null, ghosts: [], ...series };
        drawnWidth = drawnWidth || holder.clientWidth;
        redraw();
      },
      describe(words) {
        svg.setAttribute("aria-label", words);
      },
      isBelow(value) {
        return value < placed.bottom;
      },
    };
  };
})();
