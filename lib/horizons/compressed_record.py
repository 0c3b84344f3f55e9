"""What a march with a compressed past leaves behind."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Record:
    """What a march with a compressed past leaves behind.

    Attributes
    ----------
    losses : dict of [batch, rows]
        By name, for all steps that were done (times C outputs).
    done : int
        Number of steps, step 0 among them.
    stationary : bool
        Whether all losses vanished there.
    interrupted : bool
        Whether it ended by a keyboard interrupt.
    unstable : bool
        Whether it ended where steps had become unstable.
    error : [batch]
        Estimated relative error of the losses.
    lost : list of int or None
        Step from which unstable steps have made errors a hundredth of the loss or more, in each configuration.
    residual : [batch]
        Violation of the closed equations by the first steps, before anything was compressed.
    means, weights : [batch, modes, done], [modes]
        See `lib.horizons.rounding.watched`.
    """

    losses: dict
    done: int
    stationary: bool
    interrupted: bool
    unstable: bool
    error: np.ndarray
    lost: list
    residual: np.ndarray
    means: np.ndarray
    weights: np.ndarray
