"""Learning-rate curves over widths, depths, richness: many networks at many rates, in one call."""

from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np

from lib import checks
from lib.problem.network import Network
from lib.questions.jobs import compute
from lib.questions.learning_rates import LOSSES, at_rates, checked_loss
from lib.status import Outcome
from lib.theory.solve import solve

BY_SEED = (*LOSSES, "excess_by_output", "train_by_output")
"""What runs hold for each seed, [K, seeds, ..]."""


@dataclass(frozen=True, eq=False)
class RateCurves:
    """Losses of several networks at the same learning rates.

    Attributes
    ----------
    networks : tuple of n Network
    rates : [K]
        Learning rates.
    results : tuple of n Solution or Runs
        One for each network, with a leading axis over the K rates.
    """

    networks: tuple[Network, ...]
    rates: np.ndarray
    results: tuple

    def final(self, loss="test_loss"):
        """The loss after the last step: [n, K] from the theory, [n, K, seeds] from networks."""
        return np.array([getattr(result, checked_loss(loss))[..., -1] for result in self.results])


def rate_curves(networks, data, training, rates, *, cache=None):
    r"""The theory of several networks at several learning rates.

    Each network is one piece of work; see `lib.questions.jobs` for clusters and for resuming.

    Parameters
    ----------
    networks : sequence of n Network
        They may differ in everything: width, depth, richness, branches.
    data : Data or sequence of n Data
    training : Training or callable
        Its learning rate is what varies, see `lib.questions.learning_rates.at_rates`.
    rates : sequence of K floats
    cache : path or None
        Directory where finished pieces are kept, so that an interrupted sweep resumes.

    Returns
    -------
    RateCurves
        One `Solution` for each network, without the two-time matrices.
    """
    pieces, rates = _pieces(networks, data, training, rates)
    results = compute(_solve, pieces, cache)
    return RateCurves(tuple(networks), rates, tuple(results))


def measured_rate_curves(
    networks,
    data,
    training,
    rates,
    *,
    dim=None,
    dataset=None,
    seeds=8,
    device="cpu",
    dtype="float32",
    cache=None,
):
    r"""Networks of finite size at several learning rates.

    Each network and seed is one piece of work; all rates of a seed start from the same weights and data.

    Parameters
    ----------
    networks, data, training, rates, cache
        As for `rate_curves`.
    dim, seeds, dtype
        As for `simulate`.
    device : str or torch.device, or a list of them
        As for `simulate`; of several each trains its share of the seeds, at the same time where joblib
        runs as many workers. A worker looks for the device where it runs: with "cuda" those of a
        cluster on which each sees one GPU use them all.
    dataset : Dataset, sequence of n Dataset, or None
        Given samples in the place of Gaussian ones, as for `simulate`.

    Returns
    -------
    RateCurves
        Of `Runs`.
    """
    pieces, rates = _pieces(networks, data, training, rates)
    seeds = checks.seeds(seeds)
    datasets = _for_each("dataset", dataset, networks)
    devices = list(device) if checks.listed(device) else [device]
    if not devices:
        raise ValueError("device is an empty list: give 'cpu', 'cuda', or a list of devices.")
    runs = compute(
        _simulate,
        [
            (
                *piece,
                {"dim": dim, "dataset": given, "seeds": [seed], "device": its, "dtype": dtype},
            )
            for piece, given in zip(pieces, datasets, strict=True)
            for seed, its in zip(seeds, cycle(devices), strict=False)
        ],
        cache,
    )
    by_network = [runs[i : i + len(seeds)] for i in range(0, len(runs), len(seeds))]
    return RateCurves(tuple(networks), rates, tuple(_over_seeds(group) for group in by_network))


def _pieces(networks, data, training, rates):
    """(network, data, trainings) for each network, and the rates as an array."""
    rates = np.array(checks.sequence("rates", rates, positive=True))
    if not checks.listed(networks) or len(networks) == 0:
        raise ValueError(f"networks is {networks!r}: give a list of lib.Network.")
    data = _for_each("data", data, networks)
    trainings = at_rates(training, rates)
    return [
        (network, entry, trainings) for network, entry in zip(networks, data, strict=True)
    ], rates


def _for_each(name, value, networks):
    """`value`, one or one for each network, as a list."""
    if not checks.listed(value):
        return [value] * len(networks)
    if len(value) != len(networks):
        raise ValueError(
            f"{len(networks)} networks but {len(value)} of {name}: give one, or one for each."
        )
    return list(value)


def _solve(network, data, trainings):
    return _finished(solve(network, data, trainings, keep_matrices=False))


def _simulate(network, data, trainings, options):
    from lib.networks.simulate import simulate  # torch is for those who train networks

    return _finished(simulate(network, data, trainings, progress=False, **options))


def _finished(result):
    """The result; an interrupted one must not reach the cache, and ends the sweep."""
    if any(status.outcome is Outcome.INTERRUPTED for status in np.ravel(result.status)):
        raise KeyboardInterrupt
    return result


def _over_seeds(runs):
    """Runs of one seed each as the runs of all seeds."""
    return replace(
        runs[0],
        seeds=tuple(seed for run in runs for seed in run.seeds),
        status=np.concatenate([run.status for run in runs], axis=1),
        wall_time=sum(run.wall_time for run in runs),
        **{name: np.concatenate([getattr(run, name) for run in runs], axis=1) for name in BY_SEED},
    )
