"""The student edition: no solution in it, and everything else still there and able to run."""

import html
import json
import re
import subprocess
import sys

import jupytext
import nbformat
import pytest

from publish.chapters import ROOT, chapters
from publish.student import bare, check, leaks, secrets, solutions, without_solutions, write_sources

TEXTS = {str(chapter): (ROOT / chapter).read_text() for chapter in chapters()}


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    write_sources(folder)
    return folder


@pytest.mark.parametrize("chapter", TEXTS)
def test_every_solution_is_found(chapter):
    text = TEXTS[chapter]
    starts = len(re.findall(r"\{solution-start\}|\{solution\}", text))
    assert starts == len(re.findall(r"\{exercise-start\}|\{exercise\}", text))
    assert len(solutions(text)) == starts
    assert len(secrets([text])) >= starts
    assert "{solution" not in without_solutions(text)
    assert without_solutions(text).count("{exercise-start}") == text.count("{exercise-start}")


def test_nothing_of_a_solution_is_left(edition):
    assert check(edition) == []


@pytest.mark.parametrize("chapter", [chapter for chapter in TEXTS if secrets([TEXTS[chapter]])])
def test_a_leak_is_noticed(tmp_path, chapter):
    """A notebook with its solutions, and one line of a solution in a page."""
    secret = secrets([TEXTS[chapter]])
    clean, full, page = (tmp_path / name for name in ("clean.md", "full.ipynb", "page.html"))
    clean.write_text(without_solutions(TEXTS[chapter]))
    full.write_text(json.dumps(jupytext.reads(TEXTS[chapter], fmt="md:myst")))
    lines = solutions(TEXTS[chapter])[0].splitlines()
    page.write_text(next(f"<p>{html.escape(line)}</p>" for line in lines if bare(line) in secret))
    assert leaks([clean], secret) == []
    assert {line for _, line in leaks([full], secret)} == secret
    assert len(leaks([page], secret)) == 1


def test_highlighted_code_is_noticed(tmp_path):
    secret = {"assertabsorder1015andmore"}
    page = tmp_path / "a.html"
    page.write_text("<span>assert</span> <span>abs</span>(order <b>-</b> 1) &lt; 0.15 and more")
    assert leaks([page], secret) == [(page, "assertabsorder1015andmore")]


@pytest.mark.parametrize("chapter", TEXTS)
def test_what_is_left_runs_without_the_solutions(edition, chapter):
    """No cell uses a name that only a solution defines."""
    source = (edition / "source" / chapter).read_text()
    cells = jupytext.reads(source, fmt="md:myst").cells
    code = "\n".join(
        re.sub(r"^%.*", "", c.source, flags=re.M) for c in cells if c.cell_type == "code"
    )
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "-"]
    run = subprocess.run(ruff, input=code, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_notebooks_have_room_for_answers(edition):
    for chapter in chapters():
        notebook = nbformat.read(edition / "notebooks" / f"{chapter.stem}.ipynb", 4)
        room = sum(cell.source == "# Your answer." for cell in notebook.cells)
        assert room == len(solutions(TEXTS[str(chapter)]))
