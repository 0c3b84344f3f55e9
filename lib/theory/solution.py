"""What the theory returns: learning curves, two-time matrices, and a verdict."""

from dataclasses import dataclass, field, replace

import numpy as np

from lib import checks
from lib.horizons.nodes import Interpolant
from lib.problem.data import Data
from lib.problem.network import Network
from lib.problem.quadrature import Rule
from lib.problem.summary import Summarized
from lib.problem.training import Training
from lib.status import Status
from lib.theory.grid import CompressedPast, EveryStep, Nodes

CURVES = (
    "test_loss",
    "excess_loss",
    "train_loss",
    "bias",
    "width_variance",
    "data_variance",
)

BY_OUTPUT = ("excess_by_output", "train_by_output")

MATRICES = ("C_v", "C_Delta", "R_vu", "R_Delta", "C_h", "R_h", "C_g", "R_g")


@dataclass(frozen=True, eq=False, repr=False)
class Solution(Summarized):
    r"""Learning curves of the infinite-size limit.

    For a sequence of K networks or trainings every array gains a leading axis of length K, and
    `status`, `residual` and `depth_error` become arrays of length K.

    Attributes
    ----------
    times : [T]
        In steps (or units of time, for gradient flow); step 0 is the initial network. Every step up
        to a few thousand; beyond, and for gradient flow, the solver's own nodes, the last one the end.
    test_loss : [T]
        $C_v(t,t) + \sigma^2$, summed over outputs; no factor 1/2, here and below.
    excess_loss : [T]
        $C_v(t,t)$, summed over outputs.
    train_loss : [T]
        $C_\Delta(t,t)$, summed over outputs.
    excess_by_output : [C, T]
        The parts of the excess loss that belong to each output.
    train_by_output : [C, T]
        The parts of the training loss that belong to each output.
    bias : [T]
        The part of the excess loss that the mean predictor has.
    width_variance : [T]
        The part from the random initial weights. An average over initializations removes it nearly, not
        exactly: `lib.ensembles` has what it leaves.
    data_variance : [T]
        The part from the finite data; an average over data sets removes it nearly.
    status : Status
        What happened and what to do about it.
    residual : float
        Largest relative violation of the closed equations when the solution is put back into them.
    wall_time : float
        Seconds spent solving (all K together).
    grid : EveryStep, CompressedPast or Nodes
        Where in time the equations were solved.
    error : float
        Estimated relative error of the losses that comes from the grid, from nodes in place of many
        modes, and at infinite depth from nodes in layer time; 0 for every step, mode and layer. Losses
        that have fallen to less than 1e-4 of the first are known to that part of this size. A centered
        network of finite width adds what rounding leaves of its output, a difference of two that are
        larger: about $10^{-14}/(\gamma_0^2 \nu)$ of the first loss.
    modes : Rule
        What sums over modes were taken with: the modes themselves, or fewer nodes (see
        `lib.problem.quadrature`) with an error that `error` includes.
    depth_error : float or None
        At infinite depth: the part of `error` that comes from the quadrature in layer time.
    C_v : [T, T] or None
        Correlation of the weight error. With C outputs [T C, T C], the outputs of a time next to each
        other; so are all matrices below. See `solve` for when they are kept.
    C_Delta : [T, T] or None
        Correlation of the residuals.
    R_vu : [T, T] or None
        Response of v to the noise of u, weighted by $\lambda$.
    R_Delta : [T, T] or None
        Response of the residuals.
    C_h : dict of [T, T] or None
        Correlations of the forward fields by layer, l = 0..L (l = 0 is the error signal u). At infinite
        depth l = 1, 2, .. counts the layer times `layer_times`, 0 at the input and 1 at the readout.
    R_h : dict of [T, T] or None
        Responses of the forward fields, l = 0..L. Those of a residual network are to a source added to
        the field itself (without the factor $\beta$ of a branch).
    C_g : dict of [T, T] or None
        Correlations of the backward fields, l = 1..L.
    R_g : dict of [T, T] or None
        Responses of the backward fields, l = 1..L.
    source : Solution or None
        What `at` was asked of.
    layer_times : [nodes] or None
        $\tau$ of the layers of `C_h` and the others at infinite depth.
    """

    network: Network | tuple[Network, ...]
    data: Data
    training: Training | tuple[Training, ...]
    times: np.ndarray
    test_loss: np.ndarray
    excess_loss: np.ndarray
    train_loss: np.ndarray
    excess_by_output: np.ndarray
    train_by_output: np.ndarray
    bias: np.ndarray
    width_variance: np.ndarray
    data_variance: np.ndarray
    status: Status | np.ndarray
    residual: float | np.ndarray
    wall_time: float
    grid: EveryStep | CompressedPast | Nodes
    error: float | np.ndarray
    modes: Rule | np.ndarray
    interpolants: list[Interpolant] | None = None
    depth_error: float | np.ndarray | None = None
    layer_times: np.ndarray | None = None
    C_v: np.ndarray | None = None
    C_Delta: np.ndarray | None = None
    R_vu: np.ndarray | None = None
    R_Delta: np.ndarray | None = None
    C_h: dict | None = None
    R_h: dict | None = None
    C_g: dict | None = None
    R_g: dict | None = None
    source: "Solution | None" = field(default=None, repr=False)

    def at(self, times):
        """The same curves at any `times` within the run, a number or an array (without the two-time matrices).

        At the solution's own times the values are its own; in between they are those of the
        polynomials it was solved with (on nodes) or of a monotone interpolant (every step).
        """
        times, own = (
            checks.numbers("times", times, "a number or an array of numbers"),
            self._own_times,
        )
        if times.size == 0:
            raise ValueError("times is empty: give at least one time.")
        if not ((times >= own[0]) & (times <= own[-1])).all():
            raise ValueError(
                f"times must lie between {own[0]:g} and {own[-1]:g}: "
                "solve for more steps to go beyond."
            )
        whole = self.source or self
        names = CURVES + BY_OUTPUT
        curves = {name: whole._resample(getattr(whole, name), times) for name in names}
        return replace(
            whole,
            times=times,
            interpolants=None,
            source=whole,
            **curves,
            **dict.fromkeys(MATRICES),
        )

    @property
    def _own_times(self):
        return (self.source or self).times

    def _resample(self, curve, times):
        interpolants = self.interpolants or [Interpolant(self.times)] * np.size(self.status)
        by_problem = curve.reshape(len(interpolants), -1, curve.shape[-1])
        pairs = zip(interpolants, by_problem, strict=True)
        values = np.array(
            [[interpolant(row, times) for row in rows] for interpolant, rows in pairs]
        )
        # A polynomial through losses that fall by decades may overshoot zero, by less than its error.
        return np.maximum(values, 0).reshape(curve.shape[:-1] + times.shape)
