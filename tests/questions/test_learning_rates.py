"""Learning rates from theory and networks against closed forms; sweeps on a cluster and resumed."""

import math
import subprocess
import sys
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from dask.distributed import Client, LocalCluster

import lib
from lib.questions import rate_curves as rate_sweeps
from lib.questions.jobs import compute
from lib.questions.learning_rates import SPACING, Search, at_rates
from lib.status import Outcome, Status


@pytest.mark.parametrize("depth", [1, 3])
def test_one_step_from_nothing(depth):
    """At infinite width one step leaves (1 - (L+1) eta)^2, whatever the richness."""
    problem = lib.Network(depth, math.inf, 0.7), lib.Data(), lib.GradientDescent(1, 1.0)
    best = lib.optimal_learning_rate(*problem, tolerance=1e-4)
    assert abs(best.value * (depth + 1) - 1) < 1e-4
    assert best.bracket[0] < 1 / (depth + 1) < best.bracket[1]
    assert best.loss < 1e-8 and best.status is Search.CONVERGED
    edge = lib.max_stable_learning_rate(*problem, tolerance=1e-4)
    assert edge.bracket[0] == edge.value <= 2 / (depth + 1) < edge.bracket[1]
    assert edge.tolerance <= 1e-4 and edge.status is Search.CONVERGED


def test_lazy_edge_is_two_over_the_kernel():
    """A lazy network is linear regression with kernel (L+1) lambda_max: stable below 2 over that.

    With two modes of equal share of the loss the end may not exceed twice the start of the faster one:
    |1 - (L+1) lambda eta|^(2T) < 2.
    """
    steps, spectrum = 40, lib.Spectrum([3.0, 0.6], [1 / 3, 1 / 0.6], [0.5, 0.5])
    edge = lib.max_stable_learning_rate(
        lib.Network(depth=2, width=math.inf, richness=1e-4),
        lib.Data(spectrum=spectrum),
        lib.GradientDescent(steps, 1.0),
        tolerance=1e-4,
    )
    assert edge.value == pytest.approx((1 + 2 ** (1 / (2 * steps))) / (3 * 3.0), rel=2e-4)


@pytest.mark.parametrize("scale", [1e-5, 1e4])
def test_bracket_grows_towards_the_answer(scale):
    """Inputs of variance lambda have their optimum at 1/((L+1) lambda), far outside the first bracket."""
    data = lib.Data(spectrum=lib.Spectrum([scale], [1 / scale], [1.0]))
    problem = lib.Network(1, math.inf), data, lib.GradientDescent(1, 1.0)
    best = lib.optimal_learning_rate(*problem)
    assert abs(best.value * 2 * scale - 1) < 0.01
    edge = lib.max_stable_learning_rate(*problem)
    assert abs(edge.value * scale - 1) < 0.01


