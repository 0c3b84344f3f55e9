"""The best hyperparameters against closed forms, in the theory and on networks."""

import math

import numpy as np
import pytest

import lib

inf = math.inf
EIGENVALUES, POWER = np.array([1.0, 0.5, 0.2]), np.array([0.3, 1.0, 2.0])
DATA = lib.Data(spectrum=lib.Spectrum.trace_class(EIGENVALUES, POWER))


def one_step(rates):
    """Infinite width, centered: E = sum_k lambda_k w_k^2 (1 - (r_0 + r_1) lambda_k)^2."""
    network = lib.Network(1, inf, centered=True)
    return network, DATA, lib.GradientDescent(1, 1.0, layer_rates=rates)


def moment(order):
    return np.sum(EIGENVALUES**order * POWER)


def test_one_step_has_the_best_rate_of_a_quadratic():
    total = moment(2) / moment(3)
    loss = moment(1) - moment(2) ** 2 / moment(3)
    best = lib.tune(one_step, {"rates": [0.2, 0.5]})
    assert best.parameters["rates"].sum() == pytest.approx(total, rel=2e-3)
    assert best.loss == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(best.found, loss, rtol=1e-4)
    assert best.names == ["rates[0]", "rates[1]"]
    assert best.status is lib.Tuning.FREE  # only the sum matters


def test_curvature_is_that_of_a_quadratic():
    """E = E* + moment(3) (s - s*)^2 in the sum s: log E has the curvature 2 moment(3) r r^T / E*."""
    best = lib.tune(one_step, {"rates": [0.2, 0.5]})
    rates, loss = best.parameters["rates"], best.loss
    expected = 2 * moment(3) * np.outer(rates, rates) / loss
    np.testing.assert_allclose(best.curvature, expected, atol=2e-4 * np.abs(expected).max())
    stiff = best.directions[0] * np.sign(best.directions[0, 0])
    np.testing.assert_allclose(stiff, rates / np.linalg.norm(rates), atol=1e-3)
    assert best.eigenvalues[0] == pytest.approx(2 * moment(3) * (rates @ rates) / loss, rel=1e-3)
    assert abs(best.eigenvalues[1]) < 1e-4 * best.eigenvalues[0]


def test_two_rates_are_the_roots_of_the_best_polynomial():
    """Lazy training by two steps: p(lambda) = (1 - e_1 lambda)(1 - e_2 lambda) of least squares."""

    def problem(rates):
        network = lib.Network(1, inf, 1e-3, centered=True)
        return network, DATA, lib.GradientDescent(2, rates)

    weights = np.sqrt(EIGENVALUES * POWER)
    powers = weights[:, None] * np.stack([EIGENVALUES, EIGENVALUES**2], axis=1)
    (a, b), (loss,), *_ = np.linalg.lstsq(powers, -weights)
    rates = 1 / np.roots([b, a, 1]).real / 2  # both matrices move
    best = lib.tune(problem, {"rates": [0.4, 1.0]}, starts=2)
    assert best.loss == pytest.approx(loss, rel=1e-4)
    np.testing.assert_allclose(np.sort(best.parameters["rates"]), np.sort(rates), rtol=1e-3)
    assert best.status is lib.Tuning.CONVERGED
    assert (best.eigenvalues > 0).all()


def test_the_best_rate_is_that_of_the_bracketing_search():
    data = lib.Data(samples=1.5, noise=0.5)

    def problem(rate):
        return lib.Network(2, 1.0), data, lib.GradientDescent(20, rate)

    best = lib.tune(problem, {"rate": 0.03})
    bracketed = lib.optimal_learning_rate(*problem(0.1), tolerance=1e-3)
    assert best.parameters["rate"] == pytest.approx(bracketed.value, rel=2e-3)
    assert best.loss <= bracketed.loss * (1 + 1e-6)


