"""Checks of single numbers at construction: what is wrong, and what to do."""

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np


def number(name, value, *, positive=False, below=math.inf, infinite=False):
    """Return `value` as a float that is >= 0 (> 0 if `positive`) and < `below`."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise ValueError(f"{name} is {value!r}: give a real number.")
    value = float(value)
    if math.isnan(value):
        raise ValueError(f"{name} is NaN: give a real number.")
    if math.isinf(value) and not (infinite and value > 0):
        raise ValueError(f"{name} is {value}: give a finite number.")
    if value < 0 or (positive and value == 0):
        bound = "> 0" if positive else ">= 0"
        raise ValueError(f"{name} is {value}: it must be {bound}.")
    if value >= below and not (infinite and math.isinf(value)):
        raise ValueError(f"{name} is {value}: it must be smaller than {below:g}.")
    return value


def integer(name, value, *, least=1):
    """Return `value` as an int >= `least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise ValueError(f"{name} is {value!r}: give an integer.")
    if value < least:
        raise ValueError(f"{name} is {value}: it must be at least {least}.")
    return int(value)


def flag(name, value):
    """Return `value` as a bool; numbers and strings are not flags."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {value!r}: give True or False.")
    return bool(value)


def sequence(name, value, **bounds):
    """Return a non-empty one-dimensional `value` as a tuple of checked floats."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)):
        raise ValueError(f"{name} is {value!r}: give a list or a one-dimensional array of numbers.")
    if isinstance(value, np.ndarray) and value.ndim != 1:
        raise ValueError(f"{name} has {value.ndim} axes: give a one-dimensional array.")
    if len(value) == 0:
        raise ValueError(f"{name} is empty: give at least one number.")
    return tuple(number(f"{name}[{i}]", entry, **bounds) for i, entry in enumerate(value))
