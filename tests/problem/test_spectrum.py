"""Spectra: quadrature of many modes, and spectra of data."""

import numpy as np
import pytest

from lib import Spectrum


def test_quadrature_keeps_sums_over_modes():
    spectrum = Spectrum.power_law(30_000, 1.5, 0.6)
    nodes, mass, power = spectrum.quadrature()
    power = power[:, 0, 0]
    assert len(nodes) < 160
    assert mass.sum() == pytest.approx(30_000, rel=1e-12)
    assert nodes @ mass == pytest.approx(spectrum.eigenvalues.sum(), rel=1e-12)
    assert nodes @ power == pytest.approx(1, rel=1e-12)
    for time in (1.0, 30.0, 1000.0):
        for weights, nodes_weights in ((spectrum.target_power, power), (1.0, mass)):
            exact = np.sum(spectrum.eigenvalues * weights * np.exp(-time * spectrum.eigenvalues))
            assert np.sum(nodes * nodes_weights * np.exp(-time * nodes)) == pytest.approx(
                exact, rel=1e-7
            )


def test_few_modes_are_kept_as_they_are():
    nodes, mass, power = Spectrum([0.5, 2.0], [1.0, 3.0], [0.4, 0.6]).quadrature()
    np.testing.assert_allclose([nodes, mass, power[:, 0, 0]], [[2.0, 0.5], [0.6, 0.4], [1.8, 0.4]])


def test_equal_eigenvalues_survive_binning():
    spectrum = Spectrum.trace_class(np.ones(100), np.arange(100.0))
    nodes, mass, power = spectrum.quadrature()
    assert nodes @ mass == pytest.approx(100) and nodes @ power[:, 0, 0] == pytest.approx(4950)


def test_targets_of_several_outputs():
    covariance = np.array([[[2.0, 1.0], [1.0, 3.0]], [[1.0, 0.0], [0.0, 0.0]]])
    spectrum = Spectrum([2.0, 0.5], covariance, [0.4, 0.6])
    np.testing.assert_array_equal(spectrum.target_covariance(2), covariance)
    np.testing.assert_allclose(spectrum.quadrature(2)[2], covariance * [[[0.4]], [[0.6]]])
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


@pytest.mark.parametrize("outputs", [1, 3])
def test_rules_keep_sums_over_polynomials_and_have_no_negative_weights(outputs):
    rng = np.random.default_rng(outputs)
    X = rng.normal(size=(200, 90)) * np.geomspace(1, 0.3, 90)
    spectrum = Spectrum.from_data(X, rng.normal(size=(200, outputs)))
    rule = spectrum.rule(outputs)
    assert len(rule.mass) < 90 and (rule.mass >= 0).all()
    assert np.linalg.eigvalsh(rule.power).min() > -1e-14
    covariance = spectrum.target_covariance(outputs) * spectrum.mass[:, None, None]
    for degree in range(12):
        nodes = rule.eigenvalues**degree
        modes = spectrum.eigenvalues**degree
        assert nodes @ rule.mass == pytest.approx(modes @ spectrum.mass, rel=1e-10)
        expected = np.tensordot(modes, covariance, 1)
        np.testing.assert_allclose(np.tensordot(nodes, rule.power, 1), expected, rtol=1e-9)


def test_a_target_on_one_mode_stays_there():
    power = np.zeros(100)
    power[37] = 100.0
    spectrum = Spectrum(np.linspace(0.2, 2, 100), power, np.full(100, 0.01))
    rule = spectrum.rule()
    on = rule.power[:, 0, 0] > 0
    assert rule.eigenvalues[on] == pytest.approx([spectrum.eigenvalues[37]], rel=1e-12)
    assert rule.power[on, 0, 0] == pytest.approx([1.0], rel=1e-12)
