"""Many modes: against the same problem solved with every mode, and with estimates that hold."""

import math

import numpy as np
import pytest

import lib
from lib.problem import quadrature
from lib.theory import on_nodes
from lib.theory.modes import first_rule, slow_below


def evenly(count, power=None):
    power = np.ones(count) if power is None else power
    return lib.Spectrum(np.linspace(0.2, 2, count), power, np.full(count, 1 / count))


def one_of(count, mode):
    power = np.zeros(count)
    power[mode] = count
    return evenly(count, power)


def digits(count=100):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * count, count)) / math.sqrt(count)
    return lib.Spectrum.from_data(X, X @ rng.normal(size=count) + 0.3 * rng.normal(size=2 * count))


POWER = lib.Spectrum.power_law(150, 1.5, 0.6)
PROBLEMS = {
    "edge of stability": (
        lib.Network(1, math.inf, 1e-3, centered=True),
        lib.Data(spectrum=lib.Spectrum(np.linspace(1, 2, 65), np.ones(65), np.full(65, 1 / 65))),
        lib.GradientDescent(60, 0.52),
    ),
    "samples": (
        lib.Network(2, 100),
        lib.Data(samples=150, noise=0.3, spectrum=digits()),
        lib.GradientDescent(20, 0.3),
    ),
    "target on one mode": (
        lib.Network(1, 1.0),
        lib.Data(samples=2.0, noise=0.1, spectrum=one_of(100, 37)),
        lib.GradientDescent(40, 0.1),
    ),
    "momentum": (
        lib.Network(1, 1.0),
        lib.Data(spectrum=evenly(100)),
        lib.GradientDescent(40, 0.05, momentum=0.9),
    ),
    "fresh batches, compressed": (
        lib.Network(1, 1.0),
        lib.Data(batch=2.0, noise=0.1, spectrum=evenly(80)),
        lib.GradientDescent(260, 0.05),
    ),
    "nodes": (lib.Network(1, 64), lib.Data(spectrum=POWER), lib.GradientFlow(20.0)),
}


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_many_modes_against_every_mode(problem, monkeypatch):
    found = lib.solve(*problem)
    monkeypatch.setattr(quadrature, "EXACT_MODES", 10**9)
    exact = lib.solve(*problem)
    assert exact.modes.exact and len(exact.modes.mass) == len(problem[1].spectrum)
    for name in ("excess_loss", "train_loss"):
        expected = getattr(exact, name)
        off = np.abs(getattr(found, name) - expected) / expected
        assert off.max() <= max(found.error + exact.error, 1e-12)
    assert found.error < 1e-6 and (found.excess_loss > 0).all()


def test_the_edge_of_stability_does_not_move_with_the_number_of_modes():
    """Lazy: v_k falls by 1 - 2 eta lambda_k a step, mode by mode, and the largest one decides."""
    eta, steps = 0.505, 120
    for count in (64, 65, 300):
        eigenvalues = np.linspace(1, 2, count)
        spectrum = lib.Spectrum(eigenvalues, np.ones(count), np.full(count, 1 / count))
        network = lib.Network(1, math.inf, 1e-6, centered=True)
        training = lib.GradientDescent(steps, eta)
        found = lib.solve(network, lib.Data(spectrum=spectrum), training, keep_matrices=False)
        expected = np.mean(eigenvalues * (1 - 2 * eta * eigenvalues) ** (2 * steps))
        assert found.excess_loss[-1] == pytest.approx(expected, rel=1e-6)


SHORT_PROBLEMS = {
    "rich": (lib.Network(2, 64, 3.0, centered=True), lib.GradientDescent(40, 0.05)),
    "lazy": (lib.Network(2, 64, 0.05, centered=True), lib.GradientDescent(40, 0.05)),
    "momentum": (lib.Network(1, 64), lib.GradientDescent(40, 0.02, momentum=0.9)),
    "deep": (lib.Network(8, 64, 0.5), lib.GradientDescent(40, 0.02)),
    "residual": (
        lib.Network(math.inf, 64, branch_scale=1.5, centered=True),
        lib.GradientDescent(20, 0.03),
    ),
    "uneven rates": (
        lib.Network(2, 64),
        lib.GradientDescent(40, 0.05, layer_rates=(0.1, 3.0, 1.0)),
    ),
}


