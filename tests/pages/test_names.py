"""Numbers that notebooks show, counted from the sources, are those that Sphinx gives in the pages."""

import re

import pytest
from bs4 import BeautifulSoup
from conftest import BOOK
from names import names
from publish.chapters import ROOT, notebooks

pytestmark = pytest.mark.pages


def shown(page):
    """Numbers on a built page, by kind and label."""
    text = re.sub('"data:[^"]*"', '""', (BOOK / page).with_suffix(".html").read_text())
    soup = BeautifulSoup(text, "html.parser")
    found = {}
    for place in soup.select("div.math[id^=equation-]"):
        number = place.select_one(".eqno").get_text()
        found["equation", place["id"].removeprefix("equation-")] = number.strip("()#\n ")
    for place in soup.select("figure[id]"):
        if number := place.select_one(".caption-number"):
            found["figure", place["id"]] = number.get_text().split()[1]
    for place in soup.select(".admonition.exercise[id]"):
        title = place.select_one(".admonition-title").get_text().split()
        found["exercise", place["id"]] = title[1]
    return found


@pytest.mark.parametrize("page", notebooks(), ids=str)
def test_numbers_are_those_of_the_page(page):
    known = names(ROOT)
    found = shown(page)
    counted = {
        key: number
        for key, number in known.numbers.items()
        if known.places[key[1]] == str(page.with_suffix(""))
    }
    assert found == counted
