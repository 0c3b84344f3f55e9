"""Ensembles: overlaps of two networks against identities, limits and real ensembles."""

import math

import numpy as np
import pytest

import lib
from lib.questions.ensembles import Shared, ensemble_loss, mean_excess_loss, overlap

TWO_MODES = lib.Spectrum([2.0, 0.5], [0.4, 2.2], [0.3, 0.7])
PROBLEMS = {
    "repeated, unequal widths": (lib.Network(2, (0.5, 1.2), 1.3), lib.Data(samples=1.5, noise=0.5)),
    "one pass, centered, two modes": (
        lib.Network(3, 0.7, centered=True),
        lib.Data(batch=0.5, noise=0.3, spectrum=TWO_MODES),
    ),
    "repeated, two modes": (lib.Network(1, 0.5), lib.Data(samples=0.8, spectrum=TWO_MODES)),
    "dimension free": (
        lib.Network(2, 40, centered=True),
        lib.Data(samples=80, spectrum=lib.Spectrum.power_law(30, 1.3, 0.5)),
    ),
    "population": (lib.Network(2, 0.6), lib.Data()),
}
TRAINING = lib.GradientDescent(30, 0.05, momentum=0.3, weight_decay=0.1)


@pytest.fixture(scope="module", params=PROBLEMS)
def solution(request):
    return lib.solve(*PROBLEMS[request.param], TRAINING)


def test_two_networks_that_share_everything_are_one(solution):
    both = overlap(solution, Shared.EVERYTHING)
    np.testing.assert_allclose(both, solution.excess_loss, rtol=1e-10)


def test_what_is_left_without_anything_in_common_is_the_bias(solution):
    np.testing.assert_allclose(overlap(solution, Shared.NOTHING), solution.bias, rtol=1e-10)


def test_overlaps_are_ordered(solution):
    """What is shared adds up to no more than everything; dropping a term leaves too much."""
    weights, data = (overlap(solution, shared) for shared in (Shared.WEIGHTS, Shared.DATA))
    slack = 1e-12 * solution.excess_loss
    assert np.all(weights >= solution.bias - slack) and np.all(data >= solution.bias - slack)
    assert np.all(weights + data - solution.bias <= solution.excess_loss + slack)
    assert np.all(data <= solution.bias + solution.data_variance + slack)
    assert np.all(weights <= solution.bias + solution.width_variance + slack)


def test_infinite_width_has_no_variance_of_the_weights():
    solution = lib.solve(lib.Network(2, math.inf, 1.5), lib.Data(samples=1.5, noise=0.4), TRAINING)
    np.testing.assert_allclose(overlap(solution, Shared.DATA), solution.excess_loss, rtol=1e-10)
    np.testing.assert_allclose(overlap(solution, Shared.WEIGHTS), solution.bias, rtol=1e-10)


def test_population_has_no_variance_of_the_data():
    solution = lib.solve(lib.Network(2, 0.6), lib.Data(), TRAINING)
    np.testing.assert_allclose(overlap(solution, Shared.WEIGHTS), solution.excess_loss, rtol=1e-10)


def test_lazy_network_sees_the_random_start_through_the_same_regression():
    """Lazy and uncentered, two networks on the same data: v = M (beta* - noise) with independent noises
    of the start, so that their overlap is the loss of the centered network."""
    data, training = lib.Data(samples=1.5, noise=0.4), lib.GradientDescent(30, 0.05)
    width, start = 1e6, 0.7
    lazy = lib.Network(2, width, math.sqrt(1 / (start * width)))
    shared = overlap(lib.solve(lazy, data, training), Shared.DATA)
    centered = lib.solve(lib.Network(2, width, lazy.richness, centered=True), data, training)
    np.testing.assert_allclose(shared, centered.excess_loss, rtol=1e-4)