@pytest.mark.parametrize("problem", SHORT_PROBLEMS.values(), ids=SHORT_PROBLEMS)
@pytest.mark.parametrize(
    "size", [{"batch": 16}, {"samples": 100}, {}], ids=["batch", "data", "all"]
)
def test_modes_that_hardly_move_need_few_nodes(problem, size, monkeypatch):
    network, training = problem
    data = lib.Data(**size, noise=0.1, spectrum=lib.Spectrum.power_law(400, 1.5, 0.6))
    found = lib.solve(network, data, training, keep_matrices=False)
    assert len(found.modes.mass) < 56
    monkeypatch.setattr("lib.theory.modes.slow_below", lambda *_: 0.0)
    monkeypatch.setattr("lib.theory.modes.AIM", 1e-4)
    finer = lib.solve(network, data, training, keep_matrices=False)
    assert len(finer.modes.mass) > len(found.modes.mass)
    for name in ("excess_loss", "train_loss"):
        off = np.abs(getattr(found, name) / getattr(finer, name) - 1)
        assert off.max() <= max(found.error + finer.error, 1e-11)
    assert off.max() < 1e-9 and found.error - (found.depth_error or 0.0) < 1e-8


@pytest.mark.parametrize("tolerance", [1e-8, 1e-4])
@pytest.mark.parametrize("size", [{"batch": 16}, {"samples": 100}], ids=["batch", "data"])
def test_rules_that_are_too_rough_are_noticed_and_made_finer(size, tolerance, monkeypatch):
    """Taken to move a thousand times less than they do, modes need more digits than that asks for."""
    problem = (
        lib.Network(2, 64, 3.0, centered=True),
        lib.Data(**size, spectrum=lib.Spectrum.power_law(400, 1.5, 0.6)),
        lib.GradientDescent(300, 0.02),
    )
    grid = lib.CompressedPast(tolerance) if "batch" in size else lib.Nodes(tolerance)
    usual = lib.solve(*problem, grid=grid)
    monkeypatch.setattr("lib.theory.modes.slow_below", lambda *of: 1000 * slow_below(*of))
    rough = first_rule(problem[1].spectrum.rule(1), problem[:1], problem[2:], tolerance)
    found = lib.solve(*problem, grid=grid)
    assert len(found.modes.mass) > len(rough.mass) and found.error < usual.error + tolerance
    times = np.arange(0, 301, 20)
    first, second = (solution.at(times).excess_loss for solution in (found, usual))
    np.testing.assert_allclose(first, second, rtol=found.error + usual.error)


@pytest.mark.parametrize("stop", [3000.0, 1e5])
def test_a_kernel_that_grows_a_lot_takes_one_more_rule(stop, monkeypatch):
    """Rich training on a hard task: what the first rule was too rough for says which one is good enough."""
    tried, march = [], on_nodes._march_on_nodes

    def counted(network, data, modes, *rest):
        tried.append(len(modes.mass))
        return march(network, data, modes, *rest)

    monkeypatch.setattr(on_nodes, "_march_on_nodes", counted)
    network = lib.Network(4, math.inf, 3.0, centered=True)
    data = lib.Data(spectrum=lib.Spectrum.power_law(10**5, 1.5, 0.5))
    found = lib.solve(network, data, lib.GradientFlow(stop, 1e-6))
    assert len(set(tried)) == 2 and found.error < 1e-5
    assert not found.modes.exact


