"""The slides of the course, turned one by one in Chromium, and printed."""

import re

import pytest
from conftest import BOOK
from publish.chapters import ROOT
from publish.handouts import print_deck
from visit import AXE, STANDARDS, THIN_OUT, Visit, watch

pytestmark = pytest.mark.pages

SLIDES = sorted((BOOK / "slides").glob("*.html"))
FIT = """
() => {
  const slide = Reveal.getCurrentSlide();
  const box = slide.getBoundingClientRect(), scale = Reveal.getScale();
  const kinds = "h1, h2, p, li, img, td, figcaption, blockquote, mjx-container svg, figure svg";
  const seen = [...slide.querySelectorAll(kinds)]
    .map((e) => e.getBoundingClientRect()).filter((e) => e.width > 0);
  const figures = [...slide.querySelectorAll("figure img, figure > svg")];
  return {
    title: slide.querySelector("h1, h2").textContent,
    bottom: Math.max(...seen.map((e) => (e.bottom - box.top) / scale)),
    right: Math.max(...seen.map((e) => (e.right - box.left) / scale)),
    figure: Math.min(720, ...figures.map((e) => e.getBoundingClientRect().height / scale)),
  };
}
"""


def test_each_deck_is_built():
    sources = sorted((ROOT / "course" / "slides").glob("*.md"))
    assert [path.stem for path in SLIDES] == [source.stem for source in sources]


@pytest.mark.parametrize("path", SLIDES, ids=lambda path: path.stem)
def test_slides(chromium, path):
    tab = chromium.new_page(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
    seen = Visit()
    watch(tab, seen)
    tab.goto(path.as_uri())
    tab.wait_for_function("() => window.Reveal && Reveal.isReady()")
    assert tab.locator("mjx-merror").count() == 0
    assert tab.locator("mjx-container").count() > 20
    assert all(tab.eval_on_selector_all("img", "all => all.map((e) => e.alt.length > 30)"))
    too_large, too_small = [], []
    for number in range(tab.evaluate("Reveal.getTotalSlides()")):
        tab.evaluate(f"Reveal.slide({number}, 0, 99)")
        fit = tab.evaluate(FIT)
        # The number of the slide and the arrows stand below.
        if fit["bottom"] > 700 or fit["right"] > 1281:
            too_large.append(fit)
        if fit["figure"] < 160:
            too_small.append(fit)
    assert too_large == [] and too_small == []
    tab.close()
    assert seen.outside == [] and seen.errors == []


def test_slides_can_be_read(chromium, axe):
    """All slides of one deck at once, as in its handout; the decks share their style."""
    tab = chromium.new_page(viewport={"width": 1280, "height": 720})
    tab.goto((BOOK / "slides" / "week-01.html").as_uri() + "?handout")
    tab.evaluate("() => MathJax.startup.promise")
    tab.evaluate(THIN_OUT)
    tab.evaluate(axe)
    assert tab.evaluate(AXE, STANDARDS) == []
    tab.close()


def test_a_handout_has_two_slides_on_a_page(chromium, tmp_path):
    path = SLIDES[-1]
    print_deck(chromium, path, tmp_path / "deck.pdf")
    slides = len(re.findall("<section>", path.read_text()))
    pages = len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "deck.pdf").read_bytes()))
    assert pages == (slides + 1) // 2