PROBLEMS = {
    "mean-field": (lib.Network(3, 2.0, 4.0), lib.Data(samples=4), lib.GradientDescent(20, 1.0)),
    "momentum": (
        lib.Network(2, 0.5),
        lib.Data(batch=0.5, noise=0.3),
        lib.GradientDescent(30, 1.0, momentum=0.7),
    ),
    "power law": (
        lib.Network(1, 64, centered=True),
        lib.Data(samples=100, spectrum=lib.Spectrum.power_law(60, 1.5, 0.7)),
        lib.GradientDescent(25, 1.0),
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_search_finds_what_a_fine_grid_finds(name):
    network, data, training = PROBLEMS[name]
    rates = np.geomspace(1e-3, 10, 300)
    curves = lib.solve(network, data, at_rates(training, rates), keep_matrices=False).test_loss
    best = lib.optimal_learning_rate(network, data, training)
    grid = int(np.argmin(curves[:, -1]))
    assert rates[grid - 1] < best.value < rates[grid + 1]
    assert best.loss <= curves[grid, -1] * (1 + 1e-3)
    assert best.bracket[1] - best.bracket[0] <= 0.01 * best.value
    edge = lib.max_stable_learning_rate(network, data, training)
    either_side = lib.solve(network, data, at_rates(training, edge.bracket)).test_loss
    assert either_side[0, -1] <= either_side[0, 0] and not either_side[1, -1] <= either_side[1, 0]
    stable = np.isfinite(curves).all(1) & (curves[:, -1] <= curves[:, 0])
    assert 1 / SPACING < edge.value / rates[np.argmin(stable)] < SPACING
    assert edge.evaluations < 80 and best.evaluations < 80


def test_the_varied_training_is_replaced_or_made():
    """A schedule keeps its shape, a function may do anything; both reach `solve` unchanged."""
    shape = np.linspace(1, 0.5, 12)
    problem = lib.Network(2, 1.0), lib.Data(samples=2)
    scheduled = lib.optimal_learning_rate(*problem, lib.GradientDescent(12, 3 * shape))
    made = lib.optimal_learning_rate(*problem, lambda rate: lib.GradientDescent(12, rate * shape))
    assert scheduled.value == pytest.approx(made.value, rel=1e-12)
    assert scheduled.loss == pytest.approx(made.loss, rel=1e-12)
    constant = lib.optimal_learning_rate(*problem, lib.GradientDescent(12, 0.1))
    assert constant.value < scheduled.value
    kept = at_rates(lib.GradientDescent(5, 1.0, momentum=0.5, weight_decay=0.2), [0.1])[0]
    assert (kept.steps, kept.momentum, kept.weight_decay) == (5, 0.5, 0.2)
    again = lib.solve(*problem, lib.GradientDescent(12, scheduled.value * shape))
    assert again.test_loss[-1] == pytest.approx(scheduled.loss, rel=1e-12)


def test_an_answer_outside_the_bracket_is_said_to_be_outside():
    problem = lib.Network(1, math.inf), lib.Data(), lib.GradientDescent(1, 1.0)
    for search, answer in ((lib.optimal_learning_rate, 0.5), (lib.max_stable_learning_rate, 1.0)):
        below = search(*problem, bracket=(0.01 * answer, 0.5 * answer))
        assert below.status is Search.AT_HIGH_END and below.value == pytest.approx(0.5 * answer)
        above = search(*problem, bracket=(3.5 * answer, 9 * answer))
        assert above.status is Search.AT_LOW_END and above.value == pytest.approx(3.5 * answer)
        assert "bracket" in above.status.value


def test_loss_that_is_asked_for_is_the_one_that_is_minimised():
    problem = lib.Network(2, 1.0), lib.Data(samples=1.2, noise=1.0), lib.GradientDescent(60, 1.0)
    test = lib.optimal_learning_rate(*problem)
    train = lib.optimal_learning_rate(*problem, loss="train_loss")
    assert test.value < 0.5 * train.value


BAD = [
    (lambda p: lib.optimal_learning_rate(*p, loss="loss"), "test_loss"),
    (lambda p: lib.optimal_learning_rate(*p, bracket=(1.0, 0.1)), "lower one first"),
    (lambda p: lib.optimal_learning_rate(*p, bracket=0.1), "bracket"),
    (lambda p: lib.optimal_learning_rate(*p, bracket=(0.0, 1.0)), "> 0"),
    (lambda p: lib.max_stable_learning_rate(*p, tolerance=0.0), "tolerance"),
    (lambda p: lib.optimal_learning_rate(*p[:2], 0.1), "GradientDescent"),
    (lambda p: lib.optimal_learning_rate(*p[:2], lambda rate: rate), "must return a Training"),
    (lambda p: lib.optimal_learning_rate(*p[:2], lib.GradientDescent(2, [0.0, 0.0])), "zero"),
    (lambda p: lib.rate_curves(p[0], *p[1:], [0.1]), "list of lib.Network"),
    (lambda p: lib.rate_curves([p[0]], *p[1:], [0.0]), "rates.*> 0"),
    (lambda p: lib.rate_curves([p[0]], [p[1]] * 2, p[2], [0.1]), "one for each"),
    (lambda p: lib.rate_curves([p[0]], *p[1:], [0.1]).final("loss"), "test_loss"),
    (lambda p: lib.measured_rate_curves([p[0]], *p[1:], [0.1], dim=20, seeds=0), "seeds"),
    (lambda p: lib.measured_optimal_learning_rate([1, 2, 3], synthetic(2, 4)), "3 rates"),
    (lambda p: lib.measured_optimal_learning_rate([1, 3, 2], synthetic(3, 4)), "increase"),
    (lambda p: lib.measured_optimal_learning_rate([1, 2, 3], synthetic(3, 1)), "two seeds"),
    (
        lambda p: lib.measured_optimal_learning_rate([1, 2, 3], synthetic(3, 4), middle="x"),
        "middle",
    ),
]


@pytest.mark.parametrize("call, message", BAD)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call((lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(2, 0.1)))


def synthetic(count, seeds, final=None):
    losses = np.ones((count, seeds, 2))
    if final is not None:
        losses[:, :, -1] = final
    return SimpleNamespace(test_loss=losses)


def test_measured_optimum_of_a_parabola():
    """Losses exp((log eta - c)^2) with c scattered over seeds: c and its standard error come back."""
    rates, rng, seeds = np.geomspace(0.01, 0.1, 9), np.random.default_rng(1), 16

    def measure():
        centers = np.log(0.034) + 0.05 * rng.standard_normal(seeds)
        final = 0.5 * np.exp((np.log(rates)[:, None] - centers) ** 2)
        return lib.measured_optimal_learning_rate(rates, synthetic(9, seeds, final))

    found = [measure() for _ in range(60)]
    values = np.log([rate.value for rate in found])
    assert abs(values.mean() - np.log(0.034)) < 4 * 0.05 / math.sqrt(seeds * 60)
    relative = np.mean([rate.error / rate.value for rate in found])
    assert abs(relative / (0.05 / math.sqrt(seeds)) - 1) < 0.1
    assert found[0].status is Search.CONVERGED and found[0].bracket[0] < 0.034 < found[0].bracket[1]


def test_measured_edge_is_the_median_over_seeds():
    rates = np.array([1.0, 2.0, 4.0, 8.0])
    final = np.array([[0.1, 0.1, 0.1], [0.2, 0.2, 5.0], [0.3, np.inf, 0.2], [9.0, 0.1, 0.1]])
    edge = lib.measured_max_stable_learning_rate(rates, synthetic(4, 3, final))
    assert edge.value == pytest.approx(2.0) and edge.bracket == (2.0, 4.0) and edge.error > 0
    stable = lib.measured_max_stable_learning_rate(rates, synthetic(4, 3, 0.1))
    assert stable.status is Search.AT_HIGH_END
    wild = lib.measured_max_stable_learning_rate(rates, synthetic(4, 3, np.inf))
    assert wild.status is Search.AT_LOW_END


def test_networks_have_their_optimum_where_the_theory_has_it():
    network, data, training = lib.Network(2, 1.0, 2.0), lib.Data(), lib.GradientDescent(15, 1.0)
    best = lib.optimal_learning_rate(network, data, training)
    rates = best.value * np.geomspace(0.75, 1.2, 7)
    curves = lib.measured_rate_curves([network], data, training, rates, dim=300, seeds=8)
    measured = lib.measured_optimal_learning_rate(rates, curves.results[0], middle="median")
    spacing = measured.value * np.log(rates[1] / rates[0])
    assert measured.status is Search.CONVERGED
    assert abs(measured.value - best.value) < 4 * measured.error + spacing


SWEEP = {
    "networks": [lib.Network(1, 0.5), lib.Network(2, 1.0, 2.0), lib.Network.ntk(2, 4.0)],
    "data": lib.Data(samples=1.5, noise=0.2),
    "training": lib.GradientDescent(8, 1.0),
    "rates": [0.02, 0.05, 0.1],
}


def test_sweeps_are_the_single_calls():
    theory = lib.rate_curves(**SWEEP)
    runs = lib.measured_rate_curves(**SWEEP, dim=40, seeds=[3, 5])
    assert theory.final().shape == (3, 3) and runs.final("train_loss").shape == (3, 3, 2)
    training = lib.GradientDescent(8, 0.05)
    alone = lib.solve(SWEEP["networks"][1], SWEEP["data"], training)
    np.testing.assert_allclose(theory.results[1].test_loss[1], alone.test_loss, rtol=1e-10)
    alone = lib.simulate(
        SWEEP["networks"][2], SWEEP["data"], training, dim=40, seeds=[5], dtype="float32"
    )
    np.testing.assert_array_equal(runs.results[2].test_loss[1, 1], alone.test_loss[0])
    assert runs.results[0].seeds == (3, 5) and runs.results[0].status.shape == (3, 2)


def test_a_cluster_gives_identical_numbers(tmp_path):
    theory = lib.rate_curves(**SWEEP)
    runs = lib.measured_rate_curves(**SWEEP, dim=40, seeds=2)
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=tmp_path
        ) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        far_theory = lib.rate_curves(**SWEEP)
        far_runs = lib.measured_rate_curves(**SWEEP, dim=40, seeds=2)
    for loss in ("test_loss", "train_loss"):
        np.testing.assert_array_equal(theory.final(loss), far_theory.final(loss))
        np.testing.assert_array_equal(runs.final(loss), far_runs.final(loss))


def test_sweeps_keep_every_seed_and_train_on_given_samples():
    rng = np.random.default_rng(0)
    dataset = lib.Dataset(rng.normal(size=(40, 6)), rng.normal(size=(40, 2)))
    networks, rates = [lib.Network(1, 5, outputs=2), lib.Network(1, 8, outputs=2)], [0.01, 0.02]
    training, call = lib.GradientDescent(4, 0.1), {"dataset": dataset, "seeds": [3, 1]}
    data = dataset.data(samples=25)
    curves = lib.measured_rate_curves(networks, data, training, rates, dtype="float64", **call)
    for network, found in zip(networks, curves.results, strict=True):
        trainings = [lib.GradientDescent(4, rate) for rate in rates]
        expected = lib.simulate(network, data, trainings, **call)
        for name in ("test_loss", "train_loss", "excess_by_output", "train_by_output"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert found.seeds == (3, 1) and found.status.shape == (2, 2)


def test_weight_decay_bounds_the_bracket():
    network, data = lib.Network(1, 1.0), lib.Data(samples=2.0, noise=0.5)
    for decay in (2.0, 0.01):
        training = lib.GradientDescent(4, 0.1, weight_decay=decay)
        best = lib.optimal_learning_rate(network, data, training, tolerance=0.05)
        rates = np.geomspace(1e-3, 0.49 / decay if decay > 1 else 3, 60)
        curves = lib.rate_curves([network], data, training, rates).final()[0]
        assert best.status is Search.CONVERGED and best.loss <= curves.min() * (1 + 1e-3)


@pytest.mark.parametrize("decay", [2.0, 500.0])
def test_weight_decay_bounds_the_bracket_of_a_function_too(decay):
    problem = lib.Network(1, 1.0), lib.Data(samples=2.0, noise=0.5)
    for search in (lib.optimal_learning_rate, lib.max_stable_learning_rate):
        by_function, by_training = (
            search(*problem, training, tolerance=1e-3)
            for training in (
                lambda rate: lib.GradientDescent(10, rate, weight_decay=decay),
                lib.GradientDescent(10, 1e-4, weight_decay=decay),
            )
        )
        assert by_function.value == pytest.approx(by_training.value, rel=2e-3)
        assert by_function.status is by_training.status
    with pytest.raises(ValueError, match="steps is 0"):
        lib.optimal_learning_rate(*problem, lambda rate: lib.GradientDescent(0, rate))


def test_tolerances_below_rounding_end():
    network, training = lib.Network(1, 1.0), lib.GradientDescent(3, 0.1)
    best = lib.optimal_learning_rate(
        network, lib.Data(), training, bracket=(0.01, 1.0), tolerance=1e-16
    )
    assert best.tolerance < 1e-11


def test_measured_rates_are_those_of_the_runs():
    rates = [0.05, 0.1, 0.2]
    trainings = [lib.GradientDescent(3, rate) for rate in rates]
    runs = lib.simulate(lib.Network(1, 1.0), lib.Data(), trainings, dim=20, seeds=4)
    with pytest.raises(ValueError, match="trained at the rates"):
        lib.measured_optimal_learning_rate([0.1, 0.2, 0.4], runs)


def test_an_even_number_of_seeds_ends_at_a_finite_loss():
    """Two seeds are stable at both lower rates, two at the lowest alone."""
    loss = np.ones((3, 4, 2))
    loss[1:, :2, 1] = np.inf
    loss[2, 2:, 1] = np.inf
    found = lib.measured_max_stable_learning_rate([0.1, 0.2, 0.4], SimpleNamespace(test_loss=loss))
    assert np.isfinite(found.loss) and found.status is Search.CONVERGED
    assert found.bracket == (0.1, 0.4) and found.value == pytest.approx(0.1 * 2**0.5)


def test_a_cache_is_a_directory():
    for cache in (True, 3):
        with pytest.raises(ValueError, match="path of a directory"):
            lib.rate_curves(**SWEEP, cache=cache)


def _noted(directory, number):
    """A piece of work that leaves a trace, and is interrupted at 2 the first time."""
    (directory / "done").open("a").write(f"{number} ")
    if number == 2 and not (directory / "again").exists():
        raise KeyboardInterrupt
    return number**2


def test_an_interrupted_sweep_resumes(tmp_path):
    pieces = [(tmp_path, number) for number in range(4)]
    with pytest.raises(KeyboardInterrupt):
        compute(_noted, pieces, tmp_path / "cache")
    (tmp_path / "again").touch()
    assert compute(_noted, pieces, tmp_path / "cache") == [0, 1, 4, 9]
    assert (tmp_path / "done").read_text().split() == ["0", "1", "2", "2", "3"]


def test_cached_sweeps_are_found_again_and_only_then(tmp_path, monkeypatch):
    first = lib.rate_curves(**SWEEP, cache=tmp_path)

    def refuse(*_, **__):
        raise AssertionError("solved again")

    with monkeypatch.context() as patch:
        patch.setattr(rate_sweeps, "solve", refuse)
        again = lib.rate_curves(**SWEEP, cache=tmp_path)
        np.testing.assert_array_equal(first.final(), again.final())
        with pytest.raises(AssertionError, match="solved again"):
            lib.rate_curves(**SWEEP | {"data": lib.Data(samples=1.6)}, cache=tmp_path)
        patch.setattr("lib.questions.jobs._fingerprint", lambda: "another source")
        with pytest.raises(AssertionError, match="solved again"):
            lib.rate_curves(**SWEEP, cache=tmp_path)


def test_unfinished_results_never_reach_the_cache(monkeypatch):
    half = SimpleNamespace(
        status=np.array([Status(Outcome.COMPLETE), Status(Outcome.INTERRUPTED, 3)])
    )
    monkeypatch.setattr(rate_sweeps, "solve", lambda *_, **__: half)
    with pytest.raises(KeyboardInterrupt):
        lib.rate_curves(**SWEEP)


def test_importing_and_searching_needs_numpy_and_scipy_alone():
    script = (
        "import sys, lib; "
        "lib.optimal_learning_rate(lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(2, 0.1)); "
        "print({'torch', 'joblib', 'dask', 'matplotlib'} & set(sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "set()"
