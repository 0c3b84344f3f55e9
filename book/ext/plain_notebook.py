"""A chapter as a notebook that any Jupyter shows well and Colab can run.

Jupyter knows Markdown and `$$...$$`, not the directives of MyST: equations get tags with their numbers,
references become the words that the book shows, exercises and solutions become headings, captions cells
of text.

jupytext and nbconvert leave the directives of MyST as they are.
"""

import re
from pathlib import Path

import nbformat
from names import names

ROOT = Path(__file__).parents[2]

INSTALL = """\
# Where the book's package is not installed (on Colab, say), install it.
try:
    from lib import solve
except ImportError:
    %pip install --quiet "{requirement}"
"""

MATH = re.compile(r"^```\{math\}\n(?::label: *(\S+)\n)?(.*?)^```$", re.M | re.S)
BOXES = re.compile(
    r"^(?P<fence>:{3,})\{admonition\} *(?P<title>[^\n]*)\n(?::[a-z]+:[^\n]*\n)*(?P<body>.*?)^(?P=fence)$",
    re.M | re.S,
)
EXERCISES = re.compile(
    r"^```\{exercise-start\}[^\n]*\n(?::label: *(\S+)\n)?(?::[a-z]+:.*\n)*```$", re.M
)
SOLUTIONS = re.compile(r"^```\{solution-start\} *(\S*)[^\n]*\n(?::[a-z]+:.*\n)*```$", re.M)
ENDS = re.compile(r"^```\{(?:exercise|solution)-end\}\n```$", re.M)
DRAWINGS = re.compile(
    r"^```\{schematic\}[^\n]*\n(?P<options>(?::[a-z]+:[^\n]*\n)*)\n?(?P<caption>.*?)^```$",
    re.M | re.S,
)
TITLES = re.compile(r"^\(([\w-]+)\)=\n# ", re.M)
GONE = [re.compile(r"^\([\w-]+\)=\n", re.M), re.compile(r"<span data-live-[^>]*></span> *\n?")]
ROLES = re.compile(r"\{([a-z:]+)\}`(?:([^`<]+?) *<([^`>]*)>|([^`]+))`")
CITED = re.compile(r"\{cite(?::[tp])?\}`([^`]+)`")


class Plain:
    """Markdown without MyST's directives and roles, with the names that the book gives.

    One object for each notebook: a chapter is cited with its title where it is named first.
    """

    def __init__(self, known):
        self.known, self.titled = known, set()

    def __call__(self, text):
        text = TITLES.sub(self.title, text)
        text = BOXES.sub(self.box, text)
        text = MATH.sub(self.equation, text)
        text = EXERCISES.sub(self.exercise, text)
        text = SOLUTIONS.sub(self.solution, text)
        text = ENDS.sub("", text)
        text = DRAWINGS.sub(self.drawing, text)
        for pattern in GONE:
            text = pattern.sub("", text)
        return self.roles(text).strip()

    def roles(self, text):
        return ROLES.sub(self.role, text)

    def title(self, match):
        number, _ = self.known.chapters.get(match[1], ("", ""))
        return f"# {number}. " if number else "# "

    def box(self, match):
        body = MATH.sub(self.equation, match["body"]).strip()
        lines = [f"**{match['title'].rstrip('.')}.**", "", *body.splitlines()]
        return "\n".join(f"> {line}".rstrip() for line in lines)

    def equation(self, match):
        label, body = match.groups()
        known = label and ("equation", label) in self.known.numbers
        tag = rf" \tag{{{self.known.equation(label)[1:-1]}}}" if known else ""
        return f"$$\n{body.strip()}{tag}\n$$"

    def exercise(self, match):
        known = ("exercise", match[1]) in self.known.numbers
        return f"**{self.known.exercise(match[1]) if known else 'Exercise'}.**"

    def solution(self, match):
        known = ("exercise", match[1]) in self.known.numbers
        of = f" of exercise {self.known.numbers['exercise', match[1]]}" if known else ""
        return f"**Solution{of}.**"

    def drawing(self, match):
        named = re.search(r"^:name: *(\S+)", match["options"], re.M)
        number = f"{self.known.figure(named[1])}: " if named else ""
        return f"*{number}a drawing, in the book.* {match['caption'].strip()}"

    def role(self, match):
        name, words, _, label = match.groups()
        if words:
            return words
        begins = not match.string[: match.start()].strip() or bool(
            re.search(r"[.!?]\s+$", match.string[: match.start()])
        )
        if name.startswith("cite"):
            keys = [key.strip() for key in label.split(",")]
            if name == "cite:t":
                return ", ".join(self.known.citation(key, textual=True) for key in keys)
            return f"[{', '.join(self.known.citation(key) for key in keys)}]"
        if name == "eq":
            return self.known.equation(label)
        if name in ("ref", "numref", "chapter"):
            first = label not in self.titled
            self.titled.add(label)
            return self.known.reference(label, begins, titled=first)
        return f"*{label}*"


def plain(text):
    """MyST text as plain Markdown."""
    return Plain(names(ROOT))(text)


def cited(notebook):
    """Keys of the sources that a notebook's text cites, in order."""
    texts = "\n".join(
        cell.source + caption(cell) for cell in notebook.cells if cell.cell_type != "raw"
    )
    keys = [key.strip() for found in CITED.findall(texts) for key in found.split(",")]
    return list(dict.fromkeys(keys))


def figure(cell):
    """Name and caption that myst-nb gives to the figure of a cell."""
    return cell.metadata.get("mystnb", {}).get("figure", {})


def caption(cell):
    return figure(cell).get("caption", "")


def text_cell(source, key):
    cell = nbformat.v4.new_markdown_cell(source)
    cell["id"] = key
    return cell


def install_cell(requirement):
    """The first cell of a notebook that travels."""
    cell = nbformat.v4.new_code_cell(INSTALL.format(requirement=requirement).strip())
    cell["id"] = "install"
    return cell


def portable(notebook, requirement, known=None):
    """A copy of `notebook` in plain Markdown that installs what it needs.

    Captions follow their figures, and a list of what is cited ends it. `known` are the book's `Names`.
    """
    known = known or names(ROOT)
    plain, copy = Plain(known), nbformat.from_dict(notebook)
    keys = cited(copy)
    cells = [install_cell(requirement)]
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source)
        if cell.source.strip():
            cells.append(cell)
        named = figure(cell).get("name")
        if cell.cell_type == "code" and caption(cell):
            number = f"**{known.figure(named)}** " if ("figure", named) in known.numbers else ""
            cells.append(text_cell(number + plain(caption(cell)), f"caption-{len(cells)}"))
    if keys:
        listed = "\n".join(known.listed(keys))
        cells.append(text_cell(f"## What is cited\n\n{listed}", "cited"))
    copy.cells = cells
    copy.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(copy)
    return copy
