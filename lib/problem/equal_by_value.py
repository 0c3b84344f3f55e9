"""Descriptions are equal when they say the same, whatever objects they are made of."""

from dataclasses import fields

import numpy as np


class ByValue:
    """A frozen dataclass that is compared and hashed by its fields; arrays count by their entries."""

    def _values(self):
        return [getattr(self, field.name) for field in fields(self) if field.compare]

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        pairs = zip(self._values(), other._values(), strict=True)
        return all(_same(*pair) for pair in pairs)

    def __hash__(self):
        return hash((type(self).__name__, *map(_key, self._values())))


def _same(one, other):
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return one == other


def _key(value):
    # Zero has two signs, and they are equal.
    return (value.shape, (value + 0.0).tobytes()) if isinstance(value, np.ndarray) else value
