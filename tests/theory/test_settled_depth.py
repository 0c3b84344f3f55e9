"""Infinite depth on every grid: nodes in time, a compressed past, gradient flow."""

import math
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from references.problems import random_problem, true_error

import lib

DEEP = lib.Network(math.inf, 0.6, branch_scale=1.0)
TRACE_CLASS = lib.Spectrum.trace_class(2.0 ** -np.arange(8), 2.0 ** (0.5 * np.arange(8)) / 8)
COSINE = 0.003 * (1 + np.cos(np.pi * np.arange(70) / 70))

NODES = {
    "repeated": (DEEP, lib.Data(samples=1.5, noise=0.3), {}),
    "population, two panels of layer time": (
        lib.Network(math.inf, 2.0, 0.7, branch_scale=1.7),
        lib.Data(),
        {"learning_rate": 0.002},
    ),
    "two outputs": (replace(DEEP, outputs=2), lib.Data(samples=2.0, noise=0.2), {}),
    "trace class, infinite width": (
        lib.Network(math.inf, math.inf, 2.0, branch_scale=1.0, centered=True),
        lib.Data(spectrum=TRACE_CLASS),
        {},
    ),
    "momentum, schedule, decay": (
        DEEP,
        lib.Data(samples=2.0),
        {"learning_rate": COSINE, "momentum": 0.3, "weight_decay": 0.5},
    ),
    "rates and scales by layer time": (
        replace(DEEP, init_scale=(1.0, lambda tau: 1 + tau / 2, 0.8)),
        lib.Data(samples=2.0),
        {"layer_rates": (1.0, lambda tau: 2 - tau, 0.5), "learning_rate": 0.004},
    ),
}

COMPRESSED = {
    "fresh batches": (DEEP, lib.Data(batch=0.8, noise=0.3), {}),
    "momentum, trace class": (
        lib.Network(math.inf, 32, branch_scale=1.0, centered=True),
        lib.Data(batch=20, spectrum=TRACE_CLASS),
        {"momentum": 0.5},
    ),
    "two outputs, two panels of layer time": (
        lib.Network(math.inf, 2.0, branch_scale=1.7, outputs=2),
        lib.Data(batch=2.0),
        {"learning_rate": 0.002},
    ),
}


def agree(problem, options, grid):
    training = lib.GradientDescent(**{"steps": 70, "learning_rate": 0.01} | options)
    exact = lib.solve(
        *problem, training, grid=lib.EveryStep(), keep_matrices=False, depth_tolerance=1e-8
    )
    solved = lib.solve(*problem, training, grid=grid, depth_tolerance=1e-5)
    assert exact.status.name == "COMPLETE" and solved.status.name in ("COMPLETE", "STATIONARY")
    assert exact.error < 1e-8 and 0 < solved.depth_error < solved.error < 2e-5
    assert true_error(solved, exact) < solved.error + exact.error
    assert solved.residual < 1e-5
    return solved


@pytest.mark.parametrize("name", NODES)
def test_nodes_agree_with_every_step(name):
    *problem, options = NODES[name]
    solved = agree(problem, options, lib.Nodes(1e-7))
    assert sum(len(panel.nodes) for panel in solved.interpolants[0].panels) > 0


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_compressed_past_agrees_with_every_step(name, monkeypatch):
    monkeypatch.setattr("lib.horizons.past_moments.SHORTEST", 8)
    monkeypatch.setattr("lib.horizons.compressed_march.SHORTEST", 8)
    *problem, options = COMPRESSED[name]
    agree(problem, options, lib.CompressedPast(1e-7))


# Gradient flow


def test_a_flow_is_the_limit_of_small_steps():
    """Richardson extrapolation of steps that are halved."""
    problem, duration = (DEEP, lib.Data(samples=2.0, noise=0.5)), 0.1
    flow = lib.solve(*problem, lib.GradientFlow(duration, 1e-8))
    ends = []
    for steps in (40, 80, 160):
        training = lib.GradientDescent(steps, duration / steps)
        solved = lib.solve(*problem, training, keep_matrices=False, depth_tolerance=1e-7)
        ends.append([solved.excess_loss[-1], solved.train_loss[-1]])
    once = 2 * np.array(ends[1:]) - ends[:-1]
    twice = (4 * once[1] - once[0]) / 3
    found = np.array([flow.excess_loss[-1], flow.train_loss[-1]])
    assert (np.abs(found - twice) < np.abs(once[1] - twice)).all()
    np.testing.assert_allclose(found, twice, rtol=2e-6)


