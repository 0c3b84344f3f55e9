"""What somebody new finds from the front page: what it is, where to start, one figure, one proof."""

import pytest
from conftest import BOOK

pytestmark = pytest.mark.pages

PARTS = 6
"""Those of chapters that answer questions; the appendix has no card."""


@pytest.fixture
def front(chromium):
    tab = chromium.new_page(viewport={"width": 1280, "height": 900})
    tab.goto((BOOK / "index.html").as_uri())
    tab.wait_for_selector("html[data-reading=ready]")
    yield tab
    tab.close()


IN_SIGHT = (
    "(e) => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.top < innerHeight; }"
)


def in_sight(place):
    return place.evaluate(IN_SIGHT)


def comes_in_sight(tab, place):
    """Wait until a page has scrolled to what was asked for, which it does slowly."""
    tab.wait_for_function(IN_SIGHT, arg=place.element_handle())


def follow(tab, link):
    link.click()
    tab.wait_for_selector("html[data-reading=ready]")


def test_the_first_screen_says_what_it_is_and_where_to_start(front):
    for selector in (".promise", ".doors .sd-card >> nth=0", ".live-figure"):
        assert in_sight(front.locator(selector).first), selector
    front.locator(".doors .sd-card").first.click()
    assert front.url.endswith("chapters/01-why.html")


def test_the_figure_of_learning_rate_transfer_is_one_click_away(front):
    row = front.locator("table tr", has_text="best learning rate")
    follow(front, row.locator("a").first)
    comes_in_sight(front, front.locator("#fig-width-bowls img").first)


def test_the_proof_of_the_exponent_is_one_click_away(front):
    follow(front, front.locator("table a[href*='equation-power-exponent']"))
    comes_in_sight(front, front.locator("[id='equation-power-exponent']"))
    front.go_back()
    follow(front, front.locator("table a", has_text="proof"))
    comes_in_sight(front, front.locator("h2", has_text="One direction grows"))


def test_every_part_has_a_picture(front):
    cards = front.locator(".parts .sd-card")
    assert cards.count() == PARTS
    for card in cards.all():
        assert card.locator("img").count() == 2 and card.locator("a").count() >= 1
