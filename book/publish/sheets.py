"""Problem sheets of a term: `python -m publish.sheets assistants|students FOLDER TERM`.

`students` writes a notebook for each sheet, without solutions. `assistants` writes, into FOLDER/TERM, the
notebooks with solutions, executed, and what nbgrader needs: `nbgrader/source` and its configuration.
Cells carry nbgrader's metadata (version 3 of its schema); see `sheet_source` for the sources.
"""

import re
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import joblib
import nbformat
from nbclient import NotebookClient
from plain_notebook import install_cell
from repository import repository, requirement
from traitlets.config import Config

from publish import draws
from publish.chapters import ROOT
from publish.sheet_source import sheets

SOLUTION = re.compile(
    r"^(?P<indent> *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION[^\n]*\n?", re.M | re.S
)
HIDDEN = re.compile(r"^ *### BEGIN HIDDEN TESTS\n.*?^ *### END HIDDEN TESTS[^\n]*\n?", re.M | re.S)
MARKERS = re.compile(r"^ *### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS)[^\n]*\n?", re.M)
STUB = 'raise NotImplementedError("Your code here.")'
ROOM = "*Your derivation here.*"
FREE = "# Your code here."
IMPORTS = "import math\n\nimport matplotlib.pyplot as plt\nimport numpy as np\n\nimport lib"
CONFIGURATION = f'''\
"""nbgrader's settings for the problem sheets: run it in this folder."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "deep-linear-dynamics"
c.ClearSolutions.code_stub = {{"python": {STUB!r}}}
c.ClearSolutions.text_stub = {ROOM!r}
c.ExecutePreprocessor.timeout = 300
'''


def without_solution(source):
    """An answer's code with room in the place of the solution, as nbgrader leaves it."""
    return SOLUTION.sub(lambda m: f"{m['indent']}{STUB}\n", source).rstrip("\n")


def without_hidden(source):
    """A check's code without its hidden tests."""
    return HIDDEN.sub("", source).rstrip("\n")


def graded(cell, grade_id, points=0, *, grade=False, solution=False, locked=True):
    """The cell with nbgrader's metadata."""
    facts = {"schema_version": 3, "grade_id": grade_id, "task": False}
    facts |= {"grade": grade, "solution": solution, "locked": locked}
    cell.metadata["nbgrader"] = facts | ({"points": points} if grade else {})
    cell["id"] = grade_id
    return cell


def cells(problem, number, names, edition):
    """The cells of a problem in one of the editions "solutions", "source" (nbgrader's) and "students"."""
    told, code, text = (
        edition == "solutions",
        nbformat.v4.new_code_cell,
        nbformat.v4.new_markdown_cell,
    )
    facts = f"{problem.kind}, {problem.level}, {problem.minutes} minutes, {problem.points} points"
    label = problem.label
    heading = f"## Problem {number}. {problem.title} ({facts})"
    yield graded(text(heading), label)
    for place, part in enumerate(problem.parts):
        grade_id, source = f"{label}-{place}", draws.fill(part.source, names)
        if part.kind == "text":
            yield graded(text(source), grade_id)
        elif part.kind == "draw":
            yield graded(code(draws.shown(names)), grade_id)
        elif part.kind == "code":
            yield graded(code(source), grade_id)
        elif part.kind == "answer":
            source = {
                "students": without_solution(source),
                "solutions": MARKERS.sub("", source),
            }.get(edition, source)
            yield graded(code(source), grade_id, solution=True, locked=False)
        elif part.kind == "free":
            cell = code(source if told else FREE)
            cell["id"] = grade_id
            yield cell
        elif part.kind == "check":
            source = {"students": without_hidden(source), "solutions": MARKERS.sub("", source)}.get(
                edition, source
            )
            yield graded(code(source), grade_id, part.points, grade=True)
        elif part.kind == "derivation":
            source = ROOM if edition == "students" else source
            source = f"**Solution.** {source}" if told else source
            yield graded(
                text(source), grade_id, part.points, grade=True, solution=True, locked=False
            )
        elif part.kind == "assistants" and told:
            cell = text(f"**For assistants.** {source}")
            cell["id"] = grade_id
            yield cell