def test_shorter_training_takes_fewer_nodes():
    modes, networks = lib.Spectrum.power_law(10**5, 1.5, 0.6).rule(1), [lib.Network(2, 64)]
    first = [
        len(first_rule(modes, networks, [lib.GradientDescent(steps, 0.01)], 1e-8).mass)
        for steps in (10, 1000, 10**5)
    ]
    assert first[0] < 0.8 * first[1] < 0.8 * 0.8 * first[2]


def test_a_diverged_configuration_does_not_blind_the_check():
    spectrum = lib.Spectrum.power_law(150, 1.5, 0.6)
    data, training = lib.Data(batch=64, spectrum=spectrum), lib.GradientDescent(90, 0.04)
    networks = [lib.Network(2, 64, 1e-12), lib.Network(2, 64, 10.0)]
    for grid in (lib.EveryStep(), lib.CompressedPast()):
        together = lib.solve(networks, data, training, grid=grid, keep_matrices=False)
        alone = lib.solve(networks[1], data, training, grid=grid, keep_matrices=False)
        assert together.status[0].name == "DIVERGED" and alone.error > 0
        assert len(together.modes[1].mass) == len(alone.modes.mass)
        assert together.error[1] == pytest.approx(alone.error, rel=1e-2, abs=1e-14)


def test_decay_and_tight_tolerances_need_few_nodes():
    """What a constant gradient moves, not time, says how fast modes will be; rounding is no error."""
    network, spectrum = (
        lib.Network(1, 64, 0.5, centered=True),
        lib.Spectrum.power_law(1000, 1.5, 0.6),
    )
    data = lib.Data(batch=16, spectrum=spectrum)
    trainings = {
        1e-8: lib.GradientDescent(2000, 0.1 / (1 + np.arange(2000) / 10)),
        1e-9: lib.GradientDescent(1000, 0.01),
    }
    for tolerance, training in trainings.items():
        found = lib.solve(network, data, training, grid=lib.CompressedPast(tolerance))
        assert found.status.name == "COMPLETE" and found.error < tolerance
        assert len(found.modes.mass) < 60


@pytest.mark.parametrize("steps", [3, 14, 33])
def test_the_end_of_a_compressed_march_is_looked_at(steps):
    data = lib.Data(batch=4, spectrum=lib.Spectrum.power_law(400, 1.5, 0.6))
    problem = lib.Network(1, 16.0), data, lib.GradientDescent(steps, 0.05)
    found = lib.solve(*problem, grid=lib.CompressedPast(1e-4))
    exact = lib.solve(*problem, grid=lib.EveryStep())
    assert not found.modes.exact
    off = np.abs(found.excess_loss / exact.excess_loss - 1).max()
    assert 1e-8 < off < found.error < 1e-4


def test_digits_do_not_follow_rounding():
    """Losses that are rounding, or modes closer than floats tell apart: more nodes are no better."""
    lazy = lib.Network(1, math.inf, 1e-6, centered=True)
    even = lib.Data(spectrum=evenly(300))
    close = lib.Spectrum(1 + 1e-12 * np.arange(3000), np.ones(3000), np.full(3000, 1 / 3000))
    for network, data, training in (
        (lazy, even, lib.GradientDescent(60, 0.15)),
        (lib.Network(1, 16.0), lib.Data(batch=8, spectrum=close), lib.GradientDescent(60, 0.05)),
    ):
        found = lib.solve(network, data, training, keep_matrices=False)
        assert found.status.name == "COMPLETE" and found.error < 1e-8
        assert len(found.modes.mass) < 60


@pytest.mark.parametrize("grid", [lib.EveryStep(), lib.Nodes(1e-6), lib.CompressedPast(1e-6)])
def test_an_interrupted_look_at_the_modes_keeps_the_run(grid, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lib.theory.modes._sums", interrupted)
    data = lib.Data(spectrum=lib.Spectrum.power_law(400, 1.5, 0.6))
    found = lib.solve(lib.Network(1, 16.0), data, lib.GradientDescent(30, 0.05), grid=grid)
    assert found.status.name == "INTERRUPTED" and found.error == math.inf
    assert np.isfinite(found.excess_loss[:16]).all()
