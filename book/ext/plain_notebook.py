"""A chapter as a notebook that any Jupyter shows well and Colab can run.

Jupyter knows Markdown and `$$...$$`, not the directives of MyST: equations get tags with their labels,
references become text, exercises and solutions become headings.

jupytext and nbconvert leave the directives of MyST as they are.
"""

import re

import nbformat

INSTALL = """\
# Where the book's package is not installed (on Colab, say), install it.
try:
    from lib import solve
except ImportError:
    %pip install --quiet "{requirement}"
"""

BLOCKS = [
    (
        re.compile(r"^```\{math\}\n(?::label: *(\S+)\n)?(.*?)^```$", re.M | re.S),
        lambda m: f"$$\n{m[2].strip()}{tag(m[1])}\n$$",
    ),
    (
        re.compile(r"^```\{exercise-start\}[^\n]*\n(?::[a-z]+:.*\n)*```$", re.M),
        lambda m: "**Exercise.**",
    ),
    (
        re.compile(r"^```\{solution-start\}[^\n]*\n(?::[a-z]+:.*\n)*```$", re.M),
        lambda m: "**Solution.**",
    ),
    (re.compile(r"^```\{(?:exercise|solution)-end\}\n```$", re.M), lambda m: ""),
    (
        re.compile(r"^```\{schematic\}[^\n]*\n(?::[a-z]+:[^\n]*\n)*\n?(.*?)^```$", re.M | re.S),
        lambda m: f"*A drawing, in the book: {m[1].strip()}*",
    ),
    (re.compile(r"^\([\w-]+\)=\n", re.M), lambda m: ""),
    (re.compile(r"<span data-live-[^>]*></span> *\n?"), lambda m: ""),
    (re.compile(r"\{eq\}`([^`]+)`"), lambda m: f"({m[1]})"),
    (re.compile(r"\{[a-z:]+\}`([^`<]+?) *<[^`]*>`"), lambda m: m[1]),
    (re.compile(r"\{(?:cite|cite:[tp])\}`([^`]+)`"), lambda m: f"[{m[1]}]"),
    (re.compile(r"\{[a-z:]+\}`([^`]+)`"), lambda m: f"*{m[1]}*"),
]


def tag(label):
    return rf" \tag{{{label}}}" if label else ""


def plain(text):
    """Markdown without MyST's directives and roles."""
    for pattern, replacement in BLOCKS:
        text = pattern.sub(replacement, text)
    return text.strip()


def install_cell(requirement):
    """The first cell of a notebook that travels."""
    cell = nbformat.v4.new_code_cell(INSTALL.format(requirement=requirement).strip())
    cell["id"] = "install"
    return cell


def portable(notebook, requirement):
    """A copy of `notebook` in plain Markdown that installs what it needs."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source)
    copy.cells = [
        install_cell(requirement),
        *(cell for cell in copy.cells if cell.source.strip()),
    ]
    copy.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(copy)
    return copy
