"""Every matrix with an initial scale and a rate of its own: values, closed forms, symmetries, limits."""

import math

import numpy as np
import pytest
from expectations import assert_checked_values
from scipy.integrate import quad

import lib

inf = math.inf
SCALES, RATES = (1.3, 0.7, 1.1), (1.0, 0.5, 2.0)
POWER_LAW = lib.Spectrum.power_law(12, 1.5, 0.5)


def excess(network, data, training, **options):
    solution = lib.solve(network, data, training, **options)
    assert np.max(solution.residual) < 1e-6
    return solution.excess_loss


def test_checked_values_of_two_layers():
    theory = lib.solve(
        lib.Network(2, 0.8, 1.2, init_scale=SCALES),
        lib.Data(),
        lib.GradientDescent(39, 0.03, layer_rates=RATES),
    )
    values = [1.8697925347, 0.9115415775, 0.5118028091, 0.3009341571, 0.1054691326]
    assert_checked_values(theory, values, values)


def test_checked_values_of_three_layers():
    theory = lib.solve(
        lib.Network(3, 1.5, init_scale=(0.8, 1.2, 1, 0.6)),
        lib.Data(samples=2, noise=0.3),
        lib.GradientDescent(39, 0.02, layer_rates=(2, 1, 0.3, 1.5)),
    )
    values = [1.2211840000, 0.8956283119, 0.5839198500, 0.3599318757, 0.1884805072]
    steps = [0, 3, 10, 20, 39]
    np.testing.assert_allclose(theory.excess_loss[steps], values, rtol=0, atol=1e-10)
    assert theory.train_loss[39] == pytest.approx(0.0906059602, abs=1e-10)


@pytest.mark.parametrize("widths", [0.5, (0.5, 2.0, 0.8)])
def test_loss_of_the_initial_network(widths):
    scales = np.array([0.5, 2.0, 1.2, 0.7])
    network = lib.Network(3, widths, 1.3, init_scale=scales)
    expected = 1 + np.prod(scales**2) / (1.3**2 * network.widths[-1])
    first = excess(network, lib.Data(), lib.GradientDescent(1, 0.1))[0]
    assert first == pytest.approx(expected, rel=1e-14)


