"""Spectra: few nodes in place of many modes, and spectra of data."""

import numpy as np
import pytest

from lib import Spectrum
from lib.problem import power_law, quadrature


def few(spectrum, outputs, digits, slow=0.0):
    return quadrature.few(spectrum.rule(outputs), digits, slow)


def test_few_modes_are_kept_as_they_are():
    rule = few(Spectrum([0.5, 2.0], [1.0, 3.0], [0.4, 0.6]), 1, 9.0)
    found = [rule.eigenvalues, rule.mass, rule.power[:, 0, 0]]
    np.testing.assert_allclose(found, [[2.0, 0.5], [0.6, 0.4], [1.8, 0.4]])
    assert rule.exact


def test_equal_eigenvalues_are_one_mode():
    rule = few(Spectrum.trace_class(np.ones(100), np.arange(100.0)), 1, 9.0)
    assert rule.exact and rule.eigenvalues.tolist() == [1.0]
    assert rule.mass == pytest.approx([100]) and rule.power[0, 0, 0] == pytest.approx(4950)


def test_targets_of_several_outputs():
    covariance = np.array([[[2.0, 1.0], [1.0, 3.0]], [[1.0, 0.0], [0.0, 0.0]]])
    spectrum = Spectrum([2.0, 0.5], covariance, [0.4, 0.6])
    np.testing.assert_array_equal(spectrum.target_covariance(2), covariance)
    np.testing.assert_allclose(spectrum.rule(2).power, covariance * [[[0.4]], [[0.6]]])
    independent = Spectrum([2.0], [3.0], [1.0]).target_covariance(3)
    np.testing.assert_array_equal(independent, [3 * np.eye(3)])
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4))
    both, first = (
        Spectrum.from_data(X, X[:, :2] + X[:, 2:]),
        Spectrum.from_data(X, X[:, 0] + X[:, 2]),
    )
    np.testing.assert_allclose(both.target_power[:, 0, 0], first.target_power, atol=1e-12)


def test_spectrum_of_data_is_its_second_moment_and_least_squares():
    rng = np.random.default_rng(0)
    scales, target = np.array([3.0, 1.0, 0.2]), np.array([1.0, -2.0, 0.5])
    X = rng.normal(size=(400, 3)) * scales
    spectrum = Spectrum.from_data(X, X @ target)
    moments, directions = np.linalg.eigh(X.T @ X / 400)
    np.testing.assert_allclose(spectrum.eigenvalues, moments[::-1], rtol=1e-10)
    np.testing.assert_allclose(spectrum.target_power, (directions.T @ target)[::-1] ** 2, rtol=1e-8)
    assert spectrum.dimension_free and spectrum.modes == 3


def test_directions_without_data_are_left_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 12))
    assert len(Spectrum.from_data(X, X[:, 0])) == 5


@pytest.mark.parametrize("digits", [6.0, 10.0])
@pytest.mark.parametrize("outputs", [1, 3])
def test_rules_keep_sums_over_modes_and_have_no_negative_weights(outputs, digits):
    """Of all that decays exponentially, in all directions of the outputs."""
    rng = np.random.default_rng(outputs)
    X = rng.normal(size=(600, 300)) * np.geomspace(1, 0.003, 300)
    spectrum = Spectrum.from_data(X, rng.normal(size=(600, outputs)))
    rule = few(spectrum, outputs, digits, 1e-3)
    assert len(rule.mass) < 35 + 30 * outputs and (rule.mass >= 0).all()
    sizes = np.linalg.eigvalsh(rule.power)
    assert (sizes[:, 0] >= -1e-14 * sizes[:, -1]).all()
    covariance = spectrum.target_covariance(outputs) * spectrum.mass[:, None, None]
    for time in (0.0, 1.0, 30.0, 1000.0):
        nodes, modes = (x * np.exp(-x * time) for x in (rule.eigenvalues, spectrum.eigenvalues))
        assert nodes @ rule.mass == pytest.approx(modes @ spectrum.mass, rel=10**-digits)
        found, expected = np.tensordot(nodes, rule.power, 1), np.tensordot(modes, covariance, 1)
        assert np.abs(found - expected).max() < 10**-digits * np.abs(expected).max()


def test_the_largest_modes_are_kept_as_they_are():
    """They are unstable first, and a rule for smooth functions would have its nodes below them."""
    eigenvalues = np.linspace(1, 2, 1000)
    spectrum = Spectrum(eigenvalues, np.ones(1000), np.full(1000, 1e-3))
    rule = few(spectrum, 1, 9.0)
    np.testing.assert_array_equal(rule.eigenvalues[:4], eigenvalues[:-5:-1])
    np.testing.assert_allclose(rule.mass[:4], 1e-3)
    assert len(rule.mass) < 30


