"""Search, from a file and without a network."""

import pytest
from conftest import BOOK
from visit import Visit, watch

pytestmark = pytest.mark.pages

FOUND = "() => /found \\d+ page/.test(document.querySelector('#search-results p')?.innerText)"


@pytest.mark.parametrize(
    ("words", "page"),
    [("richness", "reference/glossary.html"), ("response+matrix", "chapters/")],
)
def test_search_finds_pages(chromium, words, page):
    tab = chromium.new_page()
    seen = Visit()
    watch(tab, seen)
    tab.goto(f"{(BOOK / 'search.html').as_uri()}?q={words}")
    tab.wait_for_function(FOUND)
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


def search(tab, words):
    tab.goto(f"{(BOOK / 'search.html').as_uri()}?q={words}")
    tab.wait_for_function(FOUND)
    tab.wait_for_selector("#search-results li p.context")
    return tab.locator("#search-results li")


def test_names_of_properties_are_words_too(chromium):
    tab = chromium.new_page()
    tab.goto(f"{(BOOK / 'search.html').as_uri()}?q=constructor")
    tab.wait_for_selector("#search-results p")
    tab.close()


def test_greek_letters_find_their_names(chromium):
    tab = chromium.new_page()
    assert search(tab, "%CE%B3").count() > 0
    assert tab.locator("input[name=q]").last.input_value() == "gamma"
    tab.close()


def test_forms_of_a_word_are_marked_where_the_word_itself_is_not(chromium):
    tab = chromium.new_page()
    search(tab, "violated").locator("a[href*='02-the-model']").first.click()
    tab.wait_for_selector("article mark.book-found")
    assert tab.locator("mark.book-found").first.inner_text().lower().startswith("violat")
    tab.close()


def test_results_have_excerpts_and_mark_the_page_that_is_chosen(chromium):
    tab = chromium.new_page()
    results = search(tab, "richness")
    results.locator("p.context", has_text="richness").first.wait_for()
    results.locator("a").first.click()
    tab.wait_for_selector("article mark.book-found")
    assert tab.locator("nav mark, .bd-sidebar mark, .bd-sidebar .highlighted").count() == 0
    tab.goto((BOOK / "reference" / "notation.html").as_uri())
    tab.wait_for_selector("html[data-reading=ready]")
    assert tab.locator("mark.book-found, .highlighted").count() == 0
    tab.close()
