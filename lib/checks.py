"""Checks of single numbers at construction: what is wrong, and what to do."""

import math
import os
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np

from lib.seeding import seeds as counted

LARGEST = 1e100
"""Finite numbers stay below this, so that their squares do not overflow."""

UNKNOWN_BYTES = 2**31
"""What may be used where the system does not say how much memory is left."""

USABLE = 0.8
"""Part of the memory left that one call may ask for."""

REAL = int, float, np.integer, np.floating
"""Types of real numbers whose arrays are checked as a whole."""


def plain(value):
    """`value` as Python and numpy know it: tensors, series and arrays without axes are numbers and arrays."""
    if hasattr(value, "detach"):  # a tensor, perhaps on a GPU, perhaps of a dtype that numpy lacks
        value = value.detach().cpu()
        value = value.double() if value.is_floating_point() else value
    if hasattr(value, "__array__") and not isinstance(value, (np.ndarray, np.generic)):
        value = np.asarray(value)
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def number(name, value, *, positive=False, below=math.inf, infinite=False):
    """Return `value` as a float that is >= 0 (> 0 if `positive`) and < `below`."""
    value = plain(value)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise ValueError(f"{name} is {value!r}: give a real number.")
    try:
        value = float(value)
    except OverflowError:
        raise ValueError(f"{name} is too large: give a number below {LARGEST:g}.") from None
    if math.isnan(value):
        raise ValueError(f"{name} is NaN: give a real number.")
    if math.isinf(value) and not (infinite and value > 0):
        raise ValueError(f"{name} is {value}: give a finite number.")
    if LARGEST <= abs(value) < math.inf:
        raise ValueError(f"{name} is {value}: give a number below {LARGEST:g}.")
    if value < 0 or (positive and value == 0):
        bound = "> 0" if positive else ">= 0"
        raise ValueError(f"{name} is {value}: it must be {bound}.")
    if value >= below and not (infinite and math.isinf(value)):
        raise ValueError(f"{name} is {value}: it must be smaller than {below:g}.")
    return value


def integer(name, value, *, least=1):
    """Return `value` as an int >= `least`."""
    value = plain(value)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise ValueError(f"{name} is {value!r}: give an integer.")
    if value < least:
        raise ValueError(f"{name} is {value}: it must be at least {least}.")
    return int(value)


def flag(name, value):
    """Return `value` as a bool; numbers and strings are not flags."""
    value = plain(value)
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {value!r}: give True or False.")
    return bool(value)


def listed(value):
    """Whether `value` is a sequence or an array of entries."""
    value = plain(value)
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def sequence(name, value, **bounds):
    """Return a non-empty one-dimensional `value` as a tuple of checked floats."""
    return tuple(column(name, value, **bounds).tolist())


def column(name, value, *, positive=False, **bounds):
    """Return a non-empty one-dimensional `value` as an array of checked floats."""
    value = plain(value)
    if not listed(value):
        raise ValueError(f"{name} is {value!r}: give a list or a one-dimensional array of numbers.")
    if isinstance(value, np.ndarray) and value.ndim != 1:
        raise ValueError(f"{name} has {value.ndim} axes: give a one-dimensional array.")
    if len(value) == 0:
        raise ValueError(f"{name} is empty: give at least one number.")
    bounds["positive"] = positive
    array = _real(value)
    if array is None:
        entries = enumerate(value)
        return np.array([number(f"{name}[{i}]", entry, **bounds) for i, entry in entries])
    # All at once, and those that may be out of bounds one by one: there are millions of modes.
    doubtful = ~(np.abs(array) < min(LARGEST, bounds.get("below", LARGEST))) | (array < 0)
    if positive:
        doubtful |= array == 0
    for i in np.flatnonzero(doubtful):
        number(f"{name}[{i}]", array[i], **bounds)
    return array


def _real(value):
    """`value` as an array of floats, if the types of its entries are real numbers beyond doubt."""
    if isinstance(value, np.ndarray):
        kinds = {value.dtype.type}
    else:
        kinds = set(map(type, value))
    if any(kind is bool or not issubclass(kind, REAL) for kind in kinds):
        return None
    try:
        with np.errstate(over="ignore"):
            return np.array(value, float)
    except OverflowError:  # an integer beyond all floats
        return None


def seeds(value):
    """Return a number n of seeds, or a list of them, as a tuple; a seed may be a pair (weights, data).

    A number n stands for the seeds 0 .. n-1, moved by SEED_OFFSET (`lib.seeding`).
    """
    value = plain(value)
    if listed(value):
        chosen = tuple(_seed(f"seeds[{i}]", seed) for i, seed in enumerate(value))
    else:
        count = integer("seeds", value, least=0)
        memory(f"a list of {count:g} seeds", 100 * count, "train fewer of them at a time")
        chosen = counted(count)
    if not chosen:
        raise ValueError("there are no seeds: give a number of at least 1, or a list.")
    return chosen


def _seed(name, value):
    value = plain(value)
    if not listed(value):
        return integer(name, value, least=0)
    if len(value) != 2:
        raise ValueError(f"{name} is {value!r}: give one integer, or a pair (weights, data).")
    return tuple(integer(name, part, least=0) for part in value)


def numbers(name, value, shape):
    """Return `value` as an array of floats; `shape` says in words what it should look like."""
    try:
        return np.array(plain(value), float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is not an array of numbers: give {shape}.") from None


def memory(what, size, advice):
    """Refuse `what` if it takes more memory than is left; `size` in bytes."""
    if size < UNKNOWN_BYTES / 16:
        return
    left = available()
    if size > USABLE * left:
        raise ValueError(
            f"{what} would take about {size / 1e9:.2g} GB of memory, of which {left / 1e9:.2g} GB are "
            f"left: {advice}."
        )


def available():
    """Bytes of memory that this process can still get: what the system has left, within a container's limit."""
    left = [_of_system()]
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        texts = [_text(f"/sys/fs/cgroup/{name}").strip() for name in (limit, used)]
        if all(text.isdigit() for text in texts):
            left.append(int(texts[0]) - int(texts[1]))
    return max(min(left), 0)


def _of_system():
    for line in _text("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # no such system, a browser for one
        return UNKNOWN_BYTES


def _text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def steps_of_run(times, steps):
    """`times`, a number or a sequence, as a list of steps of a run of `steps`."""
    times = plain(times)
    times = times if listed(times) else [times]
    asked = [integer(f"times[{i}]", time, least=0) for i, time in enumerate(times)]
    if not asked or max(asked) > steps:
        raise ValueError(f"times must name at least one step between 0 and {steps}: {times!r}.")
    return asked
