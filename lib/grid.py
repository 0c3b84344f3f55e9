"""Where in time the equations are kept: at every step, or on few nodes."""

from dataclasses import dataclass

from lib import checks

FEWEST = 64
"""Nodes that even a short run may need."""


@dataclass(frozen=True)
class EveryStep:
    """A row for every step: exact, O(T^2) memory and O(T^3) time."""


@dataclass(frozen=True)
class Nodes:
    """Rows on O(log T) nodes, as many as the tolerance asks for.

    For population gradients and repeated data; the noise of fresh batches is not smooth in time.

    Parameters
    ----------
    tolerance : float
        Relative error of the losses that is aimed at on each panel.
    most : int
        Most rows to spend.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    tolerance: float = 1e-8
    most: int = 1024

    def __post_init__(self):
        tolerance = checks.number("tolerance", self.tolerance, positive=True, below=1)
        object.__setattr__(self, "tolerance", tolerance)
        object.__setattr__(self, "most", checks.integer("most", self.most, least=FEWEST))
