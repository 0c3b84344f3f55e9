r"""Numbers that each weight matrix may have for itself: initial scales and rates.

A network of depth L has the matrices W^0, .., W^L, the readout last. One of infinite depth has W^0, a
branch at every layer time $0 < \tau < 1$, and the readout: three entries, of which the middle one may
be a function of layer time.
"""

import math
from collections.abc import Callable

from lib import checks

LAYER_TIMES = (0.0, 0.5, 1.0)
"""Where a function of layer time is tried at construction."""


def checked(name, value, *, positive):
    """`value` as a number, or as a tuple of numbers among which functions of layer time may be."""
    if not checks.listed(value):
        return checks.number(name, value, positive=positive)
    if len(value) == 0:
        raise ValueError(f"{name} is empty: give one number per weight matrix, the readout last.")
    return tuple(_entry(f"{name}[{i}]", entry, positive=positive) for i, entry in enumerate(value))


def by_matrix(name, value, depth):
    """`value` as one entry for each matrix of a network of so many hidden layers."""
    endless = math.isinf(depth)
    count = 3 if endless else depth + 1
    if not isinstance(value, tuple):
        return (value,) * count
    if len(value) != count:
        wanted = (
            "three, of W^0, the branches and the readout"
            if endless
            else f"{count}, one per matrix W^0 .. W^{depth} with the readout last"
        )
        raise ValueError(
            f"{name} has length {len(value)}: a network of depth {depth} has {wanted}."
        )
    for i, entry in enumerate(value):
        if isinstance(entry, Callable) and not (endless and i == 1):
            raise ValueError(
                f"{name}[{i}] is a function: only the branches of a network of infinite depth, the "
                "middle one of three entries, may depend on layer time. Give a number."
            )
    return value


def at(entry, layer_time):
    """An entry of `by_matrix` at a layer time."""
    if not isinstance(entry, Callable):
        return entry
    return checks.number(f"a function of layer time, at {layer_time:g},", entry(layer_time))


def _entry(name, value, *, positive):
    if not isinstance(value, Callable):
        return checks.number(name, value, positive=positive)
    for layer_time in LAYER_TIMES:
        checks.number(f"{name} at layer time {layer_time}", value(layer_time), positive=positive)
    return value
