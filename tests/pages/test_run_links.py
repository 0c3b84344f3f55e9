"""Downloads, launch links and page descriptions, as they stand in the built pages."""

import nbformat
import pytest
from conftest import BOOK, ROOT
from PIL import Image
from repository import binder, colab, repository, requirement, site

from publish.chapters import chapters

pytestmark = pytest.mark.pages

CHAPTERS = [
    str(chapter.with_suffix(""))
    for chapter in chapters()
    if (BOOK / chapter.with_suffix(".html")).exists()
]


def test_all_chapters_are_built():
    assert [f"{chapter}.md" for chapter in CHAPTERS] == [str(chapter) for chapter in chapters()]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_can_be_run(opened, chapter):
    links = opened(f"{chapter}.html").first["links"]
    url = repository(ROOT)
    assert links.count(colab(url, chapter)) == 2 and links.count(binder(url, chapter)) == 2
    download = f"../_sources/{chapter}.ipynb"
    assert links.count(download) == 2
    notebook = nbformat.read((BOOK / f"{chapter}.html").parent / download, 4)
    assert requirement(url) in notebook.cells[0].source
    code = [cell for cell in notebook.cells[1:] if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    figures = [o for cell in code for o in cell.outputs if "csv-link" in str(o.get("data", ""))]
    text = opened(f"{chapter}.html").first["text"]
    assert len(figures) == len(opened(f"{chapter}.html").first["figures"])
    assert (
        "Run this chapter" in text
        and f"jupyter lab notebooks/{chapter.split('/')[1]}.ipynb" in text
    )


@pytest.mark.parametrize("page", ["index", *CHAPTERS])
def test_a_page_describes_itself(chromium, page):
    text = (BOOK / f"{page}.html").read_text()
    tab = chromium.new_page(java_script_enabled=False)
    tab.set_content(text.split("<body")[0] + "<body>")
    head = tab.eval_on_selector_all(
        "meta",
        "all => Object.fromEntries(all.map((e) => [e.name || e.getAttribute('property'), e.content]))",
    )
    tab.close()
    assert 60 < len(head["description"]) <= 202
    assert head["og:description"] == head["description"]
    assert head["og:url"] == f"{site(repository(ROOT))}{page}.html"
    assert head["og:image"] == f"{site(repository(ROOT))}_static/social-preview.png"
    assert 'rel="icon"' in text


def test_descriptions_differ():
    found = {
        (BOOK / f"{page}.html").read_text().split('name="description" content="')[1].split('"')[0]
        for page in CHAPTERS
    }
    assert len(found) == len(CHAPTERS)


def test_the_preview_is_a_picture():
    with Image.open(BOOK / "_static" / "social-preview.png") as picture:
        assert picture.size == (1200, 630)
        assert len(picture.convert("RGB").getcolors(1_000_000)) > 50
