"""The check of a solution against its equations, where a sweep contains runs that explode."""

import math

import numpy as np

import lib


def test_exploding_runs_do_not_spoil_a_sweep():
    """Momentum far above the stable rate: the equations lose all digits, the others keep theirs."""
    mass = np.array([0.02, 0.05, 0.1, 0.2, 0.28, 0.35])
    variances = np.geomspace(4, 0.01, 6)
    spectrum = lib.Spectrum(variances / (variances @ mass), np.ones(6), mass)
    trainings = [
        lib.GradientDescent(40, eta * (1 - mu), momentum=mu)
        for mu in (0.0, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9)
        for eta in np.geomspace(0.003, 0.5, 17)
    ]
    solution = lib.solve(
        lib.Network.ntk(2, 0.125, centered=False),
        lib.Data(batch=0.5, noise=0.3, spectrum=spectrum),
        trainings,
        keep_matrices=False,
    )
    complete = np.array([status.outcome is lib.Outcome.COMPLETE for status in solution.status])
    assert 0 < complete.sum() < len(trainings)
    assert np.isinf(solution.excess_loss[~complete, -1]).all()
    small = solution.excess_loss.max(axis=-1) < math.exp(5)
    assert small.any() and solution.residual[small].max() < 1e-8