def test_a_flow_is_the_limit_of_large_depth():
    """Richardson extrapolation of depths that are doubled."""
    data, training = lib.Data(samples=2.0, noise=0.5), lib.GradientFlow(1.0, 1e-6)
    limit = lib.solve(DEEP, data, training)
    times = np.linspace(0.02, 1.0, 20)
    deep = [lib.solve(replace(DEEP, depth=L), data, training) for L in (6, 12, 24)]
    curves = np.array([solved.at(times).excess_loss for solved in deep])
    once = 2 * curves[1:] - curves[:-1]
    twice = (4 * once[1] - once[0]) / 3
    found = limit.at(times).excess_loss
    assert np.abs(found / twice - 1).max() < 2 * np.abs(once[1] / twice - 1).max() < 0.02
    assert np.abs(found / twice - 1).max() < 3e-3


def test_a_long_flow_ends_at_least_squares():
    solved = lib.solve(
        lib.Network(math.inf, 1.0, branch_scale=1.0),
        lib.Data(samples=2.0, noise=0.5),
        lib.GradientFlow(1e4, 1e-6),
    )
    assert solved.status.name == "STATIONARY" and 0 < solved.depth_error < solved.error < 1e-5
    assert solved.excess_loss[-1] == pytest.approx(0.25, rel=solved.error)
    assert solved.train_loss[-1] == pytest.approx(0.125, rel=solved.error)


@pytest.mark.parametrize("beta_0", [0.8, 1.7])
def test_a_lazy_flow_is_a_sum_of_exponentials(beta_0):
    network = lib.Network(math.inf, math.inf, 1e-5, branch_scale=beta_0, centered=True)
    solved = lib.solve(network, lib.Data(spectrum=TRACE_CLASS), lib.GradientFlow(300.0, 1e-8))
    share = TRACE_CLASS.eigenvalues * TRACE_CLASS.target_power
    rates = 2 * math.exp(beta_0**2) * (2 + beta_0**2) * TRACE_CLASS.eigenvalues
    times = np.geomspace(1e-3, 300.0, 30)
    expected = np.exp(-np.outer(times, rates)) @ share
    off = np.abs(solved.at(times).excess_loss - expected) / (expected + 1e-4)
    assert off.max() < solved.error < 1e-6


# What is reported


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_the_error_of_few_nodes_in_layer_time_is_part_of_the_error(tolerance):
    data, training = lib.Data(samples=1.5, noise=0.3), lib.GradientFlow(0.2, 1e-9)
    exact = lib.solve(DEEP, data, training)
    solved = lib.solve(DEEP, data, training, depth_tolerance=tolerance)
    assert solved.depth_error <= tolerance and solved.depth_error < solved.error
    true = true_error(solved.at(exact.times), exact)
    assert true < solved.error + exact.error
    assert exact.depth_error < 1e-9 and exact.error < 1e-7


def test_an_even_number_of_nodes_may_be_better_than_the_next_odd_one():
    """Where changes shrink by turns more and less: the last one alone says too little of the next."""
    eta = np.full(44, 0.0081)
    eta[16] *= 3
    network = lib.Network(math.inf, 1.0, 0.23, branch_scale=1.42)
    data = lib.Data(batch=0.23, spectrum=lib.Spectrum([0.398], [0.23], [1.0]))
    training = lib.GradientDescent(44, eta, momentum=0.9, weight_decay=0.1)
    exact, *rough = (
        lib.solve(network, data, training, keep_matrices=False, depth_tolerance=tolerance)
        for tolerance in (1e-9, 1e-3, 1e-4, 1e-6)
    )
    for solved in rough:
        assert true_error(solved, exact) < solved.error


def test_one_good_factor_is_no_rate_of_convergence():
    """From 3 to 4 nodes changes shrink three hundred times, from 4 to 5 ten times."""
    network = lib.Network(math.inf, 1.0, branch_scale=1.0, outputs=2, centered=True)
    spectrum = lib.Spectrum([0.288, 1.0, 0.151], [0.418, 1.0, 1.0], [0.07, 0.7, 0.23])
    data = lib.Data(batch=7.24, noise=1.0, spectrum=spectrum)
    training = lib.GradientDescent(42, 0.0162, momentum=0.5, nesterov=True)
    exact, *rough = (
        lib.solve(network, data, training, keep_matrices=False, depth_tolerance=tolerance)
        for tolerance in (1e-9, 1e-4, 1e-6)
    )
    for solved in rough:
        assert true_error(solved, exact) < solved.error


