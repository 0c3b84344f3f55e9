"""Every page of the book, opened from its file in Chromium."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import BOOK
from page_checks import READ_PAGE, faults

pytestmark = pytest.mark.pages

GENERATED = {"search.html", "genindex.html", "py-modindex.html", "proof-proof.html"}
PAGES = sorted(
    str(path.relative_to(BOOK))
    for path in BOOK.rglob("*.html")
    if path.name not in GENERATED and "_static" not in path.parts
)

GOOD = "<h1>Title</h1><h2>Part</h2><p>Text</p>"
BROKEN = {
    "equations have errors": GOOD + "<mjx-merror></mjx-merror>",
    "not typeset": GOOD + "<span class='math'>x</span>",
    "without alt": GOOD + "<img src='a.png'>",
    "outside a figure": GOOD + "<div class='cell_output'><img src='a.png' alt='A line'></div>",
    "figure without caption": GOOD + "<figure><img src='a.png' alt='A line'></figure>",
    "figure without data": GOOD + "<figure><img src='a.png' alt='A line'></figure>",
    "headings of level 1": GOOD + "<h1>Another</h1>",
    "follows one of level 2": GOOD + "<h4>Deep</h4>",
    "wider than the window": GOOD + "<div style='width: 3000px'>wide</div>",
    "too little contrast": GOOD + "<p style='color: #999'>pale</p>",
    "Traceback": GOOD + "<pre>Traceback (most recent call last)</pre>",
}


def read(browser, url, *, width=1280, scheme="light"):
    """What the page says of itself, its requests beyond files, and its console errors."""
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    requests, errors = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: message.type == "error" and errors.append(message.text))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(url)
    tab.wait_for_load_state("load")
    tab.evaluate("() => window.MathJax?.startup?.promise")
    content = tab.evaluate(READ_PAGE)
    tab.close()
    outside = [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]
    return content, outside, errors


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_page_is_noticed(chromium, tmp_path, fault):
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><body style='background: white'>{BROKEN[fault]}")
    content, _, _ = read(chromium, page.as_uri())
    assert any(fault in found for found in faults(content))


def test_a_good_page_and_its_requests(chromium, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><body>{GOOD}<script src='http://localhost:9/a.js'></script>")
    content, outside, errors = read(chromium, page.as_uri())
    assert faults(content) == [] and outside and errors


def test_the_book_is_built():
    assert "index.html" in PAGES, "build the book first: make book"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", PAGES)
def test_page(chromium, name, width, scheme):
    content, outside, errors = read(chromium, (BOOK / name).as_uri(), width=width, scheme=scheme)
    assert outside == [] and errors == []
    assert faults(content) == []


def test_links_lead_somewhere(chromium):
    pages = {name: read(chromium, (BOOK / name).as_uri())[0] for name in PAGES}
    broken = []
    for name, content in pages.items():
        for link in content["links"]:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (BOOK / name).parent / unquote(parts.path) if parts.path else BOOK / name
            target = Path(target).resolve()
            if not target.exists():
                broken.append(f"{name}: {link}")
                continue
            key = str(target.relative_to(BOOK.resolve()))
            if parts.fragment and key in pages and parts.fragment not in pages[key]["anchors"]:
                broken.append(f"{name}: {link}")
    assert broken == []
