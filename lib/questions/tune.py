r"""The best hyperparameters, any number of them: in the theory, and on networks.

The loss at the end of training is a smooth function of the logarithms of all positive hyperparameters,
wherever training does not diverge. It is followed downhill by a quasi-Newton search with differences for
gradients, from several starting points at once: all candidates of a round that share a shape are one batch.
At the minimum Newton's method takes over, and leaves the matrix of second derivatives behind

$$ H_{ij} = \frac{\partial^2 \log \mathcal L}{\partial \log p_i\, \partial \log p_j} , $$

whose eigenvectors say which combinations of hyperparameters matter, and which are free: a factor
$e^{\epsilon a_i}$ on every $p_i$, with a a unit eigenvector of eigenvalue h, costs the part
$h \epsilon^2/2$ of the loss.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lib import checks
from lib.questions.candidates import REACH, Candidates
from lib.questions.descent import answered, descend, objective, polish
from lib.questions.learning_rates import checked_loss
from lib.status import Outcome
from lib.theory.solve import solve

SPREAD = 4.0
"""Other starting points lie within this factor of the given one."""

CANDIDATES = 8
"""Points, for each parameter, among which the other starting points are chosen."""

FREE = 1e-4
"""Eigenvalues of the curvature below this part of the largest one belong to free combinations."""

STEPS = (0.003, 0.05)
"""Bounds for the differences of logarithms."""

GOOD = (Outcome.COMPLETE, Outcome.STATIONARY)


class Tuning(enum.Enum):
    """How a search for the best hyperparameters ended; the value is the sentence for the user."""

    CONVERGED = "The optimum is known to the tolerance."
    FREE = (
        "The optimum is known to the tolerance, but not unique: some combinations of the parameters "
        "do not change the loss (eigenvalues near zero, see directions)."
    )
    AT_EDGE = (
        "Training diverges next to the optimum, which lies at the edge of stability: the curvature "
        "means nothing there. Train for longer, or fix what drives the search to the edge."
    )
    RUNAWAY = (
        "The loss still falls where a parameter has moved by as much as is allowed: it has no best "
        "value, or one far away. Start elsewhere, or leave it out."
    )
    UNSETTLED = (
        "The search ended before the loss had settled. Start again from what was found, or raise "
        "the tolerance."
    )


@dataclass(frozen=True, eq=False)
class Tuned:
    r"""The best hyperparameters that were found.

    Attributes
    ----------
    parameters : dict
        Names and shapes as in `start`.
    loss : float
        At the end of training.
    names : list of n str
        Every single number among the parameters, "init_scale[1]" for one.
    curvature : [n, n]
        Second derivatives of the logarithm of the loss in the logarithms of the parameters.
    eigenvalues : [n]
        Of the curvature, largest first.
    directions : [n, n]
        Its eigenvectors, direction i in row i.
    found : [starts]
        Loss at the end of each search; where they agree the optimum is likely to be the only one.
    evaluations : int
        Learning curves computed for it.
    status : Tuning
        What happened and what to do about it.
    errors : dict or None
        Networks: standard errors of the logarithms of `parameters` over seeds.
    loss_error : float or None
        Networks: standard error of `loss` over seeds. The loss itself is that of the seeds it was
        tuned on; fresh seeds do not have this bias.
    """

    parameters: dict
    loss: float
    names: list
    curvature: np.ndarray
    eigenvalues: np.ndarray
    directions: np.ndarray
    found: np.ndarray
    evaluations: int
    status: Tuning
    errors: dict | None = None
    loss_error: float | None = None


def tune(problem, start, *, loss="test_loss", starts=3, tolerance=1e-6):
    r"""The hyperparameters of the smallest loss after training, in the theory.

    Parameters
    ----------
    problem : callable
        `problem(**parameters)` gives (network, data, training).
    start : dict
        Maps names to positive numbers, or lists of them: where to start.
    loss : "test_loss", "excess_loss", "train_loss" or callable
        The loss at the end of training, or a function of a `Solution` (for networks `Runs`) of several
        configurations that gives one positive number for each (and seed).
    starts : int
        Searches: one from `start`, the others from the best of many points within a factor of 4
        (`SPREAD`) of it in every parameter.
    tolerance : float
        Relative: a further Newton step must not promise to lower the loss by more.

    Returns
    -------
    Tuned

    Raises
    ------
    ValueError
        If an argument is out of range, or if training diverges at `start` and everywhere around it.

    Notes
    -----
    Points where training diverges, or where `problem` raises a ValueError, are never chosen (at
    `start` the error is raised).
    """
    at_end = _reading(loss)

    def losses(networks, data, trainings):
        solution = solve(networks, data, trainings, keep_matrices=False)
        values = np.reshape(at_end(solution), (-1, 1)).copy()
        values[_failed(solution.status)] = np.inf
        return values, max(float(np.max(solution.error)), 1e-14)

    return _search(Candidates(problem, start, losses, 1), starts, tolerance)


def measured_tune(
    problem,
    start,
    *,
    loss="test_loss",
    dim=None,
    seeds=8,
    starts=1,
    tolerance=1e-5,
    dtype="float64",
):
    r"""The hyperparameters of the smallest mean loss of networks, with errors.

    Every candidate trains the same networks on the same data (common random numbers), so that the
    mean over seeds is as smooth as the theory and is searched in the same way. The gradient of the
    mean scatters with the seeds; with S its covariance and n seeds the errors of the logarithms are the square
    roots of the diagonal of $H^{-1} S H^{-1}/n$.

    Parameters
    ----------
    problem : callable
        As for `tune`, like `start` and `loss`.
    start : dict
    loss : "test_loss", "excess_loss", "train_loss" or callable
    dim : int
        As for `simulate`, like `seeds` and `dtype`.
    seeds : int or sequence of int or pairs of int
        At least two.
    starts : int
        As for `tune`, like `tolerance`; one search, if it is left out.
    tolerance : float
    dtype : "float64" or "float32"

    Returns
    -------
    Tuned
        With `errors` and `loss_error`.

    Raises
    ------
    ValueError
        As `tune`, and for fewer than two seeds.
    """
    from lib.networks.simulate import simulate  # torch is for those who train networks

    at_end = _reading(loss)
    seeds = checks.seeds(seeds)
    if len(seeds) < 2:
        raise ValueError("errors need at least two seeds: give more.")
    precision = 1e-6 if "32" in str(dtype) else 1e-14

    def losses(networks, data, trainings):
        runs = simulate(
            networks, data, trainings, dim=dim, seeds=seeds, dtype=dtype, progress=False
        )
        values = np.array(at_end(runs), float)
        values[_failed(runs.status)] = np.inf
        return values, precision

    return _search(Candidates(problem, start, losses, len(seeds)), starts, tolerance)


def _reading(loss):
    """What is to be small, as a function of a `Solution` or of `Runs`."""
    if isinstance(loss, Callable):
        return loss
    checked_loss(loss)
    return lambda result: getattr(result, loss)[..., -1]


def _failed(status):
    """Where a run did not end well; an interrupt is passed on."""
    outcomes = np.array([[entry.outcome for entry in row] for row in np.atleast_2d(status)])
    if (outcomes == Outcome.INTERRUPTED).any():
        raise KeyboardInterrupt
    return ~np.isin(outcomes, GOOD).reshape(np.shape(status))


def _search(candidates, starts, tolerance):
    """Search from several points, polish the best; return what was found."""
    starts = checks.integer("starts", starts)
    tolerance = checks.number("tolerance", tolerance, positive=True)
    origins = _origins(candidates, starts)
    step = float(np.clip(candidates.precision**0.25, *STEPS))
    searches = [descend(origin, step, tolerance) for origin in origins]
    minima = answered(searches, candidates.evaluate)
    best = min(minima, key=lambda minimum: minimum.value)
    (bottom,) = answered([polish(best, step, tolerance)], candidates.evaluate)
    return _found(candidates, bottom, np.exp([minimum.value for minimum in minima]))


def _origins(candidates, starts):
    """`start`, if training does not diverge there, and the best of the points around it."""
    from scipy.stats import qmc  # slow to import

    n = len(candidates.start)
    shifts = qmc.Sobol(n, scramble=False).random_base2(int(np.ceil(np.log2(CANDIDATES * n))))
    points = candidates.start + np.log(SPREAD) * (2 * shifts - 1)
    points = np.concatenate([candidates.start[None], points if starts > 1 else points[:0]])
    logs = objective(candidates.evaluate(points))
    if not np.isfinite(logs).any():
        raise ValueError(
            "training diverges at start and wherever else it was tried: start elsewhere, "
            "with a lower learning rate for one."
        )
    others = 1 + np.argsort(logs[1:], kind="stable")
    order = [0, *others] if np.isfinite(logs[0]) else others
    return [points[i] for i in order if np.isfinite(logs[i])][:starts]


def _found(candidates, bottom, found):
    sizes, axes = np.linalg.eigh(bottom.curvature)
    sizes, axes = sizes[::-1], axes[:, ::-1]
    moved = np.abs(bottom.point - candidates.start).max()
    status = Tuning.CONVERGED
    if moved > np.log(REACH) - 1:
        status = Tuning.RUNAWAY
    elif bottom.edge:
        status = Tuning.AT_EDGE
    elif not bottom.settled:
        status = Tuning.UNSETTLED
    elif (sizes < FREE * np.abs(sizes).max()).any():
        status = Tuning.FREE
    fields = {}
    if candidates.samples > 1:
        final = candidates.evaluate(bottom.point[None])[0]
        kept = sizes > FREE * np.abs(sizes).max()
        inverse = (axes[:, kept] / sizes[kept]) @ axes[:, kept].T
        scatter = np.atleast_2d(np.cov(bottom.gradients.T)) / candidates.samples
        errors = np.sqrt(np.diag(inverse @ scatter @ inverse))
        fields["errors"] = candidates.unpacked(errors)
        fields["loss_error"] = float(final.std(ddof=1) / np.sqrt(candidates.samples))
    return Tuned(
        parameters=candidates.unpacked(np.exp(bottom.point)),
        loss=float(np.exp(bottom.value)),
        names=candidates.names,
        curvature=bottom.curvature,
        eigenvalues=sizes,
        directions=axes.T,
        found=found,
        evaluations=candidates.evaluations,
        status=status,
        **fields,
    )
