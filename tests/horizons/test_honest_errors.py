"""What is reported as `error` bounds the true one, and by not much: a sample of random problems, fixed by its seeds."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from references.problems import random_problem, true_error

import lib
from lib.horizons.nodes import panel_of_steps
from lib.horizons.panel_errors import PanelErrors
from lib.horizons.remainder import remainder

SEEDS = range(60)
ROUNDING = 1e-9
GRIDS = [lib.Nodes(1e-6), lib.Nodes(1e-8), lib.CompressedPast(1e-4), lib.CompressedPast(1e-7)]


LONGEST = 120


@cache
def sample(smooth):
    """(problem, solution at every step) of all or, if smooth, of those without fresh batches."""
    problems = [random_problem(seed, LONGEST) for seed in SEEDS]
    problems = [problem for problem in problems if not smooth or problem[1].batch is None]
    solved = [
        lib.solve(*problem, grid=lib.EveryStep(), keep_matrices=False) for problem in problems
    ]
    return [
        pair for pair in zip(problems, solved, strict=True) if pair[1].status.name == "COMPLETE"
    ]


@cache
def errors(grid):
    """(true, reported) for the sample."""
    found = []
    for problem, exact in sample(smooth=isinstance(grid, lib.Nodes)):
        solved = lib.solve(*problem, grid=grid)
        assert solved.status.name in ("COMPLETE", "STATIONARY")
        found.append((true_error(solved.at(exact.times), exact), solved.error))
    return np.array(found)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_true_error_is_below_the_reported_one(grid):
    true, reported = errors(grid).T
    assert len(true) > 30 and (reported > 0).sum() > 15
    np.testing.assert_array_less(true, reported + ROUNDING)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_reported_error_is_not_far_above_the_true_one(grid):
    """Below a hundred times the true one in nine of ten; errors below 1e-11 are rounding."""
    true, reported = errors(grid).T
    assert (reported < 100 * (true + 1e-11)).mean() > 0.9


@cache
def binned():
    """(true, reported, modes kept) of random spectra of many modes, at every step and on nodes."""
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        modes = int(rng.integers(80, 300))
        eigenvalues = [
            rng.uniform(0.3, 2.0, modes),
            np.arange(1.0, modes + 1) ** -rng.uniform(0.3, 1.5),
            np.exp(rng.normal(0, 1, modes)),
        ][seed % 3]
        power = rng.exponential(size=modes) * (rng.random(modes) < rng.choice([0.02, 0.5, 1.0]))
        power[rng.integers(modes)] += 1.0
        spectrum = lib.Spectrum(eigenvalues, power / power.mean(), np.full(modes, 1 / modes))
        network = lib.Network(1, 10 ** rng.uniform(-0.5, 0.5), 10 ** rng.uniform(-1, 0.5))
        data = [lib.Data(spectrum=spectrum), lib.Data(samples=1.5, noise=0.3, spectrum=spectrum)]
        rate = 10 ** rng.uniform(-1.5, -0.6) / eigenvalues.max()
        problem = network, data[seed // 3 % 2], lib.GradientDescent(30, rate)
        few = lib.solve(*problem, keep_matrices=False)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lib.problem.quadrature.EXACT_MODES", 10**6)
            exact = lib.solve(*problem, keep_matrices=False)
        assert exact.modes.exact and few.status.name == exact.status.name
        if exact.status.name == "COMPLETE":
            kept = len(few.modes.eigenvalues) / modes
            found.append((true_error(few, exact), few.error, kept))
    return np.array(found)


def test_the_error_of_few_nodes_for_many_modes_is_honest():
    true, reported, kept = binned().T
    assert len(true) > 8 and (kept < 0.5).sum() > 6
    np.testing.assert_array_less(true, reported + 1e-11)
    assert (reported < 1e-8).all()


def test_losses_that_vanish_fast_are_not_better_than_they_say():
    """What cannot be known of a loss for rounding is no reason to report less."""
    network = lib.Network(2, 1.0, 5.62, centered=True)
    flows = [lib.GradientFlow(1.0, tol, layer_rates=(1.0, 1.0, 1.78)) for tol in (1e-11, 1e-8)]
    exact, found = (lib.solve(network, lib.Data(), flow) for flow in flows)
    assert true_error(found.at(exact.times), exact) < found.error < 1e-6


def test_one_lucky_sweep_is_no_rate_of_convergence():
    """The acceleration leaps in one sweep, 2600 times, and goes on slowly: what is left is not that small."""
    spectrum = lib.Spectrum(
        np.ones(4), [1, 0.0562, 1, 0.1], [0.13888889, 0.24722222, 0.32916667, 0.28472222]
    )
    network = lib.Network(1, 1.0, 3.0, centered=True)
    flows = [lib.GradientFlow(0.392, tol, layer_rates=(1.43, 1.0)) for tol in (1e-11, 1e-5)]
    exact, found = (lib.solve(network, lib.Data(spectrum=spectrum), flow) for flow in flows)
    assert true_error(found.at(exact.times), exact) < found.error < 1e-6


def test_the_first_steps_of_a_panel_are_not_better_than_they_say():
    """One row of C_Delta may happen to be smooth at a panel's start: all of them make its first step."""
    problem = lib.Network(1, 1.0), lib.Data(samples=1.0)
    training = lib.GradientDescent(88, 0.1, momentum=0.9, nesterov=True)
    exact, found = (
        lib.solve(*problem, training, grid=grid) for grid in (lib.EveryStep(), lib.Nodes(1e-5))
    )
    assert found.interpolants[0].panels  # so few steps are usually solved one by one
    assert true_error(found.at(exact.times), exact) < found.error < 1e-5


