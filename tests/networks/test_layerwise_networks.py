"""Networks whose matrices have scales and rates of their own: autograd, folding, theory."""

import numpy as np
import pytest
from expectations import assert_agrees
from references.networks import plain_training

import lib

SCALES, RATES = (1.3, 0.7, 1.1), (1.0, 0.5, 2.0)


@pytest.mark.parametrize("branch_scale", [None, 0.8])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.6, "weight_decay": 0.2}])
@pytest.mark.parametrize("steps", [10, 120])
def test_networks_are_those_of_autograd(branch_scale, options, steps):
    """The long run folds its history into matrices, several times."""
    network = lib.Network(2, (1.0, 1.0), 1.2, branch_scale=branch_scale, init_scale=SCALES)
    training = lib.GradientDescent(steps, 0.02, layer_rates=RATES, **options)
    others = [lib.Network(2, (1.0, 1.0), 0.9, branch_scale=branch_scale), network]
    runs = lib.simulate(others, lib.Data(), training, dim=24, seeds=[3])
    expected = plain_training(network, lib.Data(), training, 24, 3)[0][0]
    np.testing.assert_allclose(runs.excess_loss[1, 0], expected, rtol=1e-9)


def test_networks_lie_around_the_theory():
    network = lib.Network(2, 0.8, 1.2, init_scale=SCALES)
    training = lib.GradientDescent(29, 0.03, layer_rates=RATES)
    theory = lib.solve(network, lib.Data(), training)
    runs = lib.simulate(network, lib.Data(), training, dim=200, seeds=120, dtype="float32")
    assert_agrees(theory, runs)


def test_networks_of_repeated_noisy_data_lie_around_the_theory():
    network = lib.Network(3, 1.5, init_scale=(0.8, 1.2, 1, 0.6))
    training = lib.GradientDescent(39, 0.02, layer_rates=(2, 1, 0.3, 1.5))
    data = lib.Data(samples=2, noise=0.3)
    theory = lib.solve(network, data, training)
    runs = lib.simulate(network, data, training, dim=200, seeds=120, dtype="float32")
    assert_agrees(theory, runs)


def test_sharpness_of_scaled_networks():
    network = lib.Network(2, 1.0, init_scale=(1.2, 0.8, 1.1))
    problem = network, lib.Data(samples=2), lib.GradientDescent(10, 0.03)
    theory = lib.sharpness.sharpness(*problem, [0, 10])
    runs = lib.hessian.network_sharpness(*problem, [0, 10], dim=150, seeds=4)
    error = runs.kernel.std(axis=0, ddof=1) / 2
    assert (np.abs(runs.kernel.mean(axis=0) - theory.kernel) < 4 * error).all()
    np.testing.assert_allclose(runs.top.mean(axis=0), theory.top, rtol=0.1)


def test_what_is_not_covered_is_refused():
    network, rates = lib.Network(1, 1.0), lib.GradientDescent(5, 0.1, layer_rates=(1, 2))
    with pytest.raises(ValueError, match="layer_rates"):
        lib.sharpness.sharpness(network, lib.Data(), rates, [0])
    with pytest.raises(ValueError, match="layer_rates"):
        lib.hessian.network_sharpness(network, lib.Data(), rates, [0], dim=20, seeds=2)
