"""Problem sheets: solutions pass their checks, wrong and missing answers do not, nothing leaks."""

import re
import subprocess
import sys

import nbformat
import pytest
import yaml
from publish import draws, sheet_source, sheets
from publish.chapters import ROOT, chapters, pages
from publish.student import SHORTEST, bare, leaks, secrets_of_sheets
from sheet_runs import run, solved, spoiled

TERM = "2031-autumn"
SHEETS = sheet_source.sheets(ROOT)
OWN = [(sheet, problem) for sheet in SHEETS for problem in sheet.problems if sheet.week != "A week"]
PROBLEMS = [pytest.param(*pair, id=pair[1].label) for pair in OWN]


def checks_fail(checks, space):
    """Whether one of the checks notices."""
    try:
        for _, code in checks:
            run(code, dict(space))
    except (AssertionError, NotImplementedError):
        return True
    return False


@pytest.mark.parametrize(("sheet", "problem"), PROBLEMS)
def test_solutions_pass_and_wrong_answers_do_not(sheet, problem):
    """Every function that a student writes is replaced by one that is off by 5 %, or by one."""
    space, checks, functions = solved(sheet, problem, TERM)
    for _, code in checks:
        run(code, dict(space))
    for name, first in functions.items():
        assert checks_fail(checks[first:], spoiled(space, name)), name


@pytest.mark.parametrize(("sheet", "problem"), PROBLEMS)
def test_the_start_runs_and_earns_nothing(sheet, problem):
    space, checks, functions = solved(sheet, problem, TERM, answers=False)
    assert bool(checks) == bool(functions)
    for check in checks:
        assert checks_fail([check], space)


def test_points_kinds_and_chapters():
    known = {
        f"({page['label']})=" for page in yaml.safe_load((ROOT / "course/chapters.yml").read_text())
    }
    texts = [(ROOT / chapter).read_text() for chapter in chapters()]
    labels = [problem.label for _, problem in OWN]
    assert len(labels) == len(set(labels))
    for sheet in SHEETS:
        assert 3 <= len(sheet.problems) <= 6 and 90 <= sheet.minutes <= 260, sheet.name
        for label in sheet.chapters:
            assert f"({label})=" in known and any(f"({label})=" in text for text in texts)
    for _, problem in OWN:
        kinds = [part.kind for part in problem.parts]
        assert kinds.count("assistants") == 1 and "derivation" in kinds, problem.label
        assert 4 <= problem.points <= 15 and 15 <= problem.minutes <= 80, problem.label
        graded = [part for part in problem.parts if part.kind in ("check", "derivation")]
        assert all(part.points > 0 for part in graded), problem.label
        if "check" in kinds:
            hidden = [sheets.HIDDEN.search(p.source) for p in problem.parts if p.kind == "check"]
            assert any(hidden), problem.label


def test_each_week_of_a_term_has_a_sheet():
    assert [sheet.week for sheet in SHEETS] == [*range(1, len(SHEETS)), "A week"]


def test_the_page_for_instructors_has_the_points():
    page = (ROOT / "course/sheets-and-grading.md").read_text()
    for sheet in SHEETS:
        points = f"{sheet.points - sheet.by_hand} + {sheet.by_hand}"
        row = sheet.week, sheet.title, len(sheet.problems), sheet.minutes, points
        assert "| " + " | ".join(map(str, row)) + " |" in page
    assert sheets.overview(SHEETS).count("\n") == 2 + sum(len(s.problems) for s in SHEETS)


def test_a_term_has_numbers_of_its_own():
    def texts(term):
        return [solved for solved, _ in sheets.editions(term, ROOT)]

    assert texts(TERM) == texts(TERM)
    assert all(one != other for one, other in zip(texts(TERM), texts("2032-autumn"), strict=True))
    for sheet, problem in OWN:
        if any(part.kind == "draw" for part in problem.parts):
            drawn = {draws.shown(sheets.settings(problem, sheet, f"term {n}")) for n in range(8)}
            assert len(drawn) > 1, problem.label


def test_draws_stay_in_their_range():
    draw = draws.Draw("term", "problem")
    values = {draw.between(0.1, 0.3, 0.1) for _ in range(40)}
    assert values == {0.1, 0.2, 0.3}
    assert {type(draw.between(1, 3, 1)) for _ in range(5)} == {int}
    assert sorted(draw.order(1, 2, 3)) == [1, 2, 3]
    names = draws.run("a = 2\n_b = a / 8\nc = 'x'", draw)
    assert draws.shown(names) == "a = 2\nc = 'x'"
    assert draws.fill("{{ _b }} and {{ f'{a:.1f}' }}", names) == "0.25 and 2.0"


def test_students_see_no_solution(tmp_path):
    secret = secrets_of_sheets(TERM)
    assert len(secret) > 10 * len(SHEETS)
    sheets.write_students(tmp_path / "students", TERM)
    files = sorted((tmp_path / "students").glob("*.ipynb"))
    assert len(files) == len(SHEETS)
    assert leaks(files, secret) == []
    for sheet in SHEETS:
        full = tmp_path / f"{sheet.name}.ipynb"
        nbformat.write(sheets.notebook(sheet, TERM, "solutions"), full)
        assert leaks([full], secret)
    for file in files:
        cells = "\n".join(cell.source for cell in nbformat.read(file, 4).cells)
        assert not re.search(r"BEGIN|END (SOLUTION|HIDDEN)|For assistants|\{\{", cells)
        assert not re.search(r"\{[a-z]+\}`", cells), "roles of MyST are not read in a notebook"


def test_the_book_has_no_sheets():
    """Nor has the branch of notebooks, which students may see; and no page says what a solution says."""
    from publish.notebooks import BESIDE

    listed = pages(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    assert not [page for page in listed if page.startswith(sheet_source.SHEETS + "/")]
    assert not [name for name in BESIDE if name.startswith("course")]
    told = [
        bare(line)
        for _, problem in OWN
        for part in problem.parts
        if part.kind in ("derivation", "assistants")
        for line in part.source.splitlines()
    ]
    secret = {line for line in told if len(line) >= SHORTEST}
    assert len(secret) > 20 * len(SHEETS)
    assert leaks([ROOT / f"{page}.md" for page in listed], secret) == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_code_of_a_sheet_is_in_order(sheet):
    """No undefined or unused names, with solutions and without; one cell after the other."""
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E7,E9", "-"]
    for edition in ("solutions", "students"):
        made = sheets.notebook(sheet, TERM, edition)
        code = "\n\n".join(cell.source for cell in made.cells if cell.cell_type == "code")
        unused = ["--ignore", "F401,F811,F841,E741,E731"]
        run = subprocess.run(
            [*ruff[:-1], *unused, "-"], input=code, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{edition}: {run.stdout}"
