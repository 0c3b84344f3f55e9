"""Learning rates from networks: the best one, and the largest stable one, with bootstrap errors."""

from dataclasses import dataclass

import numpy as np

from lib import checks
from lib.questions.agreement import averaging
from lib.questions.learning_rates import Rate, Search, checked_loss, is_stable


@dataclass(frozen=True)
class MeasuredRate(Rate):
    """A learning rate measured on runs over a ladder of rates.

    Attributes
    ----------
    error : float
        Standard error of `value`, from a bootstrap over seeds. Weights and data are shared by all rates
        of a seed, so that seeds are drawn, not single runs. The ladder's spacing, in `tolerance`, is a
        separate uncertainty: of `value` itself for the largest stable rate, and for the optimum a bound
        on the error of the parabola.
    """

    error: float


def measured_optimal_learning_rate(
    rates, runs, *, loss="test_loss", middle="mean", resamples=200, seed=0
):
    r"""The learning rate of the smallest loss after the last step, among runs at several rates.

    A parabola through the logarithms of the three losses around the smallest one, over the logarithm of
    the rate, gives the position between the rungs; where one of them has diverged it is the rung itself.

    Parameters
    ----------
    rates : [K], increasing
        The learning rates of the K trainings of `runs`.
    runs : Runs
        From `simulate` with a sequence of K trainings.
    loss : "test_loss", "excess_loss" or "train_loss"
    middle : "mean" or "median"
        Over seeds; the median where some of them diverge.
    resamples : int
        Bootstrap samples.
    seed : int
        Of the bootstrap.

    Returns
    -------
    MeasuredRate

    Raises
    ------
    ValueError
        If rates and runs do not fit together.
    """
    center = averaging(middle)

    def locate(curves):
        final = center(curves[:, :, -1], axis=1)
        best = int(np.argmin(final))
        return _vertex(np.log(rates), final, best), final[best], (best - 1, best + 1)

    return _measure(rates, runs, loss, locate, resamples, seed)


def measured_max_stable_learning_rate(rates, runs, *, loss="test_loss", resamples=200, seed=0):
    r"""The largest learning rate up to which most runs are stable, as `max_stable_learning_rate` defines it.

    Each seed has its own edge among the rungs; `value` is their median.

    Parameters
    ----------
    rates, runs, loss, resamples, seed
        As for `measured_optimal_learning_rate`.

    Returns
    -------
    MeasuredRate

    Raises
    ------
    ValueError
        If rates and runs do not fit together.
    """

    def locate(curves):
        unstable = np.concatenate([~is_stable(curves), np.ones((1, curves.shape[1]), bool)])
        edges = np.argmax(unstable, axis=0) - 1
        # Of an even number of seeds two have edges in the middle: at the lower one most are stable.
        lower, upper = (int(np.quantile(edges, 0.5, method=m)) for m in ("lower", "higher"))
        position = np.interp(np.median(edges), np.arange(len(rates)), np.log(rates))
        return position, np.median(curves[max(lower, 0), :, -1]), (lower, upper + 1)

    return _measure(rates, runs, loss, locate, resamples, seed)


def _measure(rates, runs, loss, locate, resamples, seed):
    rates, curves = _checked(rates, runs, loss)
    position, value, (below, above) = locate(curves)
    rng = np.random.default_rng(seed)
    seeds = curves.shape[1]
    drawn = rng.integers(seeds, size=(checks.integer("resamples", resamples, least=2), seeds))
    spread = np.std([locate(curves[:, members])[0] for members in drawn], ddof=1)
    outside = Search.AT_LOW_END if below < 0 else Search.AT_HIGH_END
    inside = below >= 0 and above < len(rates)
    bracket = (float(rates[max(below, 0)]), float(rates[min(above, len(rates) - 1)]))
    best = float(np.exp(position))
    return MeasuredRate(
        value=best,
        bracket=bracket,
        loss=float(value),
        tolerance=(bracket[1] - bracket[0]) / best,
        evaluations=curves.shape[0] * seeds,
        status=Search.CONVERGED if inside else outside,
        error=float(best * spread),
    )


def _checked(rates, runs, loss):
    rates = np.array(checks.sequence("rates", rates, positive=True))
    _of_the_runs(rates, runs)
    if len(rates) < 3 or not (np.diff(rates) > 0).all():
        raise ValueError("rates must be at least three, and increase: sort them.")
    curves = getattr(runs, checked_loss(loss))
    if curves.ndim != 3 or len(curves) != len(rates):
        raise ValueError(
            f"{len(rates)} rates but runs of shape {curves.shape}: "
            "simulate with a list of trainings, one for each rate."
        )
    if curves.shape[1] < 2:
        raise ValueError("a bootstrap needs at least two seeds: run more.")
    return rates, curves


def _of_the_runs(rates, runs):
    """Refuse rates at which the runs were not trained; of a schedule the ratios must be theirs."""
    trainings = getattr(runs, "training", ())
    if not isinstance(trainings, tuple) or len(trainings) != len(rates):
        return
    if not all(hasattr(training, "learning_rate") for training in trainings):
        return
    own = np.array([np.max(training.learning_rate) for training in trainings])
    scheduled = any(np.ndim(training.learning_rate) for training in trainings)
    scale = own[0] / rates[0] if scheduled else 1.0
    if not np.allclose(own, scale * rates, rtol=1e-6):
        raise ValueError(
            f"the runs were trained at the rates {own}, not {rates}: give the rates of the runs."
        )


def _vertex(x, losses, best):
    """Where a parabola through the three points around the smallest loss has its minimum, in x."""
    if best == 0 or best == len(x) - 1 or not np.isfinite(losses[best - 1 : best + 2]).all():
        return x[best]
    curvature, slope, _ = np.polyfit(
        x[best - 1 : best + 2] - x[best], np.log(losses[best - 1 : best + 2]), 2
    )
    return x[best] - slope / (2 * curvature) if curvature > 0 else x[best]
