"""Where in time the equations are kept: at every step, with a compressed past, or on few nodes."""

from dataclasses import dataclass

from lib import checks

FEWEST = 64
"""Nodes that even a short run may need."""


CHEAP_STEPS = 250
"""Up to so many rows every step is kept; beyond, nodes are cheaper where they can be used."""

REPORTED_STEPS = 4000
"""Up to so many steps the losses are given at every step, however the equations were solved."""


@dataclass(frozen=True)
class EveryStep:
    """A row for every step: exact, O(T^2) memory and O(T^3) time."""


@dataclass(frozen=True)
class _Thrifty:
    """Fewer rows than steps, as many as a tolerance asks for."""

    tolerance: float = 1e-8
    most: int = 1024

    def __post_init__(self):
        tolerance = checks.number("tolerance", self.tolerance, positive=True, below=1)
        object.__setattr__(self, "tolerance", tolerance)
        object.__setattr__(self, "most", checks.integer("most", self.most, least=FEWEST))


@dataclass(frozen=True)
class CompressedPast(_Thrifty):
    """A row for every step, on O(log T) coordinates: O(T log^2 T) time, O(log^2 T) memory.

    For any data, fresh batches above all, and any optimizer that is a recursion from step to step: momentum,
    weight decay, schedules. Each jump or bend of a schedule costs some ten coordinates, so that one that
    changes at every step as it likes gains nothing. Fields that change from step to step, early or near the
    edge of stability, keep more coordinates. Where steps become unstable the status is `UNSTABLE`, as on
    nodes. Fresh batches go on: their noise excites anew what moments have lost, and `Solution.error` counts
    the growth of errors that losses or means show, but may miss one that is about to show.

    Parameters
    ----------
    tolerance : float
        Relative error of the losses that is aimed at.
    most : int
        Most coordinates to spend.

    Raises
    ------
    ValueError
        If a number is out of range.
    """


@dataclass(frozen=True)
class Nodes(_Thrifty):
    """Rows on O(log T) nodes, as many as the tolerance asks for.

    For population gradients and repeated data. The noise of fresh batches is not smooth in time: see
    `CompressedPast`. What oscillates from step to step is kept step by step, so that momentum costs some
    27 / (1 - mu) rows more. After each panel a few steps are taken to see whether steps are stable: past an
    edge of stability nodes follow nothing, and the status is `UNSTABLE`.

    Parameters
    ----------
    tolerance : float
        Relative error of the losses that is aimed at on each panel. One above 1e-6 is taken as 1e-6, since
        looser panels are no cheaper; changes below 1e-11 are rounding errors, whatever the tolerance.
    most : int
        Most rows to spend.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