def settings(problem, sheet, term):
    """What is drawn for a problem of a sheet in a term."""
    code = "\n".join(part.source for part in problem.parts if part.kind == "draw")
    return draws.run(code, draws.Draw(term, f"{sheet.name}/{problem.label}"))


def notebook(sheet, term, edition, install=""):
    """A sheet as a notebook; with `install`, a first cell that installs what pip calls so."""
    when = f"Week {sheet.week}" if isinstance(sheet.week, int) else sheet.week
    top = f"# Problem sheet: {sheet.title}\n\n{when}, term {term}. "
    top += f"{sheet.points} points, about {sheet.minutes} minutes.\n\n{sheet.introduction}"
    made = [graded(nbformat.v4.new_markdown_cell(top.strip()), "sheet")]
    made += [install_cell(install)] if install else []
    made += [graded(nbformat.v4.new_code_cell(IMPORTS), "imports")]
    for place, problem in enumerate(sheet.problems, 1):
        number = f"{sheet.week}.{place}" if isinstance(sheet.week, int) else str(place)
        made += cells(problem, number, settings(problem, sheet, term), edition)
    book = nbformat.v4.new_notebook(cells=made)
    book.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(book)
    return book


def editions(term, root=ROOT):
    """The texts of each sheet, with solutions and without."""
    return [
        tuple(
            "\n".join(cell.source for cell in notebook(sheet, term, edition).cells)
            for edition in ("solutions", "students")
        )
        for sheet in sheets(root)
    ]


def write_students(folder, term, root=ROOT):
    """Notebooks without solutions."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    needs = requirement(repository(root))
    for sheet in sheets(root):
        nbformat.write(
            notebook(sheet, term, "students", needs), Path(folder) / f"{sheet.name}.ipynb"
        )


def overview(known):
    """A table of all problems."""
    head = "| problem | title | kind | level | minutes | by checks | by hand |\n|---|---|---|---|---|---|---|\n"
    rows = []
    for sheet in known:
        for place, problem in enumerate(sheet.problems, 1):
            facts = problem.title, problem.kind, problem.level, problem.minutes
            points = problem.points - problem.by_hand, problem.by_hand
            rows.append(
                f"| {sheet.week}.{place} | " + " | ".join(map(str, facts + points)) + " |\n"
            )
    return head + "".join(rows)


def execute(made, folder):
    """The notebook with outputs; an error in a cell is raised."""
    # Kernels that start at once could be given the same port; files do not collide.
    with tempfile.TemporaryDirectory() as sockets:
        ours = Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"})
        place = {"metadata": {"path": str(folder)}}
        return NotebookClient(made, timeout=600, resources=place, config=ours).execute()


def write_assistants(folder, term, root=ROOT):
    """Solutions, executed, and nbgrader's course folder."""
    place = Path(folder) / term
    for name in ("solutions", "nbgrader"):
        (place / name).mkdir(parents=True, exist_ok=True)
    (place / "nbgrader" / "nbgrader_config.py").write_text(CONFIGURATION)
    known = sheets(root)
    (place / "overview.md").write_text(overview(known))
    for sheet in known:
        source = place / "nbgrader" / "source" / sheet.name
        source.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook(sheet, term, "source"), source / f"{sheet.name}.ipynb")
    solved = [notebook(sheet, term, "solutions") for sheet in known]
    with ProcessPoolExecutor(min(joblib.cpu_count(), len(known))) as pool:
        for sheet, made in zip(known, pool.map(execute, solved, [place] * len(known)), strict=True):
            nbformat.write(made, place / "solutions" / f"{sheet.name}.ipynb")
            print(f"{sheet.name}: {sheet.points} points, {sheet.minutes} minutes", flush=True)


if __name__ == "__main__":
    command, place, term = sys.argv[1:]
    {"assistants": write_assistants, "students": write_students}[command](place, term)
