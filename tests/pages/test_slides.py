"""The slides of the course, turned one by one in Chromium."""

import pytest
from conftest import BOOK
from visit import AXE, EMPTY_EQUATIONS, STANDARDS, Visit, watch

pytestmark = pytest.mark.pages

SLIDES = sorted((BOOK / "slides").glob("*.html"))
FIT = """
() => {
  const slide = Reveal.getCurrentSlide();
  const box = slide.getBoundingClientRect(), scale = Reveal.getScale();
  const parts = [...slide.querySelectorAll("h1, h2, p, li, img, td, mjx-container svg")];
  return {
    height: slide.scrollHeight,
    right: Math.max(...parts.map((e) => (e.getBoundingClientRect().right - box.left) / scale)),
    title: slide.querySelector("h1, h2").textContent,
  };
}
"""


def test_there_are_slides():
    assert [path.stem for path in SLIDES] == ["lecture"]


@pytest.mark.parametrize("path", SLIDES, ids=lambda path: path.stem)
def test_slides(chromium, axe, path):
    tab = chromium.new_page(viewport={"width": 1280, "height": 720})
    seen = Visit()
    watch(tab, seen)
    tab.goto(path.as_uri())
    tab.wait_for_function("() => window.Reveal && Reveal.isReady()")
    assert tab.locator("mjx-merror").count() == 0
    assert tab.locator("mjx-container").count() > 20
    assert all(tab.eval_on_selector_all("img", "all => all.map((e) => e.alt.length > 30)"))
    count = tab.evaluate("Reveal.getTotalSlides()")
    assert count > 10
    too_large = []
    for _ in range(count):
        fit = tab.evaluate(FIT)
        if fit["height"] > 720 or fit["right"] > 1281:
            too_large.append(fit)
        tab.keyboard.press("ArrowRight")
    assert too_large == []
    tab.evaluate(EMPTY_EQUATIONS)
    tab.evaluate(axe)
    assert tab.evaluate(AXE, STANDARDS) == []
    tab.close()
    assert seen.outside == [] and seen.errors == []
