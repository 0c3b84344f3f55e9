"""Run a problem's cells in this process, as they are and with answers that are a little wrong."""

import contextlib
import io
import types

import numpy as np
from publish import draws
from publish.sheets import IMPORTS, MARKERS, settings, without_solution

OFF = 1.05
"""Wrong answers are off by this factor."""


def wrong(value):
    """An answer that is not right, but of the same kind."""
    if isinstance(value, (bool, np.bool_)):
        return not value
    if isinstance(value, (int, np.integer)):
        return value + 1
    if isinstance(value, (float, complex, np.ndarray)):
        return np.asarray(value)[()] * OFF
    if isinstance(value, (tuple, list)):
        return type(value)(wrong(part) for part in value)
    if isinstance(value, dict):
        return {key: wrong(part) for key, part in value.items()}
    if isinstance(value, str):
        return value + "?"
    raise TypeError(f"no wrong answer for {value!r}")


def run(code, space):
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, space)


def solved(sheet, problem, term, *, answers=True):
    """What the problem's cells bind, and its answer functions by name with the check that follows them.

    Without `answers` those of a student who has not begun.
    """
    names = settings(problem, sheet, term)
    space = {"__name__": "__main__"}
    run(IMPORTS, space)
    run(draws.shown(names), space)
    functions, checks, waiting = {}, [], []
    for part in problem.parts:
        source = draws.fill(part.source, names)
        if part.kind == "code" or (part.kind == "free" and answers):
            run(source, space)
        elif part.kind == "answer":
            before = dict(space)
            run(MARKERS.sub("", source) if answers else without_solution(source), space)
            waiting += [
                name
                for name, value in space.items()
                if isinstance(value, types.FunctionType) and value is not before.get(name)
            ]
        elif part.kind == "check":
            checks.append((part, MARKERS.sub("", source)))
            functions |= {name: len(checks) - 1 for name in waiting}
            waiting = []
    return space, checks, functions


def spoiled(space, name):
    """The names with one answer function that returns a wrong value."""
    right = space[name]

    def spoiled(*arguments, **options):
        return wrong(right(*arguments, **options))

    return {**space, name: spoiled}
