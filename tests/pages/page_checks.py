"""What every page of the book must satisfy, read off the page as Chromium shows it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

READ_PAGE = """
() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const article = document.querySelector("article.bd-article") || document.body;
  const rgb = (text) => (text.match(/[0-9.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => {
      c /= 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] > 0.9) return color;
    }
    return [255, 255, 255];
  };
  const contrast = (element) => {
    const [a, b] = [rgb(getComputedStyle(element).color), background(element)].map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const right = (e) => Math.max(...all("svg", e).map((part) =>
    part.getBoundingClientRect().right)) - e.getBoundingClientRect().right;
  return {
    mathErrors: all("mjx-merror, [data-mjx-error]").length,
    rawMath: all("span.math, div.math").filter((e) => !e.querySelector("mjx-container")).length,
    imagesWithoutAlt: all("img", article)
      .filter((e) => !(e.alt || "").trim() || /^_?images?\\//.test(e.alt)
        || /_images\\//.test(e.alt)).map((e) => e.src),
    figures: all("figure", article).filter((e) => e.querySelector("img")).map((e) => ({
      number: e.querySelector(".caption-number")?.innerText || "",
      caption: e.querySelector(".caption-text")?.innerText || "",
      data: e.querySelectorAll("a.csv-link").length
        + (e.closest(".cell") || e).querySelectorAll("a.csv-link").length,
      alt: Math.min(...all("img", e).map((image) => image.alt.length)),
      rows: Math.min(...all("a.csv-link", e.closest(".cell") || e)
        .map((link) => atob(link.href.split(",")[1]).trim().split("\\n").length - 1)),
    })),
    live: all(".live-figure:not(.live-family)", article).length,
    liveWithoutCaption: all(".live-figure", article).filter((e) =>
      !e.closest("figure")?.querySelector(".caption-number")).map((e) => e.ariaLabel),
    plotsOutsideFigures: all(".cell_output img", article)
      .filter((e) => !e.closest("figure")).map((e) => e.alt),
    headings: all("h1, h2, h3, h4, h5, h6", article).map((e) => Number(e.tagName[1])),
    wide: document.documentElement.scrollWidth - window.innerWidth,
    cut: all("span.math", article).filter((e) => e.checkVisibility() && right(e) > 2)
      .map((e) => e.textContent.slice(0, 60)),
    scrolled: all("div.math", article).filter((e) => e.checkVisibility()
      && Math.max(e.scrollWidth - e.clientWidth, ...all("mjx-container", e)
        .map((c) => c.scrollWidth - c.clientWidth)) > 2)
      .map((e) => e.textContent.slice(0, 60)),
    scrolledCode: all(":is(.cell_input, .highlight) pre", article).filter((e) => e.checkVisibility()
      && e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.slice(0, 60)),
    lowContrast: all("p, li, td, h1, h2, h3, dt, dd, figcaption", article)
      .filter((e) => e.innerText.trim() && e.checkVisibility() && contrast(e) < 4.5)
      .map((e) => e.innerText.slice(0, 60)),
    anchors: all("[id]").map((e) => e.id),
    window: window.innerWidth,
    links: all("a[href]").map((e) => e.getAttribute("href")),
    rawLinks: all("a.internal", article).map((e) => e.textContent).filter((t) => /\\\\[a-z]/.test(t)),
    code: all(".cell_input pre", article).map((e) => e.textContent),
    prints: all(".cell_output .stream, .cell_output .text_plain", article).map((e) => e.textContent),
    text: article.innerText,
  };
}
"""

ROLE = re.compile(r"\{(?:eq|ref|cite|numref|chapter)(?::[tp])?\}`")
TEX = re.compile(r"\$[^$\n]*\\[a-zA-Z]+[^$\n]*\$")
"""Roles of the source in what a reader sees, and mathematics between dollars in what code prints."""

LAPTOP = 1000
"""Windows of this many pixels or more show every equation as a whole."""

FORBIDDEN_TEXT = ("Traceback (most recent call last)", str(ROOT), "/tmp/", "/root/", "Warning:")


def faults(page):
    """The faults of a page as sentences; `page` is what READ_PAGE returned."""
    found = []
    if page["mathErrors"]:
        found.append(f"{page['mathErrors']} equations have errors")
    if page["rawMath"]:
        found.append(f"{page['rawMath']} equations were not typeset")
    found += [f"image without alt text: {source}" for source in page["imagesWithoutAlt"]]
    found += [f"plot outside a figure: {alt}" for alt in page["plotsOutsideFigures"]]
    found += [f"live figure without caption: {name}" for name in page["liveWithoutCaption"]]
    for figure in page["figures"]:
        for part in ("number", "caption", "data"):
            if not figure[part]:
                found.append(f"figure without {part}: {figure}")
        if figure["data"] and not figure["rows"]:
            found.append(f"figure whose data has no rows: {figure}")
        if figure["alt"] < 30:
            found.append(f"figure whose alt text is no description: {figure}")
    if page["headings"].count(1) != 1:
        found.append(f"{page['headings'].count(1)} headings of level 1")
    for above, below in zip(page["headings"], page["headings"][1:], strict=False):
        if below > above + 1:
            found.append(f"a heading of level {below} follows one of level {above}")
    if page["wide"] > 0:
        found.append(f"{page['wide']} pixels wider than the window")
    found += [f"a link shows raw LaTeX: {text!r}" for text in page["rawLinks"]]
    found += [f"an equation in a line is cut off: {text!r}" for text in page["cut"]]
    if page["window"] >= LAPTOP:
        found += [f"an equation has to be scrolled: {text!r}" for text in page["scrolled"]]
        found += [f"code has to be scrolled: {text!r}" for text in page["scrolledCode"]]
    for kind, pattern in (("code", ROLE), ("prints", ROLE), ("prints", TEX)):
        marks = [match[0] for text in page[kind] for match in pattern.finditer(text)]
        found += [f"raw markup in {kind}: {mark!r}" for mark in marks]
    found += [f"too little contrast: {text!r}" for text in page["lowContrast"]]
    found += [f"the text has {text!r}" for text in FORBIDDEN_TEXT if text in page["text"]]
    return found
