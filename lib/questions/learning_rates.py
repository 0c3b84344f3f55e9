r"""Learning rates from the theory: the best one, and the largest stable one.

Both are searched on the logarithm of the rate. Every round solves a ladder of candidate rates as one
batch and keeps the rungs around the answer, so that a round of n rungs divides the bracket by about n.
"""

import contextlib
import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lib import checks
from lib.problem.training import Training
from lib.status import Outcome
from lib.theory.solve import solve

LOSSES = ("test_loss", "excess_loss", "train_loss")

START = (1e-3, 1.0)
"""The first bracket, where none is given; it grows by `GROWTH` while the answer lies outside."""

GROWTH = 100.0
LARGEST_SPAN = 1e16
SPACING = 1.5
"""Ratio of neighboring rates in the first round: bowls narrower than that can be missed."""

FINEST = 1e-12
"""Rates that are closer than this, relatively, are the same rate."""

BOUND = 1e-8
"""Relative accuracy of the largest rate that a training takes."""

RUNGS = 8
"""Candidate rates inside the bracket in each later round."""


class Search(enum.Enum):
    """How a search for a learning rate ended; the value is the sentence for the user."""

    CONVERGED = "The learning rate is known to the tolerance."
    AT_LOW_END = (
        "The answer lies below the bracket: the lowest rate is the best one, or already unstable. "
        "Lower the bracket, or train fewer steps."
    )
    AT_HIGH_END = (
        "The answer lies above the bracket: the highest rate is the best one, or still stable. "
        "Raise the bracket, or train more steps."
    )


@dataclass(frozen=True)
class Rate:
    """A learning rate and how well it is known.

    Attributes
    ----------
    value : float
        The best rate tried, or the largest stable one tried.
    bracket : (float, float)
        Rates tried on either side. The optimum (a minimum, if the curve has several within
        a factor of 1.5) lies between them; the largest stable rate lies between `value` and the upper end.
    loss : float
        The loss at `value` after the last step.
    tolerance : float
        The bracket's width relative to `value`.
    evaluations : int
        Learning curves solved for it.
    status : Search
        What happened and what to do about it.
    """

    value: float
    bracket: tuple[float, float]
    loss: float
    tolerance: float
    evaluations: int
    status: Search


def at_rates(training, rates):
    r"""The `Training` at each of `rates`.

    Parameters
    ----------
    training : Training or callable
        An optimizer with a `learning_rate`, which is replaced (a schedule keeps its shape: its largest
        rate is the one that varies), or a function from a rate to a `Training`.
    rates : sequence of float
    """
    if isinstance(training, Training):
        if not hasattr(training, "learning_rate"):
            raise ValueError(
                f"{type(training).__name__} has no learning rate to vary: give a GradientDescent, "
                "or a function from a rate to a Training."
            )
        shape = np.asarray(training.learning_rate, float)
        if shape.ndim and not shape.max() > 0:
            raise ValueError("the schedule of learning rates is zero throughout: nothing to scale.")
        shape = shape / shape.max() if shape.ndim else 1.0
        made = [replace(training, learning_rate=rate * shape) for rate in rates]
    elif isinstance(training, Callable):
        made = [training(rate) for rate in rates]
    else:
        raise ValueError(
            f"training is {training!r}: give a lib.GradientDescent, "
            "or a function from a rate to a Training."
        )
    for entry in made:
        if not isinstance(entry, Training):
            raise ValueError(f"training(rate) gave {entry!r}: it must return a Training.")
    return made


def optimal_learning_rate(
    network, data, training, *, loss="test_loss", bracket=None, tolerance=0.01
):
    r"""The learning rate of the smallest loss after the last step, in the theory.

    One parameter, and a search of its own: it brackets the minimum on a ladder of rates, which needs no
    derivatives, takes curves with several minima or a jump to divergence next to the best rate, and
    says between which rates the answer lies. `tune` follows derivatives downhill, for any number of
    parameters; where the curve has one smooth minimum both find the same.

    Parameters
    ----------
    network : Network
    data : Data
    training : Training or callable
        See `lib.questions.learning_rates.at_rates`: its learning rate is what varies.
    loss : "test_loss", "excess_loss" or "train_loss"
    bracket : (float, float) or None
        Where to search. None: from 0.001 to 1, and further out while the best rate is at an end.
    tolerance : float
        Width of the final bracket relative to the rate.

    Returns
    -------
    Rate

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    ladder = _Ladder(network, data, training, loss)

    def around_best(rates, curves):
        best = int(np.argmin(curves[:, -1]))
        if not np.isfinite(curves[best, -1]):
            return -1, None
        return best, (best - 1, best + 1)

    return _search(ladder, around_best, bracket, tolerance)


def max_stable_learning_rate(
    network, data, training, *, loss="test_loss", bracket=None, tolerance=0.01
):
    r"""The largest learning rate up to which training is stable, in the theory.

    Stable means that the loss does not diverge and ends no higher than it began; it may rise in between.
    Close to the edge stable and unstable rates can alternate: this is the first edge, at the resolution
    of the search.

    Parameters
    ----------
    network, data, training, loss, bracket, tolerance
        As for `optimal_learning_rate`.

    Returns
    -------
    Rate

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    ladder = _Ladder(network, data, training, loss)

    def below_edge(rates, curves):
        unstable = ~is_stable(curves)
        if not unstable.any():
            return len(rates), None
        edge = int(np.argmax(unstable))
        return edge - 1, (edge - 1, edge)

    return _search(ladder, below_edge, bracket, tolerance)


