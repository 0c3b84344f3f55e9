"""Search, from a file and without a network."""

import pytest
from conftest import BOOK
from visit import Visit, watch

pytestmark = pytest.mark.pages


@pytest.mark.parametrize(
    ("words", "page"),
    [("richness", "reference/glossary.html"), ("response+matrix", "chapters/")],
)
def test_search_finds_pages(chromium, words, page):
    tab = chromium.new_page()
    seen = Visit()
    watch(tab, seen)
    tab.goto(f"{(BOOK / 'search.html').as_uri()}?q={words}")
    tab.wait_for_selector("#search-results li a")
    tab.wait_for_timeout(300)
    found = tab.eval_on_selector_all(
        "#search-results li a", "all => all.map((e) => e.getAttribute('href'))"
    )
    assert any(link.startswith(page) for link in found)
    assert all((BOOK / link.split("#")[0].split("?")[0]).exists() for link in found)
    assert seen.outside == [] and seen.errors == []
    tab.close()


def test_search_says_when_it_finds_nothing(chromium):
    tab = chromium.new_page()
    tab.goto(f"{(BOOK / 'search.html').as_uri()}?q=qwertzuiop")
    tab.wait_for_function(
        "() => document.querySelector('#search-results p')?.innerText.includes('did not match')"
    )
    assert tab.locator("#search-results li").count() == 0
    tab.close()
