"""Infinite depth against its own limits, deep networks of layers, and Gaussian collocation theory."""

import math
from dataclasses import replace

import numpy as np
import pytest

import lib
from lib.equations.infinite_depth import InfiniteDepthStack
from lib.equations.layer_time import lobatto

REPEATED = lib.Data(samples=1.5, noise=0.3)


def relative(curve, reference):
    return np.abs(curve / reference - 1).max()


@pytest.mark.parametrize("nodes", range(3, 13))
def test_lobatto_integrates_polynomials(nodes):
    points, integrals = lobatto(nodes)
    for power in range(2 * nodes - 2):
        assert integrals[-1] @ points**power == pytest.approx(1 / (power + 1), rel=1e-12)
    for power in range(nodes):
        np.testing.assert_allclose(
            integrals @ points**power, points ** (power + 1) / (power + 1), atol=1e-13
        )


# Closed forms


@pytest.mark.parametrize("beta_0", [0.5, 1.5, 3.0])
def test_initial_excess_loss(beta_0):
    theory = lib.solve(
        lib.Network(math.inf, 0.6, 1.3, branch_scale=beta_0),
        lib.Data(),
        lib.GradientDescent(1, 1e-6),
        depth_tolerance=1e-10,
    )
    expected = 1 + math.exp(beta_0**2) / (1.3**2 * 0.6)
    assert theory.excess_loss[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("richness", [0.1, 5.0])
def test_first_step_of_infinite_width(richness):
    beta_0, eta = 1.2, 0.03
    theory = lib.solve(
        lib.Network(math.inf, math.inf, richness, branch_scale=beta_0),
        lib.Data(),
        lib.GradientDescent(1, eta),
        depth_tolerance=1e-10,
    )
    kernel = math.exp(beta_0**2) * (2 + beta_0**2)
    assert theory.excess_loss[1] == pytest.approx((1 - kernel * eta) ** 2, rel=1e-9)


def test_without_branches_it_is_one_plain_layer():
    training = lib.GradientDescent(20, 0.04, momentum=0.4, weight_decay=0.3)
    plain = lib.solve(lib.Network(1, 0.7, 0.8), REPEATED, training)
    stream = lib.solve(lib.Network(math.inf, 0.7, 0.8, branch_scale=0.0), REPEATED, training)
    np.testing.assert_allclose(stream.train_loss, plain.train_loss, rtol=1e-10)
    assert stream.depth_error < 1e-12


# The limit of deep networks

PROBLEMS = {
    "repeated": (
        lib.Network(math.inf, 0.5, branch_scale=1.0),
        REPEATED,
        lib.GradientDescent(30, 0.015),
    ),
    "decay, momentum, centered": (
        lib.Network(math.inf, 0.8, 1.5, branch_scale=1.2, centered=True),
        lib.Data(batch=1.0, spectrum=lib.Spectrum([2.0, 0.5], [0.4, 2.2], [0.3, 0.7])),
        lib.GradientDescent(30, 0.01, momentum=0.3, weight_decay=1.0),
    ),
}


@pytest.mark.parametrize("panel", [2.5, 0.6])
@pytest.mark.parametrize("name", PROBLEMS)
def test_it_is_the_limit_of_finite_depth(name, panel, monkeypatch):
    """Repeated Richardson extrapolation in 1/L; the last correction bounds what is left."""
    monkeypatch.setattr("lib.equations.infinite_depth.PANEL_STRENGTH", panel)
    network, data, training = PROBLEMS[name]
    deep = [replace(network, depth=depth) for depth in (16, 32, 64)]
    table = np.array([lib.solve(layers, data, training).excess_loss for layers in deep])
    once = 2 * table[1:] - table[:-1]
    twice = (4 * once[1] - once[0]) / 3
    theory = lib.solve(network, data, training, depth_tolerance=1e-8)
    assert relative(theory.excess_loss, twice) < 1e-3
    assert relative(theory.excess_loss, twice) < 2 * relative(once[1], twice)
    assert theory.residual < 1e-8


def test_the_error_is_what_was_asked_for_and_what_is_said():
    network, data, training = PROBLEMS["repeated"]
    exact = lib.solve(network, data, training, depth_tolerance=1e-11)
    assert exact.depth_error < 1e-11
    for tolerance in (1e-2, 1e-4, 1e-6, 1e-8):
        theory = lib.solve(network, data, training, depth_tolerance=tolerance)
        error = relative(theory.excess_loss, exact.excess_loss)
        assert error < tolerance
        assert error < 10 * theory.depth_error + 1e-2 * tolerance


def test_the_order_is_that_of_lobatto(monkeypatch):
    """m nodes on panels of half the length: errors fall by 2^(2m - 2)."""
    network = lib.Network(math.inf, 0.8, branch_scale=1.2)
    training = lib.GradientDescent(10, 0.02)

    def solved(nodes, strength):
        monkeypatch.setattr("lib.equations.infinite_depth.PANEL_STRENGTH", strength)

        def one_order(solve_with, tolerance, grid):
            return solve_with(lambda *problem: InfiniteDepthStack(*problem, nodes=nodes))

        monkeypatch.setattr("lib.theory.settled_depth.settle", one_order)
        return lib.solve(network, lib.Data(), training).excess_loss

    exact = solved(7, 0.4)
    for nodes in (3, 4):
        errors = [relative(solved(nodes, strength), exact) for strength in (1.5, 0.75, 0.375)]
        orders = np.log2(np.divide(errors[:-1], errors[1:]))
        np.testing.assert_allclose(orders, 2 * nodes - 2, atol=0.35)


# Matrices and verdicts


def test_matrices_are_those_of_deep_layers():
    data, training = lib.Data(samples=2.0), lib.GradientDescent(12, 0.02)
    theory = lib.solve(lib.Network(math.inf, 0.7, branch_scale=1.0), data, training)
    depths = (128, 256)
    deep = [lib.solve(lib.Network(L, 0.7, branch_scale=1.0), data, training) for L in depths]
    times = theory.layer_times
    assert times[0] == 0 and times[-1] == 1 and (np.diff(times) > 0).all()
    assert set(theory.C_h) == set(range(len(times) + 1))
    for node, tau in ((1, 0.0), (len(times), 1.0)):
        for name in ("C_h", "R_h", "C_g", "R_g"):
            ends = [
                getattr(d, name)[1 if tau == 0 else L] for L, d in zip(depths, deep, strict=True)
            ]
            limit = 2 * ends[1] - ends[0]
            found = getattr(theory, name)[node]
            assert np.abs(found - limit).max() < 1e-3 * np.abs(limit).max()


def test_a_sweep_is_its_members():
    networks = [lib.Network(math.inf, 0.7, g, branch_scale=1.0) for g in (0.5, 1.5)]
    trainings = [lib.GradientDescent(10, eta) for eta in (0.01, 0.03)]
    sweep = lib.solve(networks, REPEATED, trainings, depth_tolerance=1e-9)
    assert sweep.depth_error.shape == (2,) and sweep.C_h[1].shape == (2, 11, 11)
    for k in range(2):
        alone = lib.solve(networks[k], REPEATED, trainings[k], depth_tolerance=1e-9)
        np.testing.assert_allclose(sweep.train_loss[k], alone.train_loss, rtol=1e-8)


def test_a_tolerance_out_of_reach_is_said(monkeypatch):
    monkeypatch.setattr("lib.theory.settled_depth.NODES", range(3, 6))
    network, data, training = PROBLEMS["repeated"]
    theory = lib.solve(network, data, training, depth_tolerance=1e-13)
    assert theory.status.outcome is lib.Outcome.DEPTH_UNSETTLED
    assert 1e-13 < theory.depth_error < 1e-4
    with pytest.raises(ValueError, match="depth_tolerance"):
        lib.solve(network, data, training, depth_tolerance=0)


def test_divergence_is_named_while_others_go_on():
    trainings = [lib.GradientDescent(30, eta) for eta in (0.01, 1.0)]
    sweep = lib.solve(lib.Network(math.inf, 0.7, branch_scale=1.0), REPEATED, trainings)
    assert [status.name for status in sweep.status] == ["COMPLETE", "DIVERGED"]
    assert np.isposinf(sweep.test_loss[1, sweep.status[1].step :]).all()
    alone = lib.solve(lib.Network(math.inf, 0.7, branch_scale=1.0), REPEATED, trainings[0])
    np.testing.assert_allclose(sweep.test_loss[0], alone.test_loss, rtol=1e-5)


def test_an_interrupt_ends_the_refinement():
    def stop_at_three(done, total):
        if done == 3:
            raise KeyboardInterrupt

    network, data, training = PROBLEMS["repeated"]
    partial = lib.solve(network, data, training, progress=stop_at_three)
    whole = lib.solve(network, data, training)
    assert partial.status.outcome is lib.Outcome.INTERRUPTED and np.isnan(partial.depth_error)
    np.testing.assert_allclose(partial.excess_loss[:3], whole.excess_loss[:3], rtol=0.05)
    assert np.isnan(partial.excess_loss[4:]).all()
