"""The term in tables: `{term-plan}`, `{term-outcomes}`, `{workload}`, from `course/plan.yml`.

Nothing is counted by hand: minutes of reading are those of the chapters, minutes of exercises those of
`course/exercises.yml`, minutes of sheets those of their problems.
"""

import re
from pathlib import Path

import yaml_files
from exercise_table import facts
from publish.sheet_source import sheets
from sphinx.util.docutils import SphinxDirective

PLAN = "course/plan.yml"
CHAPTERS = "course/chapters.yml"
MINUTES = "course/sheets.yml"
"""Minutes of the sheets by week, in the student edition, which does not have their sources."""
GIVEN = "sheets"
"""Where the student edition has the sheets of its term, as notebooks."""
TIME = re.compile(r"\*\*Time\*\*: (\d+) minutes")


def plan(root):
    """What is in course/plan.yml."""
    return yaml_files.load(Path(root) / PLAN)


def times(root):
    """Minutes of reading that each chapter states, by its label; a chapter may state none."""
    listed = {
        c["label"]: Path(root, f"{c['file']}.md") for c in yaml_files.load(Path(root) / CHAPTERS)
    }
    found = {
        label: TIME.search(file.read_text()) for label, file in listed.items() if file.exists()
    }
    return {label: int(match[1]) for label, match in found.items() if match}


def further(root):
    """Chapters that no week treats, for projects and for oneself: minutes of reading by label."""
    placed = {label for week in plan(root)["weeks"] for label in week["chapters"]}
    return {label: time for label, time in times(root).items() if label not in placed}


def sheet(root, number):
    """Minutes of a week's sheet: those of its problems."""
    noted = Path(root) / MINUTES
    known = yaml_files.load(noted) if noted.exists() else {s.week: s.minutes for s in sheets(root)}
    return known[number]


def offered(root, number):
    """Minutes of a week's sheet; in the student edition a link to its notebook."""
    spent = f"{sheet(root, number)}"
    found = sorted(Path(root, GIVEN).glob(f"{number:02}-*.ipynb"))
    return f"{{download}}`{spent} </{GIVEN}/{found[0].name}>`" if found else spent


def minutes(root, labels):
    """Minutes of exercises of the book, together."""
    known = facts(root)
    return sum(known[label][1] for label in labels)


def deck(number):
    """The name of a week's slides."""
    return f"week-{number:02}"


def workload(root):
    """Minutes of the whole term, by what they are spent on."""
    term = plan(root)
    weeks = term["weeks"]
    return {
        "lectures": term["lecture"] * len(weeks),
        "exercise classes": term["class"] * len(weeks),
        "reading, before and after the lecture": sum(sum(w["chapters"].values()) for w in weeks),
        "problem sheets": sum(sheet(root, k + 1) for k in range(len(weeks))),
        "writing the sheets up": term["writing"] * len(weeks),
        "project": term["project"],
        "preparing for the examination": term["examination"],
    }


def hours(count):
    """Minutes as hours, with a decimal where it is needed."""
    return f"{count / 60:.1f}".removesuffix(".0")


def workload_table(root):
    """Markdown: hours of the term and their sum."""
    parts = workload(root)
    lines = ["| spent on | hours |", "|---|---|"]
    lines += [f"| {what} | {hours(count)} |" for what, count in parts.items()]
    return [*lines, f"| **together** | **{hours(sum(parts.values()))}** |"]


def weeks_table(root):
    """Markdown: a row for each week."""
    term = plan(root)
    lines = ["| week | lecture | read, minutes | exercises in class | sheet, minutes |"]
    lines += ["|---|---|---|---|---|"]
    for number, week in enumerate(term["weeks"], start=1):
        notes = week.get("parts", {})
        read = "; ".join(
            f"{{chapter}}`{label}` {count}" + (f" ({notes[label]})" if label in notes else "")
            for label, count in week["chapters"].items()
        )
        lecture = f"{{slides}}`{week['title']} <{deck(number)}>`"
        done = ", ".join(f"{{numref}}`{{number}} <{label}>`" for label in week["class"])
        lines += [f"| {number} | {lecture} | {read} | {done} | {offered(root, number)} |"]
    rest = "; ".join(f"{{chapter}}`{label}` {count}" for label, count in further(root).items())
    if rest:
        lines += [f"| any | for projects, and on your own | {rest} | | |"]
    return lines


def outcomes(root):
    """Markdown: what a student can do after each week."""
    lines = []
    for number, week in enumerate(plan(root)["weeks"], start=1):
        lines += [f"**Week {number}: {week['title']}.**", ""]
        lines += [f"- {outcome}" for outcome in week["outcomes"]] + [""]
    return lines


class FromPlan(SphinxDirective):
    """Puts Markdown made from the plan in its place."""

    make = staticmethod(weeks_table)

    def run(self):
        lines = self.make(self.env.srcdir)
        self.env.note_dependency(str(Path(self.env.srcdir, PLAN)))
        return self.parse_text_to_nodes("\n".join(lines))


class Outcomes(FromPlan):
    make = staticmethod(outcomes)


class Workload(FromPlan):
    make = staticmethod(workload_table)


def setup(app):
    app.add_directive("term-plan", FromPlan)
    app.add_directive("term-outcomes", Outcomes)
    app.add_directive("workload", Workload)
    return {"parallel_read_safe": True}