def test_fewer_nodes_for_shorter_training_and_fewer_digits():
    spectrum = Spectrum.power_law(10_000, 1.5, 0.6)
    longest, shorter, rough = (
        len(few(spectrum, 1, digits, slow).mass) for digits, slow in ((9, 0), (9, 1e-3), (4, 0))
    )
    assert shorter < 0.7 * longest and rough < 0.6 * longest < 60


def test_a_rule_knows_small_eigenvalues_as_well_as_large_ones():
    """Eighteen decades of them: one matrix would know its eigenvalues to 16 digits of the largest."""
    rule = few(Spectrum.power_law(10**12, 1.5, 0.6), 1, 9.0)
    k, weights = power_law.whole_numbers(1, 10**12, 60)
    points = k**-1.5
    assert (rule.eigenvalues > 0).all() and (rule.mass >= 0).all()
    for time in 10.0 ** np.arange(0, 18, 3):
        nodes, modes = (x * np.exp(-time * x) for x in (rule.eigenvalues, points))
        assert nodes @ rule.mass == pytest.approx(modes @ weights, rel=1e-8)


def test_modes_that_never_move_have_no_negative_nodes():
    eigenvalues = np.concatenate([np.linspace(1, 2, 100), np.geomspace(1e-22, 1e-20, 100)])
    spectrum = Spectrum.trace_class(eigenvalues, np.concatenate([np.ones(100), np.zeros(100)]))
    rule = few(spectrum, 1, 12.0, 1e-3)
    assert rule.eigenvalues.min() >= 1e-22 * (1 - 1e-12) and (rule.mass >= 0).all()
    assert rule.eigenvalues @ rule.mass == pytest.approx(eigenvalues.sum(), rel=1e-12)


@pytest.mark.parametrize("outputs", [1, 2])
def test_very_many_modes_are_first_made_fewer(outputs, monkeypatch):
    rng = np.random.default_rng(0)
    modes = 5000
    eigenvalues = np.exp(rng.normal(0, 2, modes))
    power = rng.normal(size=(modes, outputs, 2))
    power = power @ power.swapaxes(1, 2)
    spectrum = Spectrum(eigenvalues, power, np.full(modes, 1 / modes))
    at_once = few(spectrum, outputs, 9.0, 1e-2)
    monkeypatch.setattr(quadrature, "MANY", 100)
    made_fewer = few(spectrum, outputs, 9.0, 1e-2)
    for time in (0.0, 0.1, 10.0, 100.0):
        first, second = (
            np.tensordot(rule.eigenvalues * np.exp(-rule.eigenvalues * time), rule.power, 1)
            for rule in (at_once, made_fewer)
        )
        assert np.abs(second - first).max() < 1e-9 * np.abs(first).max()


@pytest.mark.parametrize("columns", [1, 2])
def test_gauss_keeps_products_of_rational_functions(columns):
    """With poles of its own, one of them twice and one at infinity."""
    rng = np.random.default_rng(columns)
    points, roots = rng.uniform(0.01, 3, 60), rng.normal(size=(60, columns))
    poles = np.array([0.1, 1.0, 1.0, np.inf, 4.0])
    nodes, found = quadrature.gauss(points, roots, poles)
    assert len(nodes) == 6 * columns and (nodes > 0).all()

    def functions(x):
        below = (1 + x / 0.1) * (1 + x) ** 2 * (1 + x / 4)
        return np.array([x**degree / below for degree in range(6)])

    exact, kept = (
        np.einsum("ik,jk,ka,kb->ijab", functions(x), functions(x), r, r)
        for x, r in ((points, roots), (nodes, found))
    )
    assert np.abs(kept - exact).max() < 1e-12 * np.abs(exact).max()
    more = functions(points)[0] * points**6
    off = (more**2 * roots[:, 0] ** 2).sum() - (
        (functions(nodes)[0] * nodes**6) ** 2 * found[:, 0] ** 2
    ).sum()
    assert abs(off) > 1e-9 * (more**2 * roots[:, 0] ** 2).sum()


def test_a_target_on_one_mode_stays_there():
    power = np.zeros(100)
    power[37] = 100.0
    spectrum = Spectrum(np.linspace(0.2, 2, 100), power, np.full(100, 0.01))
    rule = few(spectrum, 1, 9.0)
    on = rule.power[:, 0, 0] > 0
    assert rule.eigenvalues[on] == pytest.approx([spectrum.eigenvalues[37]], rel=1e-12)
    assert rule.power[on, 0, 0] == pytest.approx([1.0], rel=1e-12)
