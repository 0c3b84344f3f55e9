"""What a link leads to, to be shown beside it: equations, figures, exercises, sources, terms, sections.

For each page `_static/previews/PAGE.js` holds the parts that links of the book name, as HTML;
`_static/previews.js` loads it when a reader rests on a link. Scripts can be loaded from files, which
other data cannot, so that previews work without a server too.

sphinx-tippy and the TeachBooks version of it were tried: each page loads all its previews beforehand, 51 MB
in place of 10 for the book, from files whose names change with every build, and citations have none.
"""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from built_pages import built_pages

FOLDER = "_static/previews"
LONGEST = 700
"""Characters of text of a section or an exercise."""


def targets(soup, page):
    """The places that links in the text of `page` name: (page, id)."""
    found = set()
    for link in soup.select("article a.internal[href], article a.bibtex[href]"):
        parts = urlsplit(link["href"])
        if parts.scheme or not parts.fragment:
            continue
        there = (Path(page).parent / unquote(parts.path)) if parts.path else Path(page)
        found.add((normal(there), unquote(parts.fragment)))
    return found


def normal(path):
    """A path without `..`, which is not looked up on disk."""
    parts = []
    for part in Path(path).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def preview(soup, key):
    """HTML that stands for the place `key` of a page, or None."""
    place = soup.find(id=key)
    if place is None:
        return None
    if place.name == "dt":
        return f"<p><b>{words(place)}</b></p>{inner(place.find_next_sibling('dd'))}"
    if place.name == "span" and not place.get_text(strip=True):
        place = place.find_parent(["section", "figure", "div"]) or place
    kinds = place.get("class") or []
    if place.name == "div" and "math" in kinds:
        return str(place)
    if place.name == "figure":
        return "".join(map(str, [*place.select("img"), *place.select("figcaption")]))
    if "citation" in kinds:
        return inner(place)
    if "exercise" in kinds:
        return str(place.select_one(".admonition-title")) + paragraphs(place)
    if place.name == "section":
        heading = place.find(re.compile("^h[1-6]$"))
        return f"<p><b>{words(heading)}</b></p>" + paragraphs(place)
    return None


def words(element):
    return re.sub(r"#$", "", element.decode_contents().split('<a class="headerlink"')[0]).strip()


def inner(element):
    return element.decode_contents() if element else ""


def paragraphs(place):
    """The first paragraphs of a place, as many as fit."""
    kept, length = [], 0
    for paragraph in place.find_all(["p", "ul", "ol"]):
        kinds = paragraph.get("class") or []
        if (
            "admonition-title" in kinds
            or "needs" in kinds
            or paragraph.find_parent(["li", "figure"])
        ):
            continue
        length += len(paragraph.get_text())
        if kept and length > LONGEST:
            break
        kept.append(str(paragraph))
        if len(kept) == 2:
            break
    return "".join(kept)


def clean(text):
    """A preview without what belongs to its page: ids, links to itself, data."""
    soup = BeautifulSoup(text, "html.parser")
    for link in soup.select("a.headerlink, a.csv-link, .backrefs, div.highlight"):
        link.decompose()
    for element in soup.find_all(True):
        element.attrs.pop("id", None)
        if element.name == "a":
            element.name = "span"
            element.attrs.pop("href", None)
    return str(soup)


def write(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    soups = {f"{page}.html": soup for page, soup in built_pages(app).items()}
    wanted = set().union(*(targets(soup, page) for page, soup in soups.items()))
    for page, soup in soups.items():
        parts = {key: preview(soup, key) for there, key in sorted(wanted) if there == page}
        parts = {key: clean(text) for key, text in parts.items() if text}
        if parts:
            file = out / FOLDER / f"{page.removesuffix('.html')}.js"
            file.parent.mkdir(parents=True, exist_ok=True)
            known = json.dumps([page, parts]).replace("</", "<\\/")
            file.write_text(f"window.bookPreviews.found(...{known});\n")


def setup(app):
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
