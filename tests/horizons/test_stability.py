"""An edge of stability that is passed late: nodes see it, and rows that have come to rest on rounding say so."""

import math

import numpy as np
import pytest

import lib
from lib.horizons.rounding import rests_on_rounding
from lib.horizons.stability import _growth

MODES, RICHNESS, RATE, STEPS = 12, 3.0, 0.2, 400
STRENGTHS = 2.0 ** -np.arange(MODES)
SHARE = STRENGTHS**0.5 / np.sum(STRENGTHS**0.5)
TARGET = np.sqrt(SHARE / STRENGTHS)
NETWORK = lib.Network(1, math.inf, RICHNESS, centered=True)
DATA = lib.Data(spectrum=lib.Spectrum.trace_class(STRENGTHS, TARGET**2))
TRAINING = lib.GradientDescent(STEPS, RATE)


def orthonormal_network(steps, rate):
    """The losses at every step, of the MODES + 1 hidden units that infinite width is as good as."""
    first, readout = np.eye(MODES + 1, MODES), np.eye(MODES + 1)[MODES]
    losses = []
    for _ in range(steps + 1):
        error = TARGET - readout @ first / RICHNESS
        losses.append(STRENGTHS @ error**2)
        u = rate * RICHNESS * STRENGTHS * error
        readout, first = readout + first @ u, first + readout[:, None] * u
    return np.array(losses)


LOSSES = orthonormal_network(STEPS, RATE)


def test_nodes_see_an_edge_that_is_passed_late():
    slow = lib.GradientDescent(3000, RATE / 2)
    solved = lib.solve(NETWORK, DATA, slow, grid=lib.Nodes())
    assert solved.status.name == "UNSTABLE" and "unstable" in str(solved.status)
    step = solved.status.step
    before = solved.times <= step
    assert 500 < step < 2000 and len(solved.interpolants[0].panels) > 2
    assert np.isnan(solved.test_loss[~before]).all()
    off = solved.test_loss[before] / orthonormal_network(step, RATE / 2) - 1
    assert np.abs(off).max() < solved.error
    short = lib.solve(NETWORK, DATA, lib.GradientDescent(400, RATE / 2), grid=lib.Nodes())
    assert short.status.name == "COMPLETE"


def test_a_compressed_past_ends_where_steps_become_unstable():
    solved = lib.solve(NETWORK, DATA, TRAINING, grid=lib.CompressedPast())
    assert solved.status.name == "UNSTABLE" and "moments" in str(solved.status)
    known = np.arange(solved.status.step)
    assert len(known) > 50 and np.isnan(solved.test_loss[len(known) + 1 :]).all()
    off = np.abs(solved.test_loss / LOSSES - 1)[known]
    assert off.max() < solved.error + 1e-9


@pytest.mark.parametrize("grid", [None, lib.EveryStep()], ids=str)
def test_losses_that_rest_on_rounding_are_not_called_complete(grid):
    solved = lib.solve(NETWORK, DATA, TRAINING, grid=grid)
    assert solved.status.name == "ROUNDING" and f"step {solved.status.step}" in str(solved.status)
    off = np.abs(solved.test_loss / LOSSES - 1)
    step = solved.status.step
    assert off[:step].max() < 1e-5 and off[step:].max() > 0.1


def test_a_sweep_keeps_what_nodes_have_followed():
    networks = [lib.Network(1, math.inf, gamma, centered=True) for gamma in (0.3, RICHNESS)]
    sweep = lib.solve(networks, DATA, TRAINING)
    assert [status.name for status in sweep.status] == ["COMPLETE", "ROUNDING"]
    for k, network in enumerate(networks):
        alone = lib.solve(network, DATA, TRAINING)
        np.testing.assert_array_equal(sweep.test_loss[k], alone.test_loss)
        np.testing.assert_array_equal(sweep.at([3.5]).test_loss[k], alone.at([3.5]).test_loss)
    assert (sweep.error > 0).tolist() == [True, False]


def test_oscillations_of_the_start_are_no_rounding():
    """Just below the edge, and beyond it for a while with a large start: each step follows from the equations."""
    lazy = lib.Network(1, math.inf, 1e-4, centered=True)
    for rate in (0.9, 0.99):
        solved = lib.solve(lazy, DATA, lib.GradientDescent(200, rate))
        assert solved.status.name == "COMPLETE"
    jump = np.where(np.arange(100) < 20, 0.3, 1.05)
    assert lib.solve(lazy, DATA, lib.GradientDescent(100, jump)).status.name == "COMPLETE"


def test_growth_is_that_of_what_alternates():
    t = np.arange(26)
    smooth = np.exp(-t / 100)
    stable = [smooth + 0.5 * (-0.97) ** t, smooth * 1.3**t, 0 * smooth]
    assert _growth(np.array(stable)) == 0
    for factor in (1.02, 1.4, 3.0):
        assert _growth(np.array([smooth + 0.1 * (-factor) ** t, smooth])) == pytest.approx(
            np.log(factor), rel=0.02
        )


def test_what_grows_from_rounding_is_told_from_a_jump():
    t = np.arange(300.0)
    smooth = 1e-3 / (1 + t)
    grown = smooth + 1e-17 * (-1.3) ** np.maximum(t - 100, 0)
    jumped = smooth + np.where(t < 200, 0, 1e-3 * (-1.01) ** (t - 200))
    weights, losses = np.ones(1), np.ones(300)
    step = rests_on_rounding(grown[None], weights, losses)
    assert step == pytest.approx(100 + np.log(1e-4 / 1e-17) / np.log(1.3), abs=12)
    assert rests_on_rounding(jumped[None], weights, losses) is None
    assert rests_on_rounding(smooth[None], weights, losses) is None
