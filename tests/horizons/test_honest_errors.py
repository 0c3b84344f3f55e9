"""What is reported as `error` bounds the true one, and by not much: a sample of random problems, fixed by its seeds."""

from functools import cache

import numpy as np
import pytest
from references.problems import random_problem, true_error

import lib

SEEDS = range(60)
ROUNDING = 1e-9
GRIDS = [lib.Nodes(1e-6), lib.Nodes(1e-8), lib.CompressedPast(1e-4), lib.CompressedPast(1e-7)]


@cache
def exact(seed):
    return lib.solve(
        *random_problem(seed, longest=80), grid=lib.EveryStep(), keep_matrices=False
    )


def possible(grid, data, training):
    if isinstance(grid, lib.Nodes):
        return data.batch is None
    return np.ndim(training.learning_rate) == 0 and training.weight_decay == 0


@cache
def errors(grid):
    """(seed, true, reported) of all problems of the sample that `grid` can solve and that do not diverge."""
    found = []
    for seed in SEEDS:
        network, data, training = random_problem(seed, longest=80)
        if not possible(grid, data, training) or exact(seed).status.name != "COMPLETE":
            continue
        solved = lib.solve(network, data, training, grid=grid)
        assert solved.status.name in ("COMPLETE", "STATIONARY")
        found.append((seed, true_error(solved.at(exact(seed).times), exact(seed)), solved.error))
    return found


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_true_error_is_below_the_reported_one(grid):
    assert len(errors(grid)) > 15
    for seed, true, reported in errors(grid):
        assert true <= reported + ROUNDING, seed


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_reported_error_is_not_far_above_the_true_one(grid):
    """Below a hundred times the true one, plus rounding, for nine of ten."""
    far = [seed for seed, true, reported in errors(grid) if reported > 100 * (true + 1e-11)]
    assert len(far) <= 0.1 * len(errors(grid))
