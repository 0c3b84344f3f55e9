"""The student edition: no solution in it, and everything else still there and able to run."""

import html
import json
import re
import subprocess
import sys

import execute
import jupytext
import kept_runs
import nbformat
import pytest
import yaml
from jupyter_cache.base import CacheBundleIn
from publish.chapters import ROOT, chapters, notebooks
from publish.student import (
    FOLDER,
    LEFT_OUT_PAGES,
    bare,
    check,
    leaks,
    secrets,
    solutions,
    without_solutions,
    write_sources,
)
from publish.student_runs import reuse

TERM = "example"
TEXTS = {str(chapter): (ROOT / chapter).read_text() for chapter in chapters()}


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    write_sources(folder, TERM)
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
    assert check(edition, TERM) == []


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
    for page in notebooks():
        notebook = nbformat.read(edition / "notebooks" / f"{page.stem}.ipynb", 4)
        text = (ROOT / page).read_text()
        room = [(cell.cell_type, cell.source) for cell in notebook.cells]
        by_hand = text.count("\n```\nBy hand")
        assert room.count(("markdown", "*Your derivation.*")) == by_hand
        assert room.count(("code", "# Your answer.")) == len(solutions(text)) - by_hand


@pytest.mark.parametrize("page", LEFT_OUT_PAGES)
def test_pages_for_instructors_are_left_out(edition, page):
    assert page in (ROOT / "index.md").read_text() + (ROOT / "_toc.yml").read_text()
    assert not (edition / "source" / f"{page}.md").exists()
    sources = [path for path in (edition / "source").rglob("*") if path.suffix in {".md", ".yml"}]
    assert [path for path in sources if page in path.read_text()] == []


def test_links_lead_to_notebooks_without_solutions(edition):
    config = yaml.safe_load((edition / "source" / "_config.yml").read_text())
    complete = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert config["sphinx"]["config"].pop("notebook_folder") == FOLDER
    assert config == complete


def test_the_edition_takes_the_outputs_of_the_book(tmp_path, monkeypatch):
    """Unless a cell stands behind a solution, which might know of it."""
    monkeypatch.setattr(kept_runs, "KEPT", tmp_path / "runs")
    head = "---\nfile_format: mystnb\nkernelspec:\n  display_name: Python 3\n  language: python\n  name: python3\n---\n# A\n"
    cell = "\n```{{code-cell}} ipython3\n{}\n```\n"
    exercise = "\n```{{solution-start}} a\n```\n" + cell + "\n```{{solution-end}}\n```\n"
    texts = {
        "last": head + cell.format("print(1)") + exercise.format("print(2)"),
        "between": head + exercise.format("print(2)") + cell.format("print(3)"),
    }
    cache = kept_runs.KeptRuns()
    for place in ("book", "edition"):
        (tmp_path / place).mkdir()
        listed = "".join(f"- file: {name}\n" for name in texts)
        (tmp_path / place / "_toc.yml").write_text(
            f"format: jb-book\nroot: index\nchapters:\n{listed}"
        )
        (tmp_path / place / "index.md").write_text("# Index\n")
    for name, text in texts.items():
        (tmp_path / "book" / f"{name}.md").write_text(text)
        (tmp_path / "edition" / f"{name}.md").write_text(without_solutions(text))
        executed = execute.read(tmp_path / "book" / f"{name}.md")
        for at, ran in enumerate(c for c in executed.cells if c.cell_type == "code"):
            ran.outputs = [nbformat.v4.new_output("stream", text=f"output {at}")]
        bundle = CacheBundleIn(executed, str(tmp_path / "book" / f"{name}.md"), data={})
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    assert reuse(tmp_path / "edition", tmp_path / "book") == ["last"]
    student = execute.read(tmp_path / "edition" / "last.md")
    assert execute.is_kept(cache, student)
    outputs = [c.outputs for c in student.cells if c.cell_type == "code"]
    assert [[output.text for output in cell] for cell in outputs] == [["output 0"]]
    assert not execute.is_kept(cache, execute.read(tmp_path / "edition" / "between.md"))