GRIDS = {
    "every step": (lib.Data(samples=1.5), lib.EveryStep()),
    "nodes": (lib.Data(samples=1.5), lib.Nodes()),
    "nodes, no noise": (lib.Data(spectrum=POWER_LAW), lib.Nodes()),
    "compressed past": (lib.Data(batch=0.7, noise=0.2), lib.CompressedPast()),
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("branch_scale", [None, 0.8])
def test_ones_change_no_digit(name, branch_scale):
    data, grid = GRIDS[name]
    width = inf if data.spectrum.dimension_free else 0.8
    plain = lib.Network(2, width, branch_scale=branch_scale)
    ones = lib.Network(2, width, branch_scale=branch_scale, init_scale=(1, 1.0, 1))
    training = lib.GradientDescent(120, 0.02)
    at_ones = lib.GradientDescent(120, 0.02, layer_rates=np.ones(3))
    before, after = (
        excess(*problem, grid=grid) for problem in ((plain, data, training), (ones, data, at_ones))
    )
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("branch_scale", [None, 0.8])
def test_all_ways_of_solving_agree(name, branch_scale):
    data, grid = GRIDS[name]
    width = inf if data.spectrum.dimension_free else 0.8
    network = lib.Network(2, width, 1.2, branch_scale=branch_scale, init_scale=SCALES)
    training = lib.GradientDescent(300, 0.01, layer_rates=RATES)
    exact = excess(network, data, training, grid=lib.EveryStep())
    np.testing.assert_allclose(excess(network, data, training, grid=grid), exact, rtol=1e-6)


def test_flow_is_the_limit_of_small_steps():
    network, data = lib.Network(2, 0.8, init_scale=SCALES), lib.Data()
    flow = excess(network, data, lib.GradientFlow(2.0, layer_rates=RATES))[-1]
    errors = [
        excess(network, data, lib.GradientDescent(n, 2 / n, layer_rates=RATES))[-1] - flow
        for n in (200, 400)
    ]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("branch_scale", [None, 0.8])
def test_a_factor_of_all_rates_is_one_of_the_rate(branch_scale):
    network = lib.Network(2, 0.8, branch_scale=branch_scale, init_scale=SCALES)
    curves = [
        excess(network, lib.Data(batch=2.0), training)
        for training in (
            lib.GradientDescent(30, 0.02, layer_rates=3 * np.array(RATES)),
            lib.GradientDescent(30, 0.06, layer_rates=RATES),
        )
    ]
    np.testing.assert_allclose(*curves, rtol=1e-12)


OPTIMIZERS = [{}, {"momentum": 0.5}, {"weight_decay": 0.3}]


@pytest.mark.parametrize("options", OPTIMIZERS)
@pytest.mark.parametrize("data", [lib.Data(samples=2, noise=0.3), lib.Data(batch=2, noise=0.3)])
def test_scales_of_a_plain_network_are_rates_and_richness(data, options):
    """W^l = sigma_l V^l: a network with V of scale 1, richness gamma_0/prod sigma, and other rates."""
    scales, rates, product = np.array(SCALES), np.array(RATES), np.prod(SCALES)
    scaled = excess(
        lib.Network(2, 0.8, 1.2, init_scale=SCALES),
        data,
        lib.GradientDescent(30, 0.02, layer_rates=RATES, **options),
    )
    reduced = excess(
        lib.Network(2, 0.8, 1.2 / product),
        data,
        lib.GradientDescent(30, 0.02, layer_rates=rates * product**2 / scales**2, **options),
    )
    np.testing.assert_allclose(scaled, reduced, rtol=1e-11)


@pytest.mark.parametrize("depth", [3, inf])
def test_the_scale_of_branches_is_a_branch_scale(depth):
    count = 1 if depth == inf else depth - 1
    scaled = excess(
        lib.Network(depth, 0.8, branch_scale=0.6, init_scale=(1.3, *[1.5] * count, 0.8)),
        lib.Data(samples=2),
        lib.GradientDescent(12, 0.03, layer_rates=(1, *[2.0] * count, 0.5)),
    )
    product = 1.3 * 0.8
    outer = product**2 / np.array([1.3, 0.8]) ** 2 * [1, 0.5]
    reduced = excess(
        lib.Network(depth, 0.8, 1 / product, branch_scale=0.9),
        lib.Data(samples=2),
        lib.GradientDescent(
            12, 0.03, layer_rates=(outer[0], *[2.0 * product**2 / 1.5**2] * count, outer[1])
        ),
    )
    np.testing.assert_allclose(scaled, reduced, rtol=1e-4 if depth == inf else 1e-11)


def test_infinite_depth_is_the_limit_of_profiles():
    """Scales and rates that vary along the stream: errors of depth L fall as 1/L, and vanish beyond that."""

    def scale(layer_time):
        return 0.4 + 1.2 * layer_time

    def rate(layer_time):
        return 2 - 1.8 * layer_time

    def at_depth(depth, scales, rates):
        return excess(
            lib.Network(depth, 1.0, branch_scale=1.0, init_scale=(1.2, *scales, 0.9)),
            lib.Data(samples=2),
            lib.GradientDescent(12, 0.01, layer_rates=(0.5, *rates, 1.5)),
        )[-1]

    def at_finite(depth):
        layer_times = np.arange(1, depth) / depth
        return at_depth(depth, scale(layer_times), rate(layer_times))

    limit, losses = at_depth(inf, [scale], [rate]), [at_finite(depth) for depth in (16, 32)]
    assert (losses[0] - limit) / (losses[1] - limit) == pytest.approx(2, rel=0.05)
    extrapolated = 2 * losses[1] - losses[0]
    uniform = at_depth(inf, [1.0], [1.1])
    assert abs(extrapolated - limit) < 0.1 * abs(uniform - limit)


def test_only_the_first_matrix_trained():
    r"""A fixed readout: $v(t+1) = (1 - \eta r_0 \sigma_1^2) v(t)$."""
    network = lib.Network(1, 0.7, init_scale=(1.4, 0.8))
    curve = excess(network, lib.Data(), lib.GradientDescent(25, 0.1, layer_rates=(1.5, 0)))
    shrink = 1 - 0.1 * 1.5 * 0.8**2
    np.testing.assert_allclose(curve, curve[0] * shrink ** (2 * np.arange(26)), rtol=1e-12)


def test_only_the_readout_trained():
    """Random features: the law of Marchenko and Pastur, moment by moment."""
    width, richness, scales = 2.0, 1.3, (1.4, 0.8)
    network = lib.Network(1, width, richness, init_scale=scales)
    curve = excess(network, lib.Data(), lib.GradientDescent(10, 0.1, layer_rates=(0, 1.5)))
    low, high = ((1 + side / math.sqrt(width)) ** 2 for side in (-1, 1))

    def density(a):
        return math.sqrt((high - a) * (a - low)) * width / (2 * math.pi * a)

    def loss(a, t):
        kept = (1 - 0.1 * 1.5 * scales[0] ** 2 * a) ** (2 * t)
        variance = (scales[0] * scales[1] / richness) ** 2 * a / width
        return kept * (1 + variance)

    for t in (0, 1, 4, 10):
        expected, _ = quad(lambda a, t=t: loss(a, t) * density(a), low, high, limit=200)
        assert curve[t] == pytest.approx(expected, rel=1e-7)


def test_a_sweep_over_scales_and_rates_is_one_batch():
    networks = [lib.Network(2, 0.8, init_scale=s) for s in (1.0, SCALES, (0.5, 1, 2))]
    trainings = [lib.GradientDescent(20, 0.02, layer_rates=r) for r in (None, RATES, (1, 0, 2))]
    data = lib.Data(samples=2)
    together = excess(networks, data, trainings)
    for row, *problem in zip(together, networks, trainings, strict=True):
        np.testing.assert_allclose(row, excess(problem[0], data, problem[1]), rtol=1e-12)


def test_rate_searches_keep_the_factors():
    problem = lib.Network(1, inf, centered=True), lib.Data()
    best = [
        lib.optimal_learning_rate(*problem, lib.GradientDescent(10, 1.0, layer_rates=rates))
        for rates in (None, (2, 2))
    ]
    assert best[0].value == pytest.approx(2 * best[1].value, rel=0.02)


def test_ensembles_have_the_scales_too():
    """Members that share everything are one network, whatever its scales and rates."""
    solution = lib.solve(
        lib.Network(2, (0.7, 1.2), init_scale=SCALES),
        lib.Data(samples=2, noise=0.3),
        lib.GradientDescent(15, 0.03, layer_rates=RATES),
    )
    same = lib.ensembles.overlap(solution, lib.ensembles.Shared.EVERYTHING)
    np.testing.assert_allclose(same, solution.excess_loss, rtol=1e-10)


@pytest.mark.parametrize("branch_scale", [None, 0.8])
def test_sweeps_without_matrices_take_the_mean_alone(branch_scale):
    """Infinite width, population gradients: the losses without matrices are those with them."""
    network = lib.Network(2, inf, branch_scale=branch_scale, outputs=2, init_scale=SCALES)
    data = lib.Data(spectrum=POWER_LAW, noise=0.1)
    training = lib.GradientDescent(30, 0.1, momentum=0.5)
    mean, whole = (lib.solve(network, data, training, keep_matrices=keep) for keep in (False, True))
    for name in ("test_loss", "train_loss", "excess_by_output", "bias", "width_variance"):
        np.testing.assert_allclose(getattr(mean, name), getattr(whole, name), rtol=1e-12)
    assert mean.residual < 1e-12
