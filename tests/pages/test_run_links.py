"""Downloads, launch links and page descriptions, as they stand in the built pages."""

import nbformat
import pytest
from conftest import BOOK, ROOT
from PIL import Image
from publish.chapters import chapters, notebooks
from repository import PLACEHOLDER, binder, colab, repository, requirement, site

pytestmark = pytest.mark.pages

CHAPTERS = [
    str(chapter.with_suffix(""))
    for chapter in chapters()
    if (BOOK / chapter.with_suffix(".html")).exists()
]
RUNNABLE = [str(page.with_suffix("")) for page in notebooks()]


def test_all_chapters_are_built():
    assert [f"{chapter}.md" for chapter in CHAPTERS] == [str(chapter) for chapter in chapters()]


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_chapter_can_be_run(opened, name):
    page = opened(f"{name}.html").first
    url = repository(ROOT)
    # Links to Colab and Binder need the repository's address.
    drawn = 0 if url.endswith(PLACEHOLDER) else 2
    assert page["links"].count(colab(url, name)) == page["links"].count(binder(url, name)) == drawn
    assert not any(PLACEHOLDER in link for link in page["links"])
    download = f"../_sources/{name}.ipynb"
    assert page["links"].count(download) == 2
    notebook = nbformat.read((BOOK / f"{name}.html").parent / download, 4)
    assert requirement(url) in notebook.cells[0].source
    code = [cell for cell in notebook.cells[1:] if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    shown = [str(output.get("data", "")) for cell in code for output in cell.outputs]
    assert sum("csv-link" in output for output in shown) == len(page["figures"])
    live = [output for output in shown if "data-live=" in output]
    assert len(live) == page["live"]
    # Nothing that looks as if it moved: a picture, which becomes a widget when the cell is run.
    assert all("<img" in output for output in live)
    assert not any("jupyter.widget" in output for output in shown)
    assert "Run this page" in page["text"]
    assert f"jupyter lab notebooks/{name.split('/')[1]}.ipynb" in page["text"]


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
    assert 60 < len(head["description"]) <= 203
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
