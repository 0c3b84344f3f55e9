"""The student edition, without solutions: `python -m publish.student sources|check FOLDER TERM`.

`sources` writes what Jupyter Book needs into FOLDER/source, notebooks into FOLDER/notebooks and the problem
sheets of the term among them; `check` fails if anything of a solution is left in FOLDER, in the built pages
too. Pages for instructors are left out as well, and links to notebooks online lead to those without solutions.
"""

import html
import json
import re
import shutil
import sys
from pathlib import Path

import jupytext
import nbformat
from plain_notebook import portable
from repository import repository, requirement
from term_plan import GIVEN, MINUTES

from publish import sheet_source, sheets
from publish.chapters import ROOT, chapters, notebooks
from publish.sheet_source import SHEETS

GATED = re.compile(
    r"^```\{solution-start\}.*?^```\{solution-end\}\n```\n?", re.MULTILINE | re.DOTALL
)
CLOSED = re.compile(r"^(`{3,}|:{3,})\{solution\}.*?^\1 *\n?", re.MULTILINE | re.DOTALL)
EXERCISE = re.compile(r"^```\{exercise-start\}\n:label: (\S+)\n```\n(.*)$", re.MULTILINE)
ANSWER = "```{code-cell} ipython3\n# Your answer.\n```\n"
DERIVATION = "+++\n\n*Your derivation.*\n\n+++\n"
LEFT_OUT = {"_build", "notebooks", "node_modules", "tests", "benchmarks"}
PUBLIC = ("book", "lib", "live", "reference")
"""Where no solution can be meant: a line of one that is found here is a common one."""

LEFT_OUT_PAGES = ("course/instructor", "course/sheets-and-grading")
FOLDER = "student/"
"""The edition's notebooks on the branch of notebooks."""

SHORTEST = 25
"""Lines of a solution that are shorter could stand anywhere."""


def without_solutions(text, instead=""):
    """A chapter's text with `instead` in the place of each solution."""
    return CLOSED.sub(lambda m: instead, GATED.sub(lambda m: instead, text))


def for_students(text):
    """The source of a notebook, with room for an answer in the place of each solution: by hand, or by code."""
    by_hand = {label for label, begin in EXERCISE.findall(text) if begin.startswith("By hand")}
    for solution in GATED.findall(text):
        if solution.split()[1] in by_hand:
            text = text.replace(solution, DERIVATION)
    return without_solutions(text, ANSWER)


def solutions(text):
    """The solutions in a chapter's text."""
    return [m[0] for pattern in (GATED, CLOSED) for m in pattern.finditer(text)]


def bare(text):
    """Letters and digits only: what is left of a line in any format."""
    return re.sub(r"[\W_]+", "", html.unescape(re.sub(r"</?[a-zA-Z][^<>\n]*>", "", text)))


def read(file):
    """The text of a file, of a notebook that of its cells and their outputs."""
    text = file.read_text(errors="ignore")
    return "\n".join(strings(json.loads(text))) if file.suffix == ".ipynb" else text


def strings(value):
    """All strings in parsed JSON."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (dict, list)):
        parts = value.values() if isinstance(value, dict) else value
        return [text for part in parts for text in strings(part)]
    return []


def secrets(texts):
    """Lines that occur in the solutions of chapters and nowhere else in any of them, bare."""
    rest = "\n".join(bare(without_solutions(text)) for text in texts)
    parts = (solution for text in texts for solution in solutions(text))
    lines = (bare(line) for solution in parts for line in solution.splitlines())
    return {line for line in lines if len(line) >= SHORTEST and line not in rest}


def secrets_of_sheets(term, root=ROOT):
    """Lines that occur in the solutions of problem sheets only, bare."""
    texts = sheets.editions(term, root)
    rest = "\n".join(bare(shown) for _, shown in texts)
    rest += "\n".join(bare(without_solutions((Path(root) / c).read_text())) for c in chapters(root))
    lines = (bare(line) for solved, _ in texts for line in solved.splitlines())
    return {line for line in lines if len(line) >= SHORTEST and line not in rest}


def idioms(root=ROOT):
    """All that is said in folders where no solution can be meant, bare."""
    files = (path for name in PUBLIC for path in (Path(root) / name).rglob("*"))
    return "\n".join(bare(read(path)) for path in files if path.suffix in {".md", ".py", ".txt"})


def leaks(files, secret):
    """(file, line) for each secret line that is in one of `files`, whatever its markup."""
    found = []
    for file in files:
        text = bare(read(file))
        found += [(file, line) for line in sorted(secret) if line in text]
    return found


def write_sources(folder, term, root=ROOT):
    """The book's sources and notebooks without solutions."""
    source, needs = Path(folder) / "source", requirement(repository(root))
    for entry in sorted(Path(root).iterdir()):
        if entry.name in LEFT_OUT or (entry.name.startswith(".")):
            continue
        if entry.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", Path(SHEETS).name)
            shutil.copytree(entry, source / entry.name, ignore=ignored)
        else:
            source.mkdir(parents=True, exist_ok=True)
            shutil.copy(entry, source / entry.name)
    note_minutes(source, root)
    leave_out(source)
    for page in notebooks(root):
        text = (Path(root) / page).read_text()
        (source / page).write_text(without_solutions(text))
        target = Path(folder) / "notebooks" / f"{page.stem}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(portable(jupytext.reads(for_students(text), fmt="md:myst"), needs), target)
    sheets.write_students(Path(folder) / "notebooks" / "sheets", term, root)
    shutil.copytree(Path(folder) / "notebooks" / "sheets", source / GIVEN)


def note_minutes(source, root):
    """How long each week's sheet takes, for the plan of the term: the sheets themselves are not there."""
    lines = (f"{sheet.week}: {sheet.minutes}\n" for sheet in sheet_source.sheets(root))
    (source / MINUTES).write_text("".join(lines))


def leave_out(source):
    """No pages for instructors, no line that leads there, no link to notebooks with solutions."""
    for page in LEFT_OUT_PAGES:
        (source / f"{page}.md").unlink()
    for name in ("_toc.yml", "index.md"):
        lines = (source / name).read_text().splitlines(keepends=True)
        kept = (line for line in lines if not any(page in line for page in LEFT_OUT_PAGES))
        (source / name).write_text("".join(kept))
    config = (source / "_config.yml").read_text()
    setting = f"    notebook_folder: {FOLDER}\n"
    (source / "_config.yml").write_text(config.replace("  config:\n", f"  config:\n{setting}", 1))


def check(folder, term, root=ROOT):
    """What is left of the solutions in `folder`."""
    secret = secrets([(Path(root) / chapter).read_text() for chapter in chapters(root)])
    secret |= secrets_of_sheets(term, root)
    common = idioms(root)
    secret = {line for line in secret if line not in common}
    kinds = {".md", ".ipynb", ".html", ".js", ".txt", ".py"}
    files = [p for p in Path(folder).rglob("*") if p.suffix in kinds and p.is_file()]
    return leaks(files, secret)


if __name__ == "__main__":
    command, place, term = sys.argv[1:]
    if command == "sources":
        shutil.rmtree(place, ignore_errors=True)
        write_sources(place, term)
    elif command == "check":
        left = check(place, term)
        for file, line in left:
            print(f"{file}: {line}")
        sys.exit(f"{len(left)} lines of solutions are left" if left else 0)
    else:
        sys.exit(f"{command}: say sources or check")
