"""The numbers of a term: drawn for each problem from the term's name, the same ones every time.

The cells marked `draw` in a sheet are run with the names here. What they bind (names that begin with an
underscore excepted) are the settings that a student sees; the text may use any of it as `{{ expression }}`.
"""

import hashlib
import math
import re

import numpy as np

PLACE = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)


class Draw:
    """Draws for one problem of one term."""

    def __init__(self, term, problem):
        digest = hashlib.sha256(f"{term}/{problem}".encode()).digest()
        self.rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))

    def one_of(self, *values):
        """One of the values."""
        return values[int(self.rng.integers(len(values)))]

    def between(self, low, high, step):
        """A multiple of `step` above `low`, up to `high`."""
        count = round((high - low) / step)
        value = low + step * int(self.rng.integers(count + 1))
        return int(value) if isinstance(step, int) else round(value, 10)

    def order(self, *values):
        """The values in another order."""
        return [values[i] for i in self.rng.permutation(len(values))]


def run(code, draw):
    """All names that the code of a draw binds."""
    space = {"math": math, "np": np, "one_of": draw.one_of, "between": draw.between}
    known = set(space) | {"order", "__builtins__"}
    space["order"] = draw.order
    exec(code, space)
    return {name: value for name, value in space.items() if name not in known}


def shown(names):
    """Assignments of the settings, as code."""
    plain = {
        name: value
        for name, value in names.items()
        if not name.startswith("_")
        and isinstance(value, (bool, int, float, str, list, tuple, dict))
    }
    return "\n".join(f"{name} = {value!r}" for name, value in plain.items())


def fill(text, names):
    """The text with each `{{ expression }}` replaced by its value."""

    def value(match):
        found = eval(match[1].strip(), {"math": math, "np": np}, dict(names))
        return f"{found:g}" if isinstance(found, float) else str(found)

    return PLACE.sub(value, text)
