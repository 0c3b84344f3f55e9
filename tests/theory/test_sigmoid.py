"""One hidden layer of infinite width has a closed form at every richness: a Riccati equation."""

import math

import numpy as np
import pytest

import lib


def learned(t, gamma):
    """Fraction of the target learned: y' = 1 + 2 gamma y - y^2, y(0) = 1, a = (y - 1/y)/(2 gamma)."""
    kappa = math.sqrt(1 + gamma**2)
    high, low = gamma + kappa, gamma - kappa
    ratio = (1 - high) / (1 - low) * np.exp(-2 * kappa * t)
    y = (high - low * ratio) / (1 - ratio)
    return (y - 1 / y) / (2 * gamma)


@pytest.mark.parametrize("gamma", [0.3, 2.0, 50.0])
def test_gradient_flow_of_one_wide_hidden_layer(gamma):
    t = np.linspace(0, 8 / max(gamma, 1.0), 60)
    flow = lib.solve(lib.Network(1, math.inf, gamma), lib.Data(), lib.GradientFlow(t[-1])).at(t)
    assert np.allclose(flow.excess_loss, (1 - learned(t, gamma)) ** 2, atol=1e-7)


def test_a_very_rich_network_learns_along_a_sigmoid():
    gamma = 1e3
    t = np.linspace(0, 14 / (2 * gamma), 60)
    flow = lib.solve(lib.Network(1, math.inf, gamma), lib.Data(), lib.GradientFlow(t[-1])).at(t)
    saxe = 1 / (1 + (2 * gamma - 1) * np.exp(-2 * gamma * t))
    assert np.abs(np.sqrt(flow.excess_loss.clip(0)) - (1 - saxe)).max() < 1.1 / (2 * gamma)
    assert saxe[0] < 1e-3 and saxe[-1] > 0.99
