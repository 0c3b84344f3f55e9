"""A compressed past for every optimizer and schedule: against every step, closed forms, and each other."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

import lib
from lib.horizons import rounding, schedules
from lib.horizons.recursion import Recursion
from lib.problem.training import Training

NETWORK, DATA = lib.Network(1, 0.5), lib.Data(batch=1.0, noise=0.3)


def schedule(name, steps):
    """Learning rates whose largest is about one."""
    t = np.arange(steps)
    warm_up, cosine = np.minimum((t + 1) / 40, 1), (1 + np.cos(np.pi * t / steps)) / 2
    spike = np.ones(steps)
    spike[157] = 3.0
    blocks = np.random.default_rng(0).uniform(0.3, 1.0, -(-steps // 100))
    return {
        "constant": 1.0,
        "cosine": cosine,
        "warm-up and cosine": warm_up * cosine,
        "steps": np.select([t < steps // 3, t < 2 * steps // 3], [1.0, 0.4], 0.1),
        "warm-up, stable, decay": warm_up * np.minimum((steps - t) / (steps / 5), 1),
        "spike": spike,
        "cycles": (1 + np.cos(np.pi * (t % 125) / 125)) / 2,
        "blocks as they come": np.repeat(blocks, 100)[:steps],
    }[name]


OPTIMIZERS = {
    "plain": {},
    "decay": {"weight_decay": 0.5},
    "momentum": {"momentum": 0.8},
    "Nesterov, decay": {"momentum": 0.8, "nesterov": True, "weight_decay": 0.2},
}


def training(name, optimizer, steps, rate=0.05, **options):
    options = OPTIMIZERS[optimizer] | options
    rate = rate * (1 - options.get("momentum", 0))
    return lib.GradientDescent(steps, rate * schedule(name, steps), **options)


ESTIMATED = "excess_loss", "train_loss", "test_loss"
"""What `error` is about."""

LOSSES = *ESTIMATED, "width_variance", "data_variance"


def off(found, exact, names=LOSSES):
    """Largest relative error of a loss of the whole run."""
    pairs = [(getattr(found, name), getattr(exact, name)) for name in names]
    return max((np.abs(a - b) / (np.abs(b) + 1e-10)).max() for a, b in pairs)


def against_every_step(network, data, descent, tolerance=1e-8):
    exact = lib.solve(network, data, descent, grid=lib.EveryStep(), keep_matrices=False)
    found = lib.solve(network, data, descent, grid=lib.CompressedPast(tolerance))
    assert all(status.name == "COMPLETE" for status in np.ravel(found.status))
    assert off(found, exact) < tolerance
    assert off(found, exact, ESTIMATED) < np.max(found.error) + 1e-11 < 20 * tolerance
    assert np.max(found.residual) < 1e-12
    return found


A_THOUSAND = [
    ("constant", "decay"),
    ("cosine", "momentum"),
    ("warm-up and cosine", "decay"),
    ("steps", "Nesterov, decay"),
    ("steps", "momentum"),
    ("warm-up, stable, decay", "plain"),
    ("spike", "decay"),
    ("cycles", "plain"),
    ("blocks as they come", "Nesterov, decay"),
]


@pytest.mark.parametrize(("name", "optimizer"), A_THOUSAND, ids=" with ".join)
def test_a_thousand_steps_are_those_of_every_step(name, optimizer):
    descent = training(name, optimizer, 1000)
    found = against_every_step(NETWORK, DATA, descent)
    chosen = lib.solve(NETWORK, DATA, descent)
    assert isinstance(chosen.grid, lib.CompressedPast)
    np.testing.assert_array_equal(chosen.excess_loss, found.excess_loss)


LAYERS = {"layer_rates": (0.5, 1.5, 0.8)}
PROBLEMS = {
    "two outputs, centered": (lib.Network(2, 0.5, outputs=2, centered=True), DATA, {}),
    "residual": (lib.Network(3, 0.5, branch_scale=1.0), DATA, {}),
    "a rate for each layer": (lib.Network(2, (0.5, 0.8), init_scale=(1, 0.7, 1.2)), DATA, LAYERS),
    "repeated": (lib.Network(1, 0.5), lib.Data(samples=1.5, noise=0.3), {}),
    "many modes": (
        lib.Network(1, 64, centered=True),
        lib.Data(batch=8, spectrum=lib.Spectrum.power_law(100, 1.5, 0.5)),
        {},
    ),
}


@pytest.mark.parametrize("optimizer", ["decay", "Nesterov, decay"])
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_every_architecture_has_every_optimizer(problem, optimizer):
    network, data, options = problem
    descent = training("warm-up, stable, decay", optimizer, 220, 0.03, **options)
    against_every_step(network, data, descent)


def test_configurations_have_schedules_of_their_own():
    pairs = [("constant", "decay"), ("steps", "momentum"), ("spike", "plain")]
    trainings = [training(*pair, 240) for pair in pairs]
    together = against_every_step([NETWORK] * 3, DATA, trainings)
    for k, descent in enumerate(trainings):
        alone = lib.solve(NETWORK, DATA, descent, grid=lib.CompressedPast())
        np.testing.assert_allclose(together.excess_loss[k], alone.excess_loss, rtol=1e-8)


def test_a_smaller_tolerance_gives_a_smaller_error_and_the_estimate_bounds_it():
    descent = training("warm-up and cosine", "Nesterov, decay", 400)
    exact = lib.solve(NETWORK, DATA, descent, grid=lib.EveryStep(), keep_matrices=False)
    errors = []
    for tolerance in (1e-3, 1e-6, 1e-9):
        found = lib.solve(NETWORK, DATA, descent, grid=lib.CompressedPast(tolerance))
        errors.append(off(found, exact))
        assert errors[-1] < tolerance and off(found, exact, ESTIMATED) < found.error
    assert errors[2] < errors[1] < errors[0]


SAME = {
    "a number and an array": ({"learning_rate": 0.05}, {"learning_rate": np.full(500, 0.05)}),
    "no momentum": ({"learning_rate": 0.05, "weight_decay": 0.1}, {"momentum": 0.0}),
    "no decay": ({"learning_rate": 0.05, "momentum": 0.5}, {"weight_decay": 0.0}),
    "hardly any momentum": ({"learning_rate": 0.05}, {"momentum": 1e-13}),
    "hardly any decay": ({"learning_rate": 0.05, "momentum": 0.3}, {"weight_decay": 1e-13}),
}


@pytest.mark.parametrize("name", SAME)
def test_one_optimizer_said_in_two_ways_has_one_answer(name):
    options, change = SAME[name]
    one, other = (
        lib.solve(NETWORK, DATA, lib.GradientDescent(500, **given))
        for given in (options, options | change)
    )
    assert isinstance(one.grid, lib.CompressedPast)
    rtol = 1e-9 if name.startswith("hardly") else 1e-14
    np.testing.assert_allclose(other.excess_loss, one.excess_loss, rtol=rtol)


def lazy_losses(descent, batch, sigma):
    r"""Excess loss of one lazy mode, L = 1, infinite width, step by step, from the second moments of (v, b).

    The kernel is 2, and with $\lambda = 1$: b <- mu b + 2 v + noise of variance 4 C_Delta / alpha_B, and
    v <- v - eta b (Nesterov: G + mu b in place of b).
    """
    mu, moments, found = descent.momentum, np.diag([1.0, 0.0]), []
    for eta in descent.rates:
        found.append(moments[0, 0])
        buffer = np.array([2.0, mu])
        moved = np.array([1.0, 0.0]) - eta * (
            mu * buffer + [2.0, 0.0] if descent.nesterov else buffer
        )
        kick = np.array([-eta * (1 + mu if descent.nesterov else 1), 1.0])
        step = np.array([moved, buffer])
        noise = 4 * (moments[0, 0] + sigma**2) / batch
        moments = step @ moments @ step.T + noise * np.outer(kick, kick)
    return np.array([*found, moments[0, 0]])


LONG = {
    "warm-up, stable, decay": {},
    "steps": {"momentum": 0.9},
    "cosine": {"momentum": 0.5, "nesterov": True},
}


@pytest.mark.parametrize(
    ("name", "steps"),
    [*((name, 4000) for name in LONG), ("warm-up, stable, decay", 10**5)],
)
def test_long_schedules_have_closed_forms(name, steps):
    lazy = lib.Network(1, math.inf, 1e-5, centered=True)
    rate = 0.05 * (1 - LONG[name].get("momentum", 0.0))
    descent = lib.GradientDescent(steps, rate * schedule(name, steps), **LONG[name])
    found = lib.solve(lazy, lib.Data(batch=0.5, noise=0.4), descent)
    assert isinstance(found.grid, lib.CompressedPast) and found.status.name == "COMPLETE"
    expected = lazy_losses(descent, 0.5, 0.4)
    # The kernel moves by richness squared times some ten: 4e-7 at 1e-4, 4e-9 here, after 10^5 steps.
    np.testing.assert_allclose(found.excess_loss, expected, rtol=3e-8 + found.error)
    assert found.error < 4e-6


# Schedules that cannot be compressed


ROUGH = np.random.default_rng(1).uniform(0.01, 0.05, 300)


def test_a_rate_that_changes_at_every_step_is_solved_at_every_step():
    descent = lib.GradientDescent(300, ROUGH, momentum=0.5)
    chosen = lib.solve(NETWORK, DATA, descent, keep_matrices=False)
    assert isinstance(chosen.grid, lib.EveryStep)
    asked = lib.solve(NETWORK, DATA, descent, grid=lib.CompressedPast())
    np.testing.assert_allclose(asked.excess_loss, chosen.excess_loss, rtol=1e-9)
    little = lib.solve(NETWORK, DATA, descent, grid=lib.CompressedPast(most=100))
    assert little.status.name == "UNRESOLVED" and 50 < little.status.step < 300
    known = slice(0, little.status.step)
    np.testing.assert_allclose(little.excess_loss[known], chosen.excess_loss[known], rtol=1e-9)
    assert np.isnan(little.excess_loss[little.status.step :]).all()


@pytest.mark.parametrize("tolerance", [1e-9, 1e-12])
def test_cuts_are_where_a_schedule_jumps_and_bends(tolerance):
    t = np.arange(1000)
    warm_up = np.minimum((t + 1) / 40, 1)
    assert schedules.cuts(np.cos(t / 700), tolerance, 9) == []
    assert schedules.cuts(np.where(t < 333, 1.0, 0.1), tolerance, 9) == [333]
    assert schedules.cuts(np.where(t == 157, 1.1, 1.0), tolerance, 9) == [157, 158]
    bends = schedules.cuts(warm_up * np.minimum((1000 - t) / 200, 1), tolerance, 9)
    # At a bend the step of the corner belongs to both sides.
    assert len(bends) == 2 and bends[0] in (39, 40) and bends[1] in (800, 801)
    assert schedules.cuts(np.where(t < 3, 0.5, 1.0), tolerance, 9) == [3]
    assert schedules.cuts(np.where(t < 997, 0.5, 1.0), tolerance, 9) == [997]
    assert schedules.cuts(np.random.default_rng(0).uniform(size=1000), tolerance, 100) is None
    assert schedules.cuts(np.ones(5), tolerance, 9) == []


def test_nothing_is_at_rest_before_a_rate_that_rises():
    """Noiseless batches are learned to rounding by step 250; a rate that is far too large then diverges."""
    t, problem = np.arange(400), (lib.Network(1, 1.0), lib.Data(batch=2.0))
    early = lib.solve(*problem, lib.GradientDescent(400, np.where(t < 300, 0.1, 0.05)))
    assert early.status.name == "STATIONARY" and early.status.step < 300
    late = lib.solve(*problem, lib.GradientDescent(400, np.where(t < 300, 0.1, 3.0)))
    assert late.status.name == "DIVERGED" and 300 < late.status.step < 330


# Optimizers of one's own: a class with one recursion


@dataclass(frozen=True)
class OwnTraining(Training):
    steps: int
    rate: float

    @property
    def span(self):
        return self.steps


class TwoMomenta(OwnTraining):
    """The mean of two momenta, W <- W - rate (b + c) / 2."""

    def recursion(self):
        fast, slow, half = 0.5, 0.9, self.rate / 2
        A = [[1, half * fast, half * slow], [0, fast, 0], [0, 0, slow]]
        return Recursion([A], [[2 * half, 1, 1]])


class Coupled(OwnTraining):
    """Momentum that weight decay goes through: b <- mu b + G + omega W, with a rate that falls."""

    def recursion(self):
        mu, omega = 0.6, 0.3
        rates = self.rate / (1 + np.arange(self.steps) / 50)
        A = np.zeros((self.steps, 2, 2))
        A[:, 0, 0], A[:, 0, 1] = 1 - rates * omega, rates * mu
        A[:, 1, 0], A[:, 1, 1] = -omega, mu
        return Recursion(A, np.stack([rates, np.ones(self.steps)], axis=1))


class Delayed(OwnTraining):
    """Gradients that are three steps old."""

    def recursion(self):
        A, f = np.eye(4, k=1), np.zeros(4)
        A[0, 0], f[-1] = 1, self.rate
        return Recursion([A], [f])


def test_an_optimizer_of_ones_own_is_one_recursion():
    t, s = np.indices((31, 31))
    np.testing.assert_array_equal(Delayed(30, 0.1).memory().K, 0.1 * (s + 3 < t))
    means = [lib.GradientDescent(30, 0.05, momentum=mu).memory().K for mu in (0.5, 0.9)]
    np.testing.assert_allclose(TwoMomenta(30, 0.1).memory().K, sum(means), rtol=1e-12)
    weight, buffer, rates = 1.0, 0.0, 0.1 / (1 + np.arange(30) / 50)
    for step, rate in enumerate(rates):
        assert Coupled(30, 0.1).memory().decay[step] == pytest.approx(weight, rel=1e-12)
        buffer = 0.6 * buffer - 0.3 * weight
        weight += rate * buffer


@pytest.mark.parametrize(
    "optimizer", [TwoMomenta(300, 0.01), Coupled(300, 0.03), Delayed(300, 0.03)]
)
def test_all_ways_of_solving_take_an_optimizer_of_ones_own(optimizer):
    against_every_step(NETWORK, DATA, optimizer)
    smooth = lib.Data(samples=2.0, noise=0.3)
    exact = lib.solve(NETWORK, smooth, optimizer, grid=lib.EveryStep(), keep_matrices=False)
    nodes = lib.solve(NETWORK, smooth, optimizer)
    assert isinstance(nodes.grid, lib.Nodes)
    assert off(nodes, exact) < 1e-6


def test_networks_take_an_optimizer_of_ones_own():
    optimizer = Coupled(20, 0.05)
    theory = lib.solve(NETWORK, DATA, optimizer)
    runs = lib.simulate(NETWORK, DATA, optimizer, dim=150, seeds=100, dtype="float32")
    check = lib.agree(theory, runs, allowance=4 / 150)
    assert check and check.catches < 0.1, check


def test_a_jump_after_a_small_kink_is_no_rounding_error_that_has_grown():
    """What alternates: nothing, then a kink of a compression, then the jump of a rate; or ever more."""
    t, weights, losses = np.arange(120), np.ones(1), np.ones(120)
    smooth = np.exp(-t / 40)
    alternating = np.where(t < 60, 0.0, (-1.0) ** t)
    kink = smooth + 1e-12 * alternating
    jump = kink + np.where(t < 80, 0.0, 1e-2 * (t - 80))
    assert rounding.rests_on_rounding(kink[None], weights, losses) is None
    assert rounding.rests_on_rounding(jump[None], weights, losses) is None
    grown = smooth + 1e-14 * alternating * 1.8 ** np.maximum(t - 60, 0)
    assert 80 < rounding.rests_on_rounding(grown[None], weights, losses) < 110
