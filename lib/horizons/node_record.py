"""What a march on nodes leaves behind."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NodeRecord:
    """How the march on nodes went.

    Attributes
    ----------
    times : [T]
    panels : list of Panel
        Panels of several nodes.
    reached : float
        Time up to which the equations were solved.
    stationary : bool
        Whether nothing changed any more from there to the end.
    interrupted : bool
        Whether it ended by a keyboard interrupt.
    unstable : bool
        Whether it ended where steps have become unstable.
    error : float
        Estimated relative error of the losses.
    continuous : bool
        Whether times are those of a flow, not steps.
    full : bool
        Whether it ended for lack of room.
    modes : Rule
        The nodes that stood for the modes (set by who chose them).
    """

    times: np.ndarray
    panels: list
    reached: float
    stationary: bool
    interrupted: bool
    unstable: bool
    error: float
    continuous: bool
    full: bool
    modes: object = None
