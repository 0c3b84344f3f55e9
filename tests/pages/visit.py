"""One visit to a page in Chromium: all that the tests ask of it, from a single load."""

import io
from dataclasses import dataclass, field

import numpy as np
from contrast import pale
from page_checks import READ_PAGE, faults
from PIL import Image

WIDTHS, SCHEMES = (1280, 400), ("light", "dark")
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Solutions are folded away; what is in them counts as well.
UNFOLD = """
() => {
  document.querySelectorAll(".toggle-hidden").forEach((e) => e.classList.remove("toggle-hidden"));
  document.querySelectorAll("details").forEach((e) => { e.open = true; });
}
"""
# The paths inside an equation are not text, and there are ten thousand of them on a long page; words of
# code of one class look alike, the first of them stands for all.
THIN_OUT = """
() => {
  document.querySelectorAll("mjx-container svg, mjx-assistive-mml > *").forEach((e) => e.remove());
  const known = new Set();
  document.querySelectorAll("pre span[class]").forEach((e) => {
    const block = e.closest(".cell_input, .cell_output, div.highlight");
    const kind = `${block?.className} ${e.className}`;
    if (known.has(kind) && !e.children.length) e.remove();
    known.add(kind);
  });
}
"""
AXE = """
async (run) => {
  const result = await axe.run(document,
    { resultTypes: ["violations"], runOnly: run, preload: false });
  return result.violations.flatMap((violation) => violation.nodes.map(
    (node) => `${violation.id}: ${node.target} ${(node.failureSummary || "").slice(0, 200)}`));
}
"""


@dataclass
class Visit:
    """What a page showed: its content at each width and color scheme, and its faults."""

    content: dict = field(default_factory=dict)
    outside: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    pale: list = field(default_factory=list)
    axe: list = field(default_factory=list)

    @property
    def first(self):
        """The content at the first width in the first scheme."""
        return self.content[WIDTHS[0], SCHEMES[0]]

    @property
    def faults(self):
        """What is wrong at each width and scheme, as sentences."""
        return [
            f"{width} pixels, {scheme}: {fault}"
            for (width, scheme), content in self.content.items()
            for fault in faults(content)
        ]


def watch(tab, visit):
    """Note requests beyond the page's own files, and everything that fails."""

    def asked(request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            visit.outside.append(request.url)

    tab.on("request", asked)
    tab.on("requestfailed", lambda request: visit.errors.append(f"failed: {request.url}"))
    tab.on("console", lambda m: m.type == "error" and visit.errors.append(m.text))
    tab.on("pageerror", lambda error: visit.errors.append(str(error)))


def show(tab, scheme):
    """Switch the color scheme as the reader's system does, and wait for the theme to follow."""
    tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    tab.wait_for_function(
        "(scheme) => [undefined, scheme].includes(document.documentElement.dataset.theme)",
        arg=scheme,
    )


def seen(image):
    """Whether an image is shown and was found; an image without its file has no pixels."""
    return image.is_visible() and image.evaluate("(e) => e.naturalWidth > 0")


def pixels(image):
    """An element as Chromium draws it, [height, width, 3]."""
    return np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("RGB"))


def visit(browser, url, axe=None):
    """Open `url` once and look at it at each width and in each scheme.

    `axe` is the source of axe-core; without it the rules of WCAG are not tried.
    """
    found = Visit()
    tab = browser.new_page(viewport={"width": WIDTHS[0], "height": 900}, reduced_motion="reduce")
    watch(tab, found)
    tab.goto(url)
    tab.wait_for_load_state("load")
    tab.evaluate("() => window.MathJax?.startup?.promise")
    tab.evaluate(UNFOLD)
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            show(tab, scheme)
            found.content[width, scheme] = tab.evaluate(READ_PAGE)
    # What is left is drawn and judged several times faster.
    tab.evaluate(THIN_OUT)
    tab.set_viewport_size({"width": WIDTHS[0], "height": 900})
    if axe:
        tab.evaluate(axe)
    contrast = {"type": "rule", "values": ["color-contrast"]}
    for scheme, run in (("dark", contrast), ("light", STANDARDS)):
        show(tab, scheme)
        for image in filter(seen, tab.query_selector_all("figure img")):
            found.pale += [f"{scheme}: {fault}" for fault in pale(pixels(image))]
        if axe:
            found.axe += [f"{scheme}: {fault}" for fault in tab.evaluate(AXE, run)]
    tab.close()
    return found