STEPS = [0, 4, 8, 16, 25]
REAL = {
    "repeated": (lib.Network(2, 0.5), lib.Data(samples=1.5, noise=0.6)),
    "one pass": (lib.Network(2, 0.5), lib.Data(batch=0.4, noise=0.3)),
}


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("shared", [Shared.DATA, Shared.WEIGHTS])
def test_real_ensembles(name, shared):
    """Averages of four networks, against the theory of each kind of sharing."""
    members, ensembles = 4, 200
    solution = lib.solve(*REAL[name], lib.GradientDescent(25, 0.08))
    common = np.repeat(lib.seeds(ensembles), members).tolist()
    own = lib.seeds(ensembles * members)
    pairs = list(zip(own, common, strict=True))
    if shared is Shared.WEIGHTS:
        pairs = [pair[::-1] for pair in pairs]
    runs = lib.simulate(
        *REAL[name], solution.training, dim=150, seeds=pairs, keep_errors=STEPS, dtype="float32"
    )
    errors = runs.weight_error.reshape(ensembles, members, len(STEPS), 150).swapaxes(0, 1)
    measured = mean_excess_loss(errors, members=0)
    expected = ensemble_loss(solution, members, shared)[STEPS]
    check = lib.agree(expected, measured, allowance=4 / 150)
    assert check and check.catches < 0.085, check
    if shared is Shared.DATA:
        dropped = solution.bias + solution.data_variance + solution.width_variance / members
        assert not lib.agree(dropped[STEPS], measured, allowance=6 / 150)


def test_a_pair_of_seeds_is_weights_of_one_and_data_of_the_other():
    network, data = lib.Network(2, 0.5), lib.Data(samples=1.0, noise=0.3)
    training = lib.GradientDescent(6, 0.1)
    runs = lib.simulate(network, data, training, dim=50, seeds=[3, (3, 3), (3, 4), 4])
    assert runs.seeds == (3, (3, 3), (3, 4), 4)
    np.testing.assert_array_equal(runs.test_loss[0], runs.test_loss[1])
    assert runs.test_loss[2, 0] == runs.test_loss[0, 0] != runs.test_loss[3, 0]
    assert runs.train_loss[2, 0] != runs.train_loss[0, 0]
    assert runs.test_loss[2, -1] not in (runs.test_loss[0, -1], runs.test_loss[3, -1])


def test_a_step_may_be_kept_twice():
    problem = lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(3, 0.1)
    runs = lib.simulate(*problem, dim=20, seeds=1, keep_errors=[2, 0, 2])
    np.testing.assert_array_equal(runs.weight_error[0, 0], runs.weight_error[0, 2])


def test_kept_errors_square_to_the_excess_loss():
    data = lib.Data(samples=1.0, noise=0.3, spectrum=TWO_MODES)
    trainings = [lib.GradientDescent(6, 0.1), lib.GradientDescent(6, 0.05)]
    runs = lib.simulate(lib.Network(2, 0.5), data, trainings, dim=50, seeds=3, keep_errors=[6, 0])
    assert runs.weight_error.shape == (2, 3, 2, 50)
    np.testing.assert_allclose(
        (runs.weight_error**2).sum(-1), runs.excess_loss[..., [6, 0]], rtol=1e-12
    )
    single = lib.simulate(lib.Network(2, 0.5), data, trainings[1], dim=50, seeds=3, keep_errors=[6])
    np.testing.assert_array_equal(single.weight_error[:, 0], runs.weight_error[1, :, 0])
    np.testing.assert_allclose(
        mean_excess_loss(single.weight_error)[0],
        (single.weight_error.mean(0) ** 2).sum(),
        rtol=1e-12,
    )
    assert (
        lib.simulate(lib.Network(1, 1.0), data, trainings[0], dim=50, seeds=1).weight_error is None
    )


def call(**changes):
    given = {"dim": 20, "seeds": 1} | changes
    return lib.simulate(lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(2, 0.1), **given)


SOLVED = lib.solve(lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(2, 0.1))
BAD = [
    (lambda: call(seeds=[(1, 2, 3)]), "pair"),
    (lambda: call(seeds=[(1, -2)]), r"seeds\[0\]"),
    (lambda: call(keep_errors=[3]), "beyond the last"),
    (lambda: call(keep_errors=2), "list of steps"),
    (lambda: call(keep_errors=[0.5]), "integer"),
    (lambda: overlap(SOLVED, "data"), "Shared"),
    (lambda: ensemble_loss(SOLVED, 0, Shared.DATA), "members"),
    (
        lambda: overlap(
            lib.solve(lib.Network(1, 1.0), lib.Data(), [lib.GradientDescent(2, 0.1)]), Shared.DATA
        ),
        "single problem",
    ),
    (
        lambda: overlap(
            lib.solve(
                lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(2, 0.1), keep_matrices=False
            ),
            Shared.DATA,
        ),
        "keep_matrices",
    ),
    (
        lambda: overlap(
            lib.solve(lib.Network(2, 1.0), lib.Data(), lib.GradientDescent(80, 5.0)), Shared.DATA
        ),
        "diverges",
    ),
]


@pytest.mark.parametrize("bad, message", BAD)
def test_bad_input_says_what_is_wrong(bad, message):
    with pytest.raises(ValueError, match=message):
        bad()
