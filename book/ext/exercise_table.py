"""What an exercise asks of the reader: `{exercise-table}` lists all, and each title names it.

`course/exercises.yml` gives difficulty, minutes and a line of text by label; how long the solution runs is measured
in the notebook that was executed for the book.

sphinx-exercise numbers exercises and lists none.
"""

import re
from datetime import datetime
from pathlib import Path

import nbformat
import yaml_files
from docutils import nodes
from jupyter_cache.executors import utils
from sphinx.util.docutils import SphinxDirective
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_subtitle

LIST = "course/exercises.yml"
LEVELS = {1: "easy", 2: "medium", 3: "hard"}
START = re.compile(r"^```\{(exercise|solution)-start\}", re.M)
END = re.compile(r"^```\{(exercise|solution)-end\}", re.M)
LABEL = re.compile(r"^```\{exercise-start\}\n:label: (\S+)\n```\n(.*?)[:,]", re.M | re.S)
SOLVED = re.compile(r"^```\{solution-start\} (\S+)", re.M)


def facts(root):
    """Level, minutes and what is asked, in a line, of each exercise, by label."""
    return yaml_files.load(Path(root) / LIST)


def exercises(text):
    """Label and kind ("By hand", "By code", "Open") of the exercises in a chapter's source."""
    return [(label, kind.strip()) for label, kind in LABEL.findall(text)]


def describe(level, minutes, asks=""):
    return f"{LEVELS[level]}, {minutes} minutes"


def seconds(cell):
    """How long a cell ran, from the times that the kernel noted."""
    noted = cell.metadata.get("execution", {})
    if not {"iopub.execute_input", "shell.execute_reply"} <= noted.keys():
        return 0.0
    begin, end = (
        datetime.fromisoformat(noted[key].replace("Z", "+00:00"))
        for key in ("iopub.execute_input", "shell.execute_reply")
    )
    return (end - begin).total_seconds()


def run_times(notebook):
    """Seconds of the code in each solution, by the exercise's label."""
    times, label = {}, None
    for cell in notebook.cells:
        if cell.cell_type == "code" and label:
            times[label] += seconds(cell)
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if match := SOLVED.match(line):
                label = match[1]
                times[label] = 0.0
            elif END.match(line):
                label = None
    return times


def in_words(time):
    """Seconds of a solution; without code it has none."""
    if time == 0:
        return "none"
    return f"{time:.1f} s" if time >= 0.1 else "< 0.1 s"


class exercise_table(nodes.General, nodes.Element):
    """Stands for the table until all notebooks have run."""


class ExerciseTable(SphinxDirective):
    def run(self):
        return [exercise_table()]


def rows(app, docname):
    """The exercises of the book in order: link, what is asked, kind, level, minutes, seconds of the solution."""
    known = facts(app.srcdir)
    for page in app.env.toctree_includes.get(app.config.root_doc, []):
        if not page.startswith("chapters/"):
            continue
        executed = Path(app.outdir).parent / "jupyter_execute" / f"{page}.ipynb"
        times = run_times(nbformat.read(executed, 4)) if executed.exists() else {}
        numbers = app.env.toc_fignumbers.get(page, {}).get("exercise", {})
        for label, kind in exercises(Path(app.env.doc2path(page)).read_text()):
            address = app.builder.get_relative_uri(docname, page) + "#" + label
            number = ".".join(map(str, numbers[label]))
            link = nodes.reference("", number, refuri=address, internal=True)
            level, minutes, asks = known[label]
            ran = in_words(times.get(label, 0.0))
            cells = asks, kind.replace(" ", "\u00a0"), LEVELS[level], str(minutes), ran
            yield link, *map(nodes.Text, cells)


def table(head, body):
    """A docutils table from texts and lists of inline nodes."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in head), cols=len(head))
    for part, lines in ((nodes.thead(), [map(nodes.Text, head)]), (nodes.tbody(), body)):
        for line in lines:
            part += nodes.row(
                "", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in line)
            )
        group += part
    return nodes.table("", group)


def fill(app, doctree, docname):
    for place in list(doctree.findall(exercise_table)):
        head = ["Exercise", "Asks", "Kind", "Level", "Minutes", "Solution runs"]
        made = table(head, list(rows(app, docname)))
        made["classes"].append("sortable")
        place.replace_self(made)


def name_effort(app, doctree):
    """Level and minutes behind the number of an exercise."""
    known = facts(app.srcdir)
    for exercise in doctree.findall(exercise_enumerable_node):
        if exercise["label"] in known:
            effort = describe(*known[exercise["label"]])
            exercise.children[0] += exercise_subtitle("", nodes.Text(effort))


def note_times(execute):
    """myst-nb asks not to note when cells ran; we need it."""

    def timed(*arguments, **options):
        return execute(*arguments, **options | {"record_timing": True})

    return timed


def setup(app):
    utils.executenb = note_times(utils.executenb)
    app.add_node(exercise_table)
    app.add_directive("exercise-table", ExerciseTable)
    app.connect("doctree-read", name_effort)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True}