def test_what_an_iteration_would_still_change():
    assert remainder([0.1]) == 0.1
    assert remainder([1.0, 0.1]) == 0.1
    assert remainder([1e-2, 1e-3, 1e-7]) == pytest.approx(1e-8)
    assert remainder([1e-4, 1e-2, 1e-3, 1e-7, 1e-8]) == pytest.approx(1e-9)
    assert remainder([1e-3, 1e-2, 1e-1]) == 0.1
    by_run = [np.array([1.0, 1.0]), np.array([0.1, 0.0]), np.array([0.01, 0.0])]
    np.testing.assert_allclose(remainder(by_run), [1e-3, 0], atol=1e-300)


def test_what_a_panel_misses_of_its_first_step_is_measured():
    """A step multiplies it by rate times curvature, which is not small near the edge of stability."""
    powers, shares = [1.0, 0.0724, 1.0, 2.0], [0.212, 0.636, 0.0168, 0.1352]
    data = lib.Data(spectrum=lib.Spectrum([1.0, 2.15, 1.0, 1.0], powers, shares))
    network = lib.Network(2, (0.26, 3.43), 2.76, outputs=2)
    for momentum, tolerance in [(0.0, 1e-8), (0.6, 1e-6)]:
        rates = 0.074 * (1 - momentum) * np.append(3, np.ones(223))
        training = lib.GradientDescent(224, rates, weight_decay=0.1, momentum=momentum)
        exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
        found = lib.solve(network, data, training, grid=lib.Nodes(tolerance)).at(exact.times)
        off = true_error(found, exact)
        assert off < found.error < 100 * off + 1e-9, (momentum, tolerance, off, found.error)


@pytest.mark.parametrize(
    ("momentum", "steps", "variances", "shares"),
    [
        (0.5, 68, (0.0256, 2.3583), (0.2388, 2.3894)),
        (0.6, 68, (0.0129, 2.7674), (0.1504, 0.0693)),
        (0.7, 105, (0.0097, 2.7419), (0.6667, 0.4639)),
    ],
)
def test_curvatures_beyond_the_poles_of_a_short_panel_do_no_harm(
    momentum, steps, variances, shares
):
    """There sweeps would settle on a solution of the nodes that is none of the steps'."""
    variances, shares = np.array([variances, shares])
    data = lib.Data(spectrum=lib.Spectrum(variances, 2 * shares / variances, [0.5, 0.5]))
    network = lib.Network(1, np.inf, 1e-3, centered=True)
    for length in (steps, 400):
        training = lib.GradientDescent(length, 0.5, momentum=momentum)
        exact = lib.solve(network, data, training, grid=lib.EveryStep())
        found = lib.solve(network, data, training, grid=lib.Nodes(1e-6))
        assert true_error(found.at(exact.times), exact) <= found.error


