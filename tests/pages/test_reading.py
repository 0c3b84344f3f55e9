"""What helps to read a page: previews, enlarged figures, the place in the contents, folds, light paper."""

import re

import pytest
from conftest import BOOK, FRAMES

pytestmark = pytest.mark.pages

WIDTH = BOOK / "chapters" / "06-width.html"
SHOWN = "#book-preview:not([hidden])"


@pytest.fixture
def tab(chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    yield page
    page.close()


def read(tab, address=WIDTH, fragment=""):
    tab.goto((address.as_uri() if hasattr(address, "as_uri") else address) + fragment)
    tab.wait_for_selector("html[data-reading=ready]")


@pytest.mark.parametrize(
    ("kind", "part"),
    [("#equation-", ".math mjx-container"), ("bibliography.html#", "text=/[12][90][0-9][0-9]/")],
)
def test_a_link_shows_what_it_leads_to(tab, kind, part):
    read(tab)
    link = tab.locator(f"article p a.reference[href*='{kind}']").first
    link.scroll_into_view_if_needed()
    link.hover()
    tab.wait_for_selector(f"{SHOWN} >> {part}")
    assert link.get_attribute("aria-describedby") == "book-preview"
    tab.keyboard.press("Escape")
    assert tab.locator(SHOWN).count() == 0


def test_previews_come_with_the_keyboard_and_stay_under_the_pointer(tab):
    read(tab)
    link = tab.locator("article p a.reference[href*='#equation-']").first
    tab.keyboard.press("Tab")
    link.focus()
    tab.wait_for_selector(SHOWN)
    tab.locator(SHOWN).hover()
    tab.wait_for_timeout(500)
    assert tab.locator(SHOWN).count() == 1


def test_a_figure_is_enlarged_and_closed(tab):
    read(tab)
    picture = tab.locator("button.book-enlarge.only-light").first
    small = picture.bounding_box()["width"]
    picture.press("Enter")
    large = tab.locator("dialog[open] img")
    large.wait_for()
    assert large.bounding_box()["width"] > 1.3 * small
    tab.keyboard.press("Escape")
    assert tab.locator("dialog[open]").count() == 0


def test_panels_side_by_side_can_be_read_on_a_phone(tab):
    tab.set_viewport_size({"width": 390, "height": 844})
    read(tab)
    pictures = tab.locator(".book-wide.only-light img").evaluate_all(
        "all => all.map((e) => [e.getBoundingClientRect().width / e.getAttribute('width'), "
        "e.closest('.book-wide').scrollWidth, e.closest('.book-wide').clientWidth])"
    )
    assert pictures
    for scale, content, window in pictures:
        assert scale == pytest.approx(0.75, abs=0.01) and content > window
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_of_two_pictures_is_shown(tab, scheme):
    tab.emulate_media(color_scheme=scheme)
    read(tab)
    shown = tab.locator("figure img").evaluate_all(
        "all => all.filter((e) => e.checkVisibility()).map((e) => e.className)"
    )
    assert shown and all(name == f"only-{scheme}" for name in shown if name)


def test_the_contents_show_where_one_is(tab):
    read(tab)
    sections = tab.locator("article > section > section, article section > section").count()
    assert sections > 3
    height = tab.evaluate("() => document.documentElement.scrollHeight")
    lit = []
    for y in range(1500, height - 1000, 1500):
        tab.evaluate(f"() => window.scrollTo({{top: {y}, behavior: 'instant'}})")
        tab.evaluate(FRAMES)
        lit.append(tab.locator(".book-here").count())
    assert set(lit) == {1}


def test_addresses_of_live_figures_are_not_taken_for_places(tab):
    """However late a page is loaded: after its live figure has written the address of its state."""
    failed = []
    tab.on("pageerror", lambda error: failed.append(str(error)))
    tab.add_init_script(
        """window.addEventListener("load", () => {
          for (const link of document.querySelectorAll(".live-explorer")) link.href += "#depth=2&width=1";
        }, { capture: true, once: true })"""
    )
    read(tab)
    assert tab.locator(".live-explorer").count() > 0 and failed == []


def test_setup_figures_and_checks_are_folded(tab):
    read(tab)
    folds = tab.locator(".cell.folded > details:not([open]) > summary").all_inner_texts()
    assert sum("Show the setup" in text for text in folds) == 1
    assert sum("Show the code of the figure" in text for text in folds) >= 3
    visible = tab.locator(".cell_input pre:visible").all_inner_texts()
    assert not any("plots.publish(" in text for text in visible)


def test_a_link_into_a_folded_solution_opens_it(tab):
    text = WIDTH.read_text()
    key = re.search(r'<div class="solution[^>]*id="([^"]+)"', text)[1]
    read(tab, fragment=f"#{key}")
    assert tab.locator(f"[id='{key}'] p:not(.admonition-title)").first.is_visible()


def test_formulas_stop_the_tab_key_only_where_they_scroll(tab):
    read(tab)
    stops = tab.locator("mjx-container[tabindex='0']").evaluate_all(
        """all => all.map((e) => Math.max(e.scrollWidth - e.clientWidth,
             e.parentElement.scrollWidth - e.parentElement.clientWidth))"""
    )
    assert tab.locator("mjx-container").count() > 50
    assert len(stops) < 10 and all(over > 0 for over in stops)


def test_paper_is_light_and_cuts_no_code(tab):
    tab.emulate_media(color_scheme="dark", media="print")
    read(tab)
    found = tab.evaluate(
        """() => ({
          ink: getComputedStyle(document.querySelector("article p")).color,
          dark: [...document.querySelectorAll("figure img.only-dark")]
            .filter((e) => e.checkVisibility()).length,
          light: [...document.querySelectorAll("figure img.only-light")]
            .filter((e) => e.checkVisibility()).length,
          cut: [...document.querySelectorAll(".cell_input pre")]
            .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).length,
          dimmed: [...document.querySelectorAll("figure img")].filter((e) => e.checkVisibility()
            && getComputedStyle(e).filter !== "none").length,
          grounds: [...document.querySelectorAll("article *")].filter((e) => e.checkVisibility())
            .map((e) => getComputedStyle(e).backgroundColor.match(/[\\d.]+/g).map(Number))
            .filter(([r, g, b, a = 1]) => a > 0.3 && Math.max(r, g, b) < 128).length,
        })"""
    )
    assert found["dimmed"] == 0 and found["grounds"] == 0
    ink = [int(number) for number in re.findall(r"\d+", found["ink"])[:3]]
    assert max(ink) < 90 and found["dark"] == 0 and found["light"] > 3 and found["cut"] == 0
