"""The source of a problem sheet, `course/sheets/NN-name.md`, as problems and their parts.

A sheet begins with a YAML block (`week`, `title`, `chapters`); each problem with a line
`## Title {label; kind; level; minutes}`. Its parts, in any order:

    text                    the statement
    ```{draw}               Python that draws this term's settings (see `draws`)
    ```{code}               code that is given
    ```{answer}             code to write: what stands between ### BEGIN SOLUTION and ### END SOLUTION
    ```{free}               code to write as one likes; not graded by itself
    ```{check} 3            3 points: asserts that are given, and between ### BEGIN HIDDEN TESTS and
                            ### END HIDDEN TESTS some that are not
    :::{derivation} 4       4 points, graded by hand: the solution's text
    :::{assistants}         what goes wrong, and how to grade
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

SHEETS = "course/sheets"
LEVELS = ("easy", "medium", "hard")
HEAD = re.compile(r"^## (?P<title>.+?) \{(?P<facts>[^}]*)\}\n", re.M)
PART = re.compile(
    r"^(?P<fence>```|:::)\{(?P<kind>[a-z]+)\} *(?P<points>\d*) *\n(?P<body>.*?)^(?P=fence) *\n",
    re.M | re.S,
)
CODE = {"draw", "code", "answer", "free", "check"}
TEXT = {"derivation", "assistants"}


@dataclass
class Part:
    """One cell: its kind ("text" or one of the kinds above), its source, its points."""

    kind: str
    source: str
    points: int = 0


@dataclass
class Problem:
    label: str
    title: str
    kind: str
    level: str
    minutes: int
    parts: list[Part] = field(default_factory=list)

    @property
    def points(self):
        return sum(part.points for part in self.parts)

    @property
    def by_hand(self):
        return sum(part.points for part in self.parts if part.kind == "derivation")


@dataclass
class Sheet:
    name: str
    week: int | str
    title: str
    chapters: list[str]
    introduction: str
    problems: list[Problem]

    @property
    def points(self):
        return sum(problem.points for problem in self.problems)

    @property
    def by_hand(self):
        return sum(problem.by_hand for problem in self.problems)

    @property
    def minutes(self):
        return sum(problem.minutes for problem in self.problems)


def parts(text):
    """The parts of a problem's text, in order."""
    found, at = [], 0
    for match in PART.finditer(text):
        found.append(Part("text", text[at : match.start()].strip()))
        kind = match["kind"]
        wanted = CODE if match["fence"] == "```" else TEXT
        if kind not in wanted:
            raise ValueError(f"{{{kind}}}: a part is one of {sorted(CODE | TEXT)}")
        found.append(Part(kind, match["body"].strip("\n"), int(match["points"] or 0)))
        at = match.end()
    found.append(Part("text", text[at:].strip()))
    return [part for part in found if part.source]


def problem(facts, title, text):
    label, kind, level, minutes = (fact.strip() for fact in facts.split(";"))
    if level not in LEVELS:
        raise ValueError(f"{label}: the level is {level!r}, not one of {LEVELS}")
    return Problem(label, title, kind, level, int(minutes.split()[0]), parts(text))


def parse(name, text):
    """The sheet in a source's text; its problems may be taken from other sheets, by label."""
    _, head, body = text.split("---\n", 2)
    facts = yaml.safe_load(head)
    pieces = HEAD.split(body)
    problems = [problem(pieces[i + 1], pieces[i], pieces[i + 2]) for i in range(1, len(pieces), 3)]
    sheet = Sheet(
        name, facts["week"], facts["title"], facts["chapters"], pieces[0].strip(), problems
    )
    return sheet, facts.get("problems", [])


def sheets(root):
    """All sheets in a folder that has `course/sheets`, in order."""
    read = [
        parse(file.stem, file.read_text()) for file in sorted((Path(root) / SHEETS).glob("*.md"))
    ]
    known = {problem.label: problem for sheet, _ in read for problem in sheet.problems}
    for sheet, taken in read:
        sheet.problems += [known[label] for label in taken]
    return [sheet for sheet, _ in read]
