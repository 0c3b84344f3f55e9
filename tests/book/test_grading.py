"""nbgrader and the problem sheets: a perfect submission gets all points of its checks, an empty one none."""

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from publish import sheets
from publish.chapters import ROOT
from publish.sheet_source import sheets as all_sheets
from traitlets.config import Config

nbgrader = pytest.importorskip("nbgrader", reason="grading needs nbgrader")

TERM, NAME = "2031-autumn", "02-one-random-matrix"
SHEET = next(sheet for sheet in all_sheets(ROOT) if sheet.name == NAME)


def settings(folder):
    space = {"get_config": Config}
    exec(sheets.CONFIGURATION, space)
    found = space["c"]
    found.CourseDirectory.root = str(folder)
    return found


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of one sheet that nbgrader has released, with two submissions that it has graded."""
    # nbgrader calls alembic, which is beside Python but need not be on the path.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        folder = tmp_path_factory.mktemp("course")
        yield from graded_course(folder)


def graded_course(folder):
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI

    source = folder / "source" / NAME / f"{NAME}.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(sheets.notebook(SHEET, TERM, "source"), source)
    api = NbGraderAPI(config=settings(folder))
    made = api.generate_assignment(NAME, create=True)
    assert made["success"], made["log"]
    released = folder / "release" / NAME / f"{NAME}.ipynb"
    for student, file in (("perfect", source), ("empty", released)):
        place = folder / "submitted" / student / NAME
        place.mkdir(parents=True)
        shutil.copy(file, place / file.name)
        graded = api.autograde(NAME, student, create=True)
        assert graded["success"], graded["log"]
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        yield folder, book


def test_the_release_is_the_students_edition(course):
    folder, _ = course
    released = nbformat.read(folder / "release" / NAME / f"{NAME}.ipynb", 4)
    ours = sheets.notebook(SHEET, TERM, "students")
    assert [cell.source.rstrip() for cell in released.cells] == [
        cell.source.rstrip() for cell in ours.cells
    ]
    assert [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in released.cells] == [
        cell.metadata.get("nbgrader", {}).get("grade_id") for cell in ours.cells
    ]


@pytest.mark.parametrize(("student", "share"), [("perfect", 1), ("empty", 0)])
def test_checks_give_points(course, student, share):
    _, book = course
    submission = book.find_submission_notebook(NAME, NAME, student)
    parts = [part for problem in SHEET.problems for part in problem.parts]
    by_check = sum(part.points for part in parts if part.kind == "check")
    by_hand = sum(part.points for part in parts if part.kind == "derivation")
    assert sum(grade.auto_score or 0 for grade in submission.grades) == share * by_check
    assert submission.max_score == by_check + by_hand
    waiting = [grade for grade in submission.grades if grade.needs_manual_grade]
    assert sum(grade.max_score for grade in waiting) == (by_hand if share else 0)
