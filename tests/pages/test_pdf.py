"""The book as one PDF: order, page numbers, bookmarks, and links that lead to their places."""

import pdf
import pytest
from pypdf import PdfReader

pytestmark = pytest.mark.pages

PAGES = {
    "index": "<h1>Book</h1><p><a href='part/one.html#deep'>deep</a> <a href='#end'>end</a>"
    " <a href='https://example.org/'>out</a> <a href='slides/talk.html'>talk</a></p>"
    "<p style='break-before: page' id='end'>The end.</p>",
    "part/one": "<h1><span class='section-number'>1 </span>One</h1><section id='first'><h2>First</h2></section>"
    "<p style='break-before: page'>.</p><section id='second'><h2>Second</h2>"
    "<p id='deep' style='margin-top: 400px'>Deep.</p></section>",
    "part/two": "<h1><span class='section-number'>2 </span>Two</h1><p><a href='one.html'>one</a></p>",
}
TOC = """\
root: index
parts:
  - caption: Part
    chapters:
      - {file: part/one, title: Short}
  - chapters:
      - {file: part/two}
"""


@pytest.fixture(scope="module")
def book(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    for page, body in PAGES.items():
        file = folder / f"{page}.html"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"<!doctype html><article class='bd-article'>{body}</article>")
    (folder / "_toc.yml").write_text(TOC)
    (folder / "_config.yml").write_text("title: Title & more\nauthor: Somebody\n")
    pdf.write(chromium, folder, folder / "book.pdf", root=folder, say=lambda words: None)
    return PdfReader(folder / "book.pdf")


def links(book, sheet):
    """Where the links of a sheet lead: (sheet, height) inside the book, addresses outside."""
    found = []
    for reference in book.pages[sheet].get("/Annots", []):
        link = reference.get_object()
        if "/A" in link:
            found.append(str(link["/A"]["/URI"]))
        else:
            place = link["/Dest"]
            found.append((book.get_page_number(place[0].get_object()), int(place[3])))
    return found


def test_cover_contents_and_pages_are_in_order_and_numbered(book):
    texts = [" ".join(sheet.extract_text().split()) for sheet in book.pages]
    assert len(texts) == 7
    assert texts[0] == "i Title & more Somebody"
    assert texts[1] == "ii Contents Book 1 Part 1 Short 3 2 Two 5"
    assert [text.split()[0] for text in texts[2:]] == ["1", "2", "3", "4", "5"]
    assert "Deep." in texts[5] and "The end." in texts[3]


def test_links_lead_to_their_places_or_out_and_never_to_a_file(book):
    deep, end, out = links(book, 2)
    assert deep[0] == 5 and deep[1] < 500 and end[0] == 3
    assert out == "https://example.org/"
    assert links(book, 6)[0][0] == 4
    assert [sheet for sheet, _ in links(book, 1)] == [2, 4, 4, 6]


def test_chapters_and_sections_are_bookmarks(book):
    front, part, [one, sections, two] = book.outline
    assert [item.title for item in (front, part, one, two)] == ["Book", "Part", "1 Short", "2 Two"]
    assert [item.title for item in sections] == ["First", "Second"]
    assert [book.get_destination_page_number(item) for item in (front, part, one, two)] == [
        2,
        4,
        4,
        6,
    ]
    assert book.get_destination_page_number(sections[1]) == 5
