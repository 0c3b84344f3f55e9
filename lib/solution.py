"""What the theory returns: learning curves, two-time matrices, and a verdict."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from lib.data import Data
from lib.network import Network
from lib.status import Status
from lib.training import Training

CURVES = (
    "test_loss",
    "excess_loss",
    "train_loss",
    "bias",
    "width_variance",
    "data_variance",
)


@dataclass(frozen=True, eq=False)
class Solution:
    r"""Learning curves of the infinite-size limit.

    For a sequence of K networks or trainings every array gains a leading axis of length K, and
    `status` and `residual` become arrays of length K.

    Attributes
    ----------
    times : [T]
        In steps; step 0 is the initial network.
    test_loss, excess_loss, train_loss : [T]
        $C_v(t,t) + \sigma^2$, $C_v(t,t)$ and $C_\Delta(t,t)$; no factor 1/2.
    bias, width_variance, data_variance : [T]
        The parts of the excess loss: of the mean predictor, from the random initial weights (gone
        after averaging over initialisations), from the finite data (gone after averaging over
        datasets).
    status : Status
        What happened and what to do about it.
    residual : float
        Largest relative violation of the closed equations when the solution is put back into them.
    wall_time : float
        Seconds spent solving (all K together).
    C_v, C_Delta, R_vu, R_Delta : [T, T] or None
        Two-time correlations and responses at the input.
    C_h, R_h, C_g, R_g : dict of [T, T] or None
        By layer: `C_h[l]` and `R_h[l]` for l = 0..L (l = 0 is the error signal u), `C_g[l]` and
        `R_g[l]` for l = 1..L.
    """

    network: Network | tuple[Network, ...]
    data: Data
    training: Training | tuple[Training, ...]
    times: np.ndarray
    test_loss: np.ndarray
    excess_loss: np.ndarray
    train_loss: np.ndarray
    bias: np.ndarray
    width_variance: np.ndarray
    data_variance: np.ndarray
    status: Status | np.ndarray
    residual: float | np.ndarray
    wall_time: float
    C_v: np.ndarray | None = None
    C_Delta: np.ndarray | None = None
    R_vu: np.ndarray | None = None
    R_Delta: np.ndarray | None = None
    C_h: dict | None = None
    R_h: dict | None = None
    C_g: dict | None = None
    R_g: dict | None = None

    def at(self, times):
        """The same curves at any `times` within the run (without the two-time matrices).

        At the solution's own times the values are its own; in between they are those of a monotone
        interpolant.
        """
        times = np.asarray(times, float)
        if times.size == 0 or not ((times >= self.times[0]) & (times <= self.times[-1])).all():
            raise ValueError(
                f"times must lie between {self.times[0]:g} and {self.times[-1]:g}: "
                "solve for more steps to go beyond."
            )
        curves = {name: self._interpolate(getattr(self, name), times) for name in CURVES}
        matrices = dict.fromkeys(("C_v", "C_Delta", "R_vu", "R_Delta", "C_h", "R_h", "C_g", "R_g"))
        return replace(self, times=times, **curves, **matrices)

    def _interpolate(self, curve, times):
        rows = curve.reshape(-1, curve.shape[-1])
        between = np.array([_finite_part(self.times, row, times) for row in rows])
        nearest = np.minimum(np.searchsorted(self.times, times), len(self.times) - 1)
        values = np.where(self.times[nearest] == times, rows[:, nearest], between)
        return values.reshape(*curve.shape[:-1], *times.shape)


def _finite_part(known, curve, times):
    """Interpolate up to the last finite value; inf (or nan, if interrupted) beyond it."""
    last = (
        int(np.argmin(np.isfinite(curve))) - 1 if not np.isfinite(curve).all() else len(known) - 1
    )
    values = np.full(times.shape, curve[-1])
    inside = times <= known[max(last, 0)]
    if last >= 1:
        values[inside] = PchipInterpolator(known[: last + 1], curve[: last + 1])(times[inside])
    elif last == 0:
        values[inside] = curve[0]
    return values
