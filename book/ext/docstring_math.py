"""Docstrings of the package are written like the book: `$...$`, `$$...$$` and {eq}`label`.

Sphinx's autodoc reads reStructuredText, so the three forms are translated on the way.
"""

import re

DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
INLINE = re.compile(r"\$([^$]+?)\$", re.DOTALL)
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


def process(app, what, name, obj, options, lines):
    lines[:] = translate("\n".join(lines)).split("\n")


def setup(app):
    # Before napoleon, so that indentation inside its sections is still the docstring's own.
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True}
