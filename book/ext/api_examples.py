"""Examples of the package's page: what `reference/api-examples.txt` has for an object follows its docstring."""

import re
from functools import cache
from pathlib import Path

LIST = Path(__file__).parents[2] / "reference" / "api-examples.txt"
NAME = re.compile(r"^(lib(?:\.\w+)*)$", re.M)


@cache
def examples():
    """The lines with which all examples start, and those of each object by name."""
    start, *rest = NAME.split(LIST.read_text())
    return start[start.index(">>>") :], dict(
        zip(rest[::2], map(str.strip, rest[1::2]), strict=True)
    )


def add(app, what, name, obj, options, lines):
    _, known = examples()
    if name in known:
        lines += ["", ".. rubric:: Example", "", *known[name].splitlines(), ""]


def setup(app):
    # After numpydoc sections have been translated.
    app.connect("autodoc-process-docstring", add, priority=900)
    return {"parallel_read_safe": True}