@pytest.mark.parametrize("jump", [20, 59, 90])
def test_what_oscillates_between_nodes_is_not_taken_for_smooth(jump):
    """A mode that turns by a sixth of a circle a step looks smooth on nodes five steps apart."""
    variances, shares = np.array([(0.52, 38.93), (2.974, 0.191)])
    data = lib.Data(spectrum=lib.Spectrum(variances, 2 * shares / variances, [0.5, 0.5]))
    network = lib.Network(1, np.inf, 1e-3, centered=True)
    rates = 0.01 * np.where(np.arange(309) < jump, 1, 0.7)
    training = lib.GradientDescent(309, rates, momentum=0.7)
    exact = lib.solve(network, data, training, grid=lib.EveryStep())
    found = lib.solve(network, data, training, grid=lib.Nodes(1e-6))
    assert true_error(found.at(exact.times), exact) <= found.error < 1e-4
    assert len(found.interpolants[0].panels) > 0


def test_the_loss_between_nodes_is_not_believed_for_one_lucky_value():
    """At a panel's start the polynomial may happen to be right, and wrong where the loss has become small."""
    variances, shares = np.array([(0.00316581, 0.05743261), (0.68743083, 0.07588057)])
    data = lib.Data(spectrum=lib.Spectrum(variances, 2 * shares / variances, [0.5, 0.5]))
    network = lib.Network(2, np.inf, 0.3298538589328792, centered=True)
    training = lib.GradientDescent(324, 0.25)
    exact = lib.solve(network, data, training, grid=lib.EveryStep())
    found = lib.solve(network, data, training, grid=lib.Nodes(1e-4))
    assert 1e-8 < true_error(found.at(exact.times), exact) <= found.error < 1e-5


def test_what_cancellation_explains_is_no_error_of_interpolation():
    march = SimpleNamespace(
        inputs=SimpleNamespace(cancelled=1e-8), sizes=SimpleNamespace(first_loss=lambda: 2.0)
    )
    errors, stretch = PanelErrors(march), panel_of_steps(16, 48, 16)
    noise = 2e-9 * np.random.default_rng(0).standard_normal((1000, len(stretch.nodes)))
    missed = np.abs(noise @ stretch.sample([16])[0])
    assert missed.max() > 1e-8
    assert errors._beyond_noise(stretch, missed).max() < 0.2 * missed.max()
    np.testing.assert_allclose(
        errors._beyond_noise(stretch, 1e3 * missed + 1), 1 + 1e3 * missed, rtol=1e-5
    )


@pytest.mark.parametrize("richness", [0.1, 0.03, 0.01, 1e-3])
def test_centered_networks_of_small_richness_come_to_rest(richness):
    """What is left of an output after the one at the start is taken off is rounding below some size."""
    network = lib.Network(2, 1.0, richness, centered=True)
    flow = lib.solve(network, lib.Data(), lib.GradientFlow(200.0))
    steps = lib.solve(network, lib.Data(), lib.GradientDescent(2000, 0.1), grid=lib.Nodes())
    exact = lib.solve(network, lib.Data(), lib.GradientDescent(150, 0.1), grid=lib.EveryStep())
    assert flow.status.name == "STATIONARY" and steps.status.name in ("STATIONARY", "COMPLETE")
    assert max(flow.error, steps.error) < 3e-5 + 1e-9 / richness**2
    assert true_error(steps.at(exact.times), exact) < steps.error + exact.error
    assert flow.at([4.0]).excess_loss == pytest.approx(5.21e-5, rel=1e-3 + 6 * richness**2)