def random_deep_problem(seed):
    """One of `random_problem` with its branches, or some, in layer time."""
    network, data, training = random_problem(seed, 66)
    branches = network.branch_scale or 1.0
    width = np.ravel(network.width)[0]
    deep = replace(network, depth=math.inf, width=width, branch_scale=branches, init_scale=1.0)
    return deep, data, replace(training, learning_rate=np.asarray(training.learning_rate) / 3)


@pytest.mark.parametrize("grid", [lib.Nodes(1e-6), lib.CompressedPast(1e-6)], ids=str)
def test_the_true_error_is_below_the_reported_one(grid):
    """The first random problems that the grid can solve."""
    checked, seeds = 0, count()
    while checked < 4:
        seed = next(seeds)
        problem = random_deep_problem(seed)
        if isinstance(grid, lib.Nodes) and problem[1].batch is not None:
            continue
        exact = lib.solve(*problem, grid=lib.EveryStep(), keep_matrices=False, depth_tolerance=1e-8)
        if exact.status.name != "COMPLETE":
            continue
        solved = lib.solve(*problem, grid=grid)
        assert solved.status.name in ("COMPLETE", "STATIONARY"), seed
        assert true_error(solved, exact) < solved.error + exact.error, seed
        checked += 1


def test_a_sweep_is_its_members():
    networks = [replace(DEEP, richness=richness) for richness in (0.5, 1.5)]
    for data, training, grid in (
        (lib.Data(samples=2.0), lib.GradientFlow(0.3, 1e-7), None),
        (lib.Data(batch=1.0), lib.GradientDescent(60, 0.01), lib.CompressedPast(1e-6)),
    ):
        sweep = lib.solve(networks, data, training, grid=grid)
        assert sweep.error.shape == sweep.depth_error.shape == (2,)
        for k, network in enumerate(networks):
            alone = lib.solve(network, data, training, grid=grid)
            np.testing.assert_allclose(
                sweep.excess_loss[k], alone.at(sweep.times).excess_loss, rtol=1e-6
            )


def test_correlations_on_nodes_are_those_of_every_step():
    data, training = lib.Data(samples=2.0, noise=0.2), lib.GradientDescent(70, 0.01)
    exact = lib.solve(DEEP, data, training, grid=lib.EveryStep(), depth_tolerance=1e-7)
    nodes = lib.solve(DEEP, data, training, grid=lib.Nodes(1e-7), keep_matrices=True)
    assert nodes.layer_times[0] == 0 and nodes.layer_times[-1] == 1 and nodes.R_h is None
    kept = nodes.times.astype(int)
    assert kept[-1] == 70 and len(kept) < 70
    for name in ("C_h", "C_g"):
        assert set(getattr(nodes, name)) >= set(range(1, len(nodes.layer_times) + 1))
        for own, other in ((1, 1), (len(exact.layer_times), len(nodes.layer_times))):
            whole = getattr(exact, name)[own][np.ix_(kept, kept)]
            found = getattr(nodes, name)[other]
            np.testing.assert_allclose(found, whole, atol=1e-6 * np.abs(whole).max())


def test_an_interrupt_leaves_the_error_unknown():
    def stop(done, total):
        if done > 0.1:
            raise KeyboardInterrupt

    solved = lib.solve(DEEP, lib.Data(), lib.GradientFlow(1.0, 1e-6), progress=stop)
    assert solved.status.name == "INTERRUPTED" and np.isnan(solved.depth_error)


def test_the_grid_is_chosen_as_for_any_network():
    short = lib.solve(DEEP, lib.Data(), lib.GradientDescent(20, 0.01))
    assert isinstance(short.grid, lib.EveryStep)
    flow = lib.solve(DEEP, lib.Data(), lib.GradientFlow(0.1, 1e-6))
    assert isinstance(flow.grid, lib.Nodes)
    few = {"keep_matrices": False, "depth_tolerance": 1e-2}
    long = lib.solve(DEEP, lib.Data(), lib.GradientDescent(251, 0.004), **few)
    assert isinstance(long.grid, lib.Nodes)
    fresh = lib.solve(DEEP, lib.Data(batch=1.0), lib.GradientDescent(251, 0.004), **few)
    assert isinstance(fresh.grid, lib.CompressedPast)
