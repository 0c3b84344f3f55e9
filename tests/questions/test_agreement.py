"""The statistical check of theory against networks: its false alarms, its power, and mutated theories."""

import math

import numpy as np
import pytest
from scipy import stats

import lib
from lib.equations import layers
from lib.questions.agreement import path_length, threshold


def curves(rng, runs, seeds, points, correlation):
    """Stationary Gaussian curves [runs, seeds, points], the correlation of neighbors given."""
    noise = rng.standard_normal((runs, seeds, points))
    for i in range(1, points):
        step = math.sqrt(1 - correlation**2) * noise[..., i]
        noise[..., i] = correlation * noise[..., i - 1] + step
    return noise


@pytest.mark.parametrize("correlation", [0.0, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("seeds", [6, 24])
def test_false_alarms_stay_below_the_level(correlation, seeds):
    """At a level of 5 %, where they can be counted; 4000 experiments, so 3 sigma is 1 %."""
    rng = np.random.default_rng(lib.seeds(1))
    alarms, runs = 0, 4000
    for rows in curves(rng, runs, seeds, 30, correlation):
        t = rows.mean(0) / (rows.std(0, ddof=1) / math.sqrt(seeds))
        alarms += np.abs(t).max() > threshold(seeds, 30, path_length(rows), level=0.05)
    assert alarms / runs < 0.06
    assert alarms / runs > 0.01, "the bound is far from tight"


def test_one_point_is_students_test():
    assert abs(threshold(8, 1, 0.0) - stats.t.isf(0.5e-5, 7)) < 1e-9
    assert abs(threshold(8, 50, 100.0) - stats.t.isf(0.5e-5 / 50, 7)) < 1e-9


def test_points_that_move_together_count_as_one():
    rng = np.random.default_rng(lib.seeds(1))
    rows = rng.standard_normal((10, 1)) * np.linspace(1, 3, 40)
    assert path_length(rows) < 1e-6
    assert abs(threshold(10, 40, path_length(rows)) - threshold(10, 1, 0.0)) < 1e-6


def test_the_length_of_a_path_on_the_sphere():
    angle = np.linspace(0, 2.0, 2001)
    rows = np.stack([np.cos(angle), np.sin(angle), 0 * angle]) * np.linspace(1, 5, 2001)
    assert abs(path_length(rows) - 2.0) < 1e-9


def test_the_stated_power_is_the_power():
    """Shift the truth by what the check says it catches, and count how often it does."""
    seeds, caught, runs, spread = 12, 0, 2000, 0.03
    rng = np.random.default_rng(lib.seeds(1))
    sample = 1 + spread * rng.standard_normal((seeds, 1))
    said = lib.agree([1.0], sample).catches * spread / sample.std(ddof=1)
    for _ in range(runs):
        caught += not lib.agree([1.0], 1 + said + spread * rng.standard_normal((seeds, 1)))
    assert 0.87 < caught / runs < 0.93


def test_the_allowance_is_taken_off_and_paid_for():
    rng = np.random.default_rng(lib.seeds(1))
    samples = 1.02 + 0.002 * rng.standard_normal((20, 5))
    plain, allowed = lib.agree(np.ones(5), samples), lib.agree(np.ones(5), samples, allowance=0.02)
    assert not plain and allowed
    assert abs(allowed.catches - plain.catches - 0.02) < 0.002


def test_an_allowance_for_each_point():
    rng = np.random.default_rng(lib.seeds(1))
    samples = [1.0, 1.05] + 0.002 * rng.standard_normal((20, 2))
    assert lib.agree(np.ones(2), samples, allowance=[0.0, 0.05])
    assert not lib.agree(np.ones(2), samples, allowance=[0.05, 0.0])
    with pytest.raises(ValueError, match="one for each point"):
        lib.agree(np.ones(2), samples, allowance=[0.1])


@pytest.mark.parametrize("spread", [0.1, 0.4])
def test_log_normal_losses(spread):
    """The mean of a log-normal is met, its median is not."""
    rng = np.random.default_rng(lib.seeds(1))
    samples = np.exp(spread * rng.standard_normal((4000, 1)))
    assert lib.agree([math.exp(spread**2 / 2)], samples, middle="log")
    assert not lib.agree([1.0], samples, middle="log") or spread < 0.2


NETWORK, TRAINING = lib.Network(2, 0.8), lib.GradientDescent(30, 0.05)

REGIMES = {
    "population": lib.Data(),
    "samples": lib.Data(samples=1.5, noise=0.4),
    "batch": lib.Data(batch=0.5, noise=0.4),
}


@pytest.fixture(scope="module")
def trained():
    seeds = {"batch": 480}  # small fresh batches scatter most
    return {
        name: lib.simulate(
            NETWORK, data, TRAINING, dim=200, seeds=seeds.get(name, 160), dtype="float32"
        )
        for name, data in REGIMES.items()
    }


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("loss", ["excess_loss", "train_loss"])
def test_the_right_theory_agrees(trained, regime, loss):
    theory = lib.solve(NETWORK, REGIMES[regime], TRAINING)
    check = lib.agree(theory, trained[regime], loss=loss, allowance=4 / 200)
    assert check, check
    assert check.catches < 0.1, check


def scaled_response(name, factor):
    source = getattr(layers.HiddenLayer, name).fget
    return property(lambda layer: factor * source(layer))


@pytest.mark.parametrize("regime", REGIMES)
def test_a_theory_without_a_response_disagrees(trained, regime, monkeypatch):
    monkeypatch.setattr(layers.HiddenLayer, "R_g", scaled_response("R_g", 0))
    wrong = lib.solve(NETWORK, REGIMES[regime], TRAINING)
    assert not lib.agree(wrong, trained[regime], allowance=2 / 200)


@pytest.mark.parametrize("regime", REGIMES)
def test_a_theory_whose_gradients_are_a_fifth_too_large_disagrees(trained, regime):
    wrong = lib.solve(NETWORK, REGIMES[regime], lib.GradientDescent(30, 0.06))
    assert not lib.agree(wrong, trained[regime], allowance=2 / 200)


@pytest.mark.parametrize("name, factor", [("R_g", 1.1), ("R_h", 0)])
def test_terms_that_are_small_elsewhere_show_with_population_gradients(
    trained, name, factor, monkeypatch
):
    monkeypatch.setattr(layers.HiddenLayer, name, scaled_response(name, factor))
    wrong = lib.solve(NETWORK, REGIMES["population"], TRAINING)
    assert not lib.agree(wrong, trained["population"], allowance=2 / 200)


def test_bad_input():
    good = np.ones((8, 3)) + np.arange(8)[:, None]
    with pytest.raises(ValueError, match="at least 4"):
        lib.agree(np.ones(3), good[:3])
    with pytest.raises(ValueError, match="one configuration of a sweep"):
        lib.agree(np.ones(2), good)
    with pytest.raises(ValueError, match="not finite"):
        lib.agree(np.ones(3), good * np.inf)
    with pytest.raises(ValueError, match="'mean' or 'log'"):
        lib.agree(np.ones(3), good, middle="mode")
    with pytest.raises(ValueError, match="not positive"):
        lib.agree(np.ones(3), -good, middle="log")


def test_an_offset_moves_counted_seeds_and_no_others(monkeypatch):
    monkeypatch.setenv("SEED_OFFSET", "7")
    problem = lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(2, 0.1)
    assert lib.simulate(*problem, dim=10, seeds=3).seeds == (7, 8, 9)
    assert lib.simulate(*problem, dim=10, seeds=[3]).seeds == (3,)
    assert lib.seeds(2, first=10) == (17, 18)
    monkeypatch.setenv("SEED_OFFSET", "many")
    with pytest.raises(ValueError, match="SEED_OFFSET is 'many'"):
        lib.seeds(2)


def test_points_that_do_not_scatter_say_nothing_about_power():
    rng = np.random.default_rng(lib.seeds(1))
    samples = 1 + 0.02 * rng.standard_normal((20, 3)) * [0, 1, 1]
    both, moving = lib.agree(np.ones(3), samples), lib.agree(np.ones(3), samples, points=[1, 2])
    assert both.catches == pytest.approx(moving.catches, rel=0.1) and both.catches > 0.01
    assert lib.agree([1.0], np.ones((5, 1)), allowance=0.1).catches == pytest.approx(0.1)


def test_finite_size_by_hand():
    narrow, small = lib.Network(2, (0.5, 4)), lib.Data(batch=0.25)
    start, fallen = 2 + (0.5 + 0.3) / 0.25, math.log(2) ** 2
    c = lib.agreement.finite_size([2.0, 1.0, 3.0], narrow, small)
    np.testing.assert_allclose(c, [start, start + (0.15 + 2.25 / 4) * fallen, start])
    pair = lib.Network(2, (0.5, 4), outputs=2, centered=True)
    c = lib.agreement.finite_size([2.0, 1.0], pair, lib.Data(samples=2))
    np.testing.assert_allclose(c, [2, 2 + 3 / 0.5 / 2 + (2.25 + 0.125) / 2 * fallen])
    wide = lib.Network(3, math.inf)
    np.testing.assert_allclose(lib.agreement.finite_size([1.0], wide), [2])