def is_stable(curves):
    """Whether each loss curve [..., steps + 1] stays finite and ends no higher than it began."""
    return np.isfinite(curves).all(axis=-1) & (curves[..., -1] <= curves[..., 0])


def checked_loss(loss):
    """`loss`, if it is the name of one."""
    if loss not in LOSSES:
        raise ValueError(f"loss is {loss!r}: give one of {', '.join(LOSSES)}.")
    return loss


class _Ladder:
    """Loss curves of one problem at any learning rates; counts what it has solved."""

    def __init__(self, network, data, training, loss):
        self.problem, self.training = (network, data), training
        self.loss = checked_loss(loss)
        self.evaluations = 0

    def allowed(self, low, high):
        """The bracket, less the rates that the training does not take: weight decay bounds them, for one."""
        if self._takes(high):
            return low, high
        lowest = next((rate for rate in low / GROWTH ** np.arange(9) if self._takes(rate)), None)
        if lowest is None:  # the rate is not what is wrong with it
            return low, high
        taken, refused = lowest, high
        while refused > taken * (1 + BOUND / 10):
            middle = math.sqrt(taken * refused)
            taken, refused = (middle, refused) if self._takes(middle) else (taken, middle)
        return min(lowest, taken / GROWTH), taken

    def _takes(self, rate):
        with contextlib.suppress(ValueError):
            return bool(at_rates(self.training, [rate]))
        return False

    def curves(self, rates):
        """The loss at every step, [rates, steps + 1]."""
        solution = solve(*self.problem, at_rates(self.training, rates), keep_matrices=False)
        if any(status.outcome is Outcome.INTERRUPTED for status in solution.status):
            raise KeyboardInterrupt
        self.evaluations += len(rates)
        curves = getattr(solution, self.loss)
        # Runs that could not be followed to their end, beyond an edge that is passed late, are not the best.
        return np.where(np.isnan(curves), np.inf, curves)


def _search(ladder, locate, bracket, tolerance):
    """Shrink a bracket around what `locate` finds among the rungs, until it is narrow enough.

    `locate` maps (rates, curves) to the index of the best rung, which lies outside the ladder if the
    answer does, and the indices of the rungs around the answer.
    """
    tolerance = checks.number("tolerance", tolerance, positive=True)
    tolerance = max(tolerance, FINEST)
    fixed = bracket is not None
    low, high = _checked(bracket) if fixed else ladder.allowed(*START)
    while True:
        count = 2 + math.ceil(math.log(high / low) / math.log(SPACING))
        rates = np.geomspace(low, high, count)
        curves = ladder.curves(rates)
        best, around = locate(rates, curves)
        below, above = _outside(best, around, count)
        if not (below or above) or fixed or high / low > LARGEST_SPAN:
            break
        wider = ladder.allowed(*((low / GROWTH, high) if below else (low, high * GROWTH)))
        # The bound of what the training takes comes out a little differently each time.
        if np.allclose(wider, (low, high), rtol=BOUND, atol=0):
            break
        low, high = wider
    while not (below or above):
        low, high = (rates[i] for i in around)
        if high - low <= tolerance * rates[best]:
            break
        known = dict(zip(rates, curves, strict=True))
        inner = [rate for rate in np.geomspace(low, high, RUNGS + 2)[1:-1] if rate not in known]
        known.update(zip(inner, ladder.curves(inner), strict=True))
        rates = np.array(sorted(rate for rate in known if low <= rate <= high))
        curves = np.array([known[rate] for rate in rates])
        best, around = locate(rates, curves)
        # The ends of the bracket are no better than its inside, but may be as good.
        around = tuple(np.clip(around, 0, len(rates) - 1))
    best = int(np.clip(best, 0, len(rates) - 1))
    status = Search.AT_LOW_END if below else Search.AT_HIGH_END if above else Search.CONVERGED
    return Rate(
        value=float(rates[best]),
        bracket=(float(low), float(high)),
        loss=float(curves[best, -1]),
        tolerance=float((high - low) / rates[best]),
        evaluations=ladder.evaluations,
        status=status,
    )


def _outside(best, around, count):
    """Whether the answer lies below, or above, the rungs of the ladder."""
    low, high = around or (best, best)
    return low < 0, high > count - 1


def _checked(bracket):
    bounds = checks.sequence("bracket", bracket, positive=True)
    if len(bounds) != 2 or not bounds[0] < bounds[1]:
        raise ValueError(f"bracket is {bracket!r}: give two rates, the lower one first.")
    return bounds
