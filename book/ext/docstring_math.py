"""Docstrings of the package are written like the book: `$...$`, `$$...$$` and {eq}`label`.

Sphinx's autodoc reads reStructuredText, so the three forms are translated on the way. Attributes that
share a line, "train_loss, test_loss : [T+1]", become entries of their own, which napoleon cannot do.

sphinx-math-dollar looks for `$` after reStructuredText has taken `*` and `_` in formulas for markup.
"""

import enum
import inspect
import re

DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
INLINE = re.compile(r"\$([^$]+?)\$", re.DOTALL)
GROUP = re.compile(r"^( *)(\w+(?:, \w+)+) : (.*)$")
EQUATION = re.compile(r"\{eq\}`([^`]+)`")


def translate(text):
    """reStructuredText for a docstring with the mathematics of MyST."""
    blocks = []

    def display(match):
        line_start = text.rfind("\n", 0, match.start()) + 1
        indent = re.match(r" *", text[line_start:]).group()
        blocks.append(
            f"\n\n{indent}.. math::\n\n{indent}   {' '.join(match[1].split())}\n\n{indent}"
        )
        return f"\0{len(blocks) - 1}\0"

    held = DISPLAY.sub(display, text)
    held = INLINE.sub(lambda match: f":math:`{' '.join(match[1].split())}`", held)
    held = EQUATION.sub(r":eq:`\1`", held)
    return re.sub("\0(\\d+)\0", lambda match: blocks[int(match[1])], held)


def split_groups(lines):
    """Lines of a docstring in which each documented name has its own entry with the whole text."""
    out, index = [], 0
    while index < len(lines):
        match = GROUP.match(lines[index])
        index += 1
        if not match:
            out.append(lines[index - 1])
            continue
        start = index
        while index < len(lines) and (
            not lines[index].strip() or lines[index].startswith(match[1] + " ")
        ):
            index += 1
        for name in re.split(r",\s*", match[2]):
            out += [f"{match[1]}{name} : {match[3]}", *lines[start:index]]
    return out


def escape_letters(lines):
    """Lines such as "r." are descriptions, not the first entry of a list with letters."""
    return [re.sub(r"^( +)([A-Za-z]\.)$", r"\1\\\2", line) for line in lines]


def process(app, what, name, obj, options, lines):
    lines[:] = translate("\n".join(split_groups(escape_letters(lines)))).split("\n")


def plain_enums(app, what, name, obj, options, signature, returned):
    """An enumeration is not called: the signature of Python's constructor says nothing."""
    if inspect.isclass(obj) and issubclass(obj, enum.Enum):
        return "", ""


def setup(app):
    app.connect("autodoc-process-signature", plain_enums)
    # Before napoleon, so that indentation inside its sections is still the docstring's own.
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True}