def test_candidates_of_other_shapes_and_data_are_solved_too():
    """Width and amount of label noise differ between candidates: the loss rises with both."""

    def problem(width, rate):
        network = lib.Network(1, width, centered=True)
        return network, lib.Data(samples=2.0), lib.GradientDescent(3, rate)

    best = lib.tune(problem, {"width": 1.0, "rate": 0.1}, starts=1, tolerance=1e-3)
    assert best.parameters["width"] > 5
    assert best.loss < lib.solve(*problem(1.0, best.parameters["rate"])).test_loss[-1]


def test_divergence_never_wins():
    def problem(rate):
        return lib.Network(2, 1.0), lib.Data(), lib.GradientDescent(60, rate)

    assert lib.solve(*problem(0.8)).status.name == "DIVERGED"
    best = lib.tune(problem, {"rate": 0.8}, loss="train_loss", starts=4)
    assert np.isfinite(best.loss)
    assert lib.solve(*problem(best.parameters["rate"])).status.name == "COMPLETE"
    with pytest.raises(ValueError, match="diverges at start"):
        lib.tune(problem, {"rate": 30.0}, starts=1)


def test_a_loss_without_a_minimum_is_said_to_run_away():
    """Without centering a larger richness lowers the loss of the initial network: 1/gamma_0^2."""

    def problem(richness):
        return lib.Network(1, 1.0, richness), lib.Data(), lib.GradientDescent(1, 1e-9)

    best = lib.tune(problem, {"richness": 1.0}, loss=lambda s: s.excess_loss[:, -1] - 1 + 1e-9)
    assert best.status is lib.Tuning.RUNAWAY


def test_networks_have_the_optimum_of_the_theory():
    def problem(rate):
        return lib.Network(1, 1.0), lib.Data(samples=2, noise=0.3), lib.GradientDescent(8, rate)

    best = lib.tune(problem, {"rate": 0.1})
    measured = lib.measured_tune(problem, {"rate": 0.1}, dim=150, seeds=12)
    shift = abs(math.log(measured.parameters["rate"] / best.parameters["rate"]))
    assert 0 < measured.errors["rate"] < 0.1
    assert shift < 4 * measured.errors["rate"]
    assert abs(measured.loss - best.loss) < 4 * measured.loss_error
    assert measured.evaluations % 12 == 0


def test_errors_are_those_of_repeating_the_search():
    """Searches on disjoint seeds scatter by the errors that each of them states."""

    def problem(rate):
        return lib.Network(1, 1.0), lib.Data(samples=2, noise=0.5), lib.GradientDescent(4, rate)

    found = [
        lib.measured_tune(problem, {"rate": 0.1}, dim=30, seeds=range(10 * i, 10 * i + 10))
        for i in range(12)
    ]
    scatter = np.std([math.log(one.parameters["rate"]) for one in found], ddof=1)
    stated = np.sqrt(np.mean([one.errors["rate"] ** 2 for one in found]))
    assert 0.5 < scatter / stated < 2


WRONG = [
    (lambda: lib.tune(None, {"rates": [1, 1]}), "problem is None"),
    (lambda: lib.tune(one_step, {}), "start is"),
    (lambda: lib.tune(one_step, {"rates": [1, -1]}), r"start\['rates'\]\[1\]"),
    (lambda: lib.tune(one_step, {"rates": [1, 1, 1]}), "layer_rates has length 3"),
    (lambda: lib.tune(lambda rate: rate, {"rate": 1}), "problem gave"),
    (lambda: lib.tune(one_step, {"rates": [1, 1]}, loss="loss"), "loss is"),
    (lambda: lib.tune(one_step, {"rates": [1, 1]}, starts=0), "starts is 0"),
    (lambda: lib.tune(one_step, {"rates": [1, 1]}, tolerance=0), "tolerance.*> 0"),
    (lambda: lib.measured_tune(one_step, {"rates": [1, 1]}, seeds=1), "at least two seeds"),
]


@pytest.mark.parametrize("call, message", WRONG, ids=[message for _, message in WRONG])
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
