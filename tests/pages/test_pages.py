"""Every page of the book, opened from its file in Chromium."""

import html
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from conftest import BOOK
from contrast import pale
from visit import visit

pytestmark = pytest.mark.pages

GENERATED = {"search.html", "genindex.html", "py-modindex.html", "proof-proof.html"}
PAGES = sorted(
    str(path.relative_to(BOOK))
    for path in BOOK.rglob("*.html")
    if path.name not in GENERATED and not {"_static", "slides"} & set(path.parts)
)

GOOD = "<h1>Title</h1><h2>Part</h2><p>Text</p>"
ALT = "A line that falls from the left to the right."
EQUATION = "<mjx-container><svg width='300' height='20'></svg></mjx-container>"
BROKEN = {
    "equations have errors": GOOD + "<mjx-merror></mjx-merror>",
    "not typeset": GOOD + "<span class='math'>x</span>",
    "without alt": GOOD + "<img src='a.png'>",
    "outside a figure": GOOD + "<div class='cell_output'><img src='a.png' alt='A line'></div>",
    "figure without caption": GOOD + "<figure><img src='a.png' alt='A line'></figure>",
    "live figure without caption": GOOD + "<div class='live-figure' aria-label='A'></div>",
    "figure without data": GOOD + "<figure><img src='a.png' alt='A line'></figure>",
    "data has no rows": GOOD + f"<figure><img src='a.png' alt='{ALT}'>"
    "<a class='csv-link' href='data:text/csv;base64,eCx5Cg=='>x,y</a></figure>",
    "alt text is no description": GOOD + "<figure><img src='a.png' alt='A line'></figure>",
    "headings of level 1": GOOD + "<h1>Another</h1>",
    "follows one of level 2": GOOD + "<h4>Deep</h4>",
    "wider than the window": GOOD + "<div style='width: 3000px'>wide</div>",
    "raw LaTeX": GOOD + "<p><a class='internal' href='#'>A caption with \\gamma</a></p>",
    "is cut off": GOOD + "<p><span class='math' style='display: inline-flex; overflow: hidden; "
    f"width: 90px'>{EQUATION}</span></p>",
    "has to be scrolled": GOOD + "<div class='math' style='overflow-x: auto; width: 90px'>"
    f"{EQUATION}</div>",
    "too little contrast": GOOD + "<p style='color: #999'>pale</p>",
    "raw markup in code": GOOD + "<div class='cell_input'><pre># {eq}`rule`</pre></div>",
    "raw markup in prints": GOOD
    + "<div class='cell_output'><pre class='stream'>$\\nu = 1$: 2 %</pre></div>",
    "Traceback": GOOD + "<pre>Traceback (most recent call last)</pre>",
}


def look(browser, folder, body, axe=None):
    page = folder / "page.html"
    page.write_text(
        "<!doctype html><html lang='en'><title>A page</title>"
        f"<body style='background: white'><main>{body}</main>"
    )
    return visit(browser, page.as_uri(), axe)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_page_is_noticed(chromium, tmp_path, fault):
    found = look(chromium, tmp_path, BROKEN[fault])
    assert any(fault in sentence for sentence in found.faults)


def test_a_good_page_and_its_requests(chromium, tmp_path):
    found = look(chromium, tmp_path, f"{GOOD}<script src='http://localhost:9/a.js'></script>")
    assert found.faults == [] and found.outside and found.errors


def test_axe_notices_a_field_without_a_label(chromium, axe, tmp_path):
    assert look(chromium, tmp_path, GOOD, axe).axe == []
    found = look(chromium, tmp_path, GOOD + "<input type='text'>", axe).axe
    assert len(found) == 1 and "label" in found[0]


def test_axe_notices_pale_words_of_code(chromium, axe, tmp_path):
    words = "<span class='k'>for</span> <span class='n'>n</span> <span class='k'>for</span>"
    code = "<div class='highlight'><style>.c {{ color: {} }}</style><pre>{} <span class='c'># pale</span></pre></div>"
    assert look(chromium, tmp_path, GOOD + code.format("black", words), axe).axe == []
    found = look(chromium, tmp_path, GOOD + code.format("#bbb", words), axe).axe
    assert found and all("color-contrast" in fault for fault in found)


@pytest.mark.parametrize(
    ("paper", "ink", "line", "fault"),
    [
        ("white", "black", "#0072b2", None),
        ("white", "black", "#f0e442", "hue 45"),
        ("#191919", "#e6e6e6", "#4faadd", None),
        ("#191919", "#e6e6e6", "#0b3a5a", "hue 195"),
        ("#191919", "#555555", "#4faadd", "axes"),
    ],
)
def test_pale_lines_are_noticed(paper, ink, line, fault):
    from PIL import ImageColor

    picture = np.empty((200, 300, 3), np.uint8)
    picture[:] = ImageColor.getrgb(paper)
    picture[180:182] = ImageColor.getrgb(ink)
    picture[100:103] = ImageColor.getrgb(line)
    found = pale(picture)
    assert found == [] if fault is None else len(found) == 1 and found[0].startswith(fault)


EACH_PAGE = pytest.mark.parametrize("name", PAGES, scope="module")
"""All tests of one page, then all of the next: side by side, hardly any page is opened twice."""


def test_the_book_is_built():
    assert "index.html" in PAGES, "build the book first: make book"


@EACH_PAGE
def test_page(opened, name):
    found = opened(name)
    assert found.outside == [] and found.errors == []
    assert found.faults == []


@EACH_PAGE
def test_figures_are_readable_in_both_schemes(opened, name):
    assert opened(name).pale == []


@EACH_PAGE
def test_accessible(opened, axe, name):
    assert opened(name).axe == []


@cache
def anchors_of(name):
    """Those of a page's file."""
    return set(re.findall(r'\sid="([^"]+)"', html.unescape((BOOK / name).read_text())))


def broken_links(name, links, anchors):
    """The links of page `name` that lead nowhere; `anchors` gives those of each page of the book."""
    broken = []
    for link in links:
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = Path((BOOK / name).parent / unquote(parts.path) if parts.path else BOOK / name)
        key = str(target.resolve().relative_to(BOOK.resolve()))
        if not target.exists() or (
            parts.fragment and key in PAGES and unquote(parts.fragment) not in anchors(key)
        ):
            broken.append(f"{name}: {link}")
    return broken


@EACH_PAGE
def test_links_lead_somewhere(opened, name):
    assert broken_links(name, opened(name).first["links"], anchors_of) == []


def test_a_broken_link_is_noticed():
    anchors = {"index.html": {"there"}}.get
    links = ["#there", "#nowhere", "index.html#there", "missing.html", "https://example.org"]
    assert broken_links("index.html", links, anchors) == [
        "index.html: #nowhere",
        "index.html: missing.html",
    ]
