"""One problem said in two ways has one answer, from the theory and from networks."""

import math

import numpy as np
import pytest

import lib

STEPS = 12
TRAINING = lib.GradientDescent(STEPS, 0.04, momentum=0.5)
TWO_MODES = lib.Spectrum([1.6, 0.4], [0.5, 2.0], [0.5, 0.5])
DATA = {
    "population": lib.Data(noise=0.3, spectrum=TWO_MODES),
    "samples": lib.Data(samples=1.5, noise=0.3, spectrum=TWO_MODES),
    "batch": lib.Data(batch=1.5, noise=0.3, spectrum=TWO_MODES),
}
PLAIN = lib.Network(2, 0.75, 1.5)
RESIDUAL = lib.Network(2, 0.75, 1.5, branch_scale=0.8)

SAME = {
    "width as a number or a tuple": (PLAIN, lib.Network(2, (0.75, 0.75), 1.5), TRAINING, TRAINING),
    "equal widths of a residual network": (
        RESIDUAL,
        lib.Network(2, (0.75, 0.75), 1.5, branch_scale=0.8),
        TRAINING,
        TRAINING,
    ),
    "a constant schedule as an array": (
        PLAIN,
        PLAIN,
        TRAINING,
        lib.GradientDescent(STEPS, np.full(STEPS, 0.04), momentum=0.5),
    ),
    "one factor of the rate for each layer": (
        PLAIN,
        PLAIN,
        TRAINING,
        lib.GradientDescent(STEPS, 0.04, momentum=0.5, layer_rates=(1.0, 1.0, 1.0)),
    ),
    "one scale for each matrix": (
        RESIDUAL,
        lib.Network(2, 0.75, 1.5, branch_scale=0.8, init_scale=(1.0, 1.0, 1.0)),
        TRAINING,
        TRAINING,
    ),
    "NTK parameterization and its richness": (
        lib.Network.ntk(2, 0.75),
        lib.Network(2, 0.75, 0.75**-0.5),
        TRAINING,
        TRAINING,
    ),
    "Nesterov's momentum of nothing": (
        PLAIN,
        PLAIN,
        lib.GradientDescent(STEPS, 0.04),
        lib.GradientDescent(STEPS, np.full(STEPS, 0.04), momentum=0.0, weight_decay=0.0),
    ),
    "twice the rate and half of every factor": (
        PLAIN,
        PLAIN,
        TRAINING,
        lib.GradientDescent(STEPS, 0.08, momentum=0.5, layer_rates=(0.5, 0.5, 0.5)),
    ),
}


def curves(network, data, training, **options):
    solution = lib.solve(network, data, training, **options)
    return np.array([solution.excess_loss, solution.train_loss])


def runs(network, data, training):
    found = lib.simulate(network, data, training, dim=16, seeds=[(3, 4)], progress=False)
    return np.array([found.excess_loss, found.train_loss])


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("pair", SAME.values(), ids=SAME)
def test_one_problem_has_one_answer(pair, data):
    one, other, training, its = pair
    np.testing.assert_allclose(curves(one, data, training), curves(other, data, its), rtol=1e-11)
    np.testing.assert_allclose(runs(one, data, training), runs(other, data, its), rtol=1e-11)


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("grid", [lib.EveryStep(), lib.CompressedPast(), lib.Nodes()], ids=str)
def test_together_is_one_by_one(grid, data):
    """Depth is shared in a sweep; all else may differ."""
    if isinstance(grid, lib.Nodes) and data.batch is not None:
        pytest.skip("refused: noise of fresh batches is not smooth")
    networks = [lib.Network(2, 0.75, gamma, centered=True) for gamma in (0.5, 2.0, 1.0)]
    training = lib.GradientDescent(70, 0.03)
    together = curves(networks, data, training, grid=grid)
    alone = [curves(network, data, training, grid=grid) for network in networks]
    # A compressed past asks of all members of a sweep what it may cut off.
    tolerance = 1e-7 if isinstance(grid, lib.CompressedPast) else 1e-11
    np.testing.assert_allclose(together, np.stack(alone, axis=1), rtol=tolerance)


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("network", [PLAIN, RESIDUAL], ids=["plain", "residual"])
def test_modes_of_equal_eigenvalue_are_one(network, kind):
    split = lib.Spectrum([1.6, 0.4, 0.4], [0.5, 1.0, 2.5], [0.5, 1 / 6, 1 / 3])
    given = DATA[kind]
    data = lib.Data(given.samples, given.batch, given.noise, spectrum=split)
    np.testing.assert_allclose(
        curves(network, data, TRAINING), curves(network, given, TRAINING), rtol=1e-11
    )


@pytest.mark.parametrize("kind", DATA)
def test_outputs_of_independent_targets_of_one_size_are_networks_of_their_own(kind):
    """Correlations of equal outputs stay a multiple of one, in which each learns as if alone."""
    one = lib.solve(PLAIN, DATA[kind], TRAINING)
    two = lib.solve(lib.Network(2, 0.75, 1.5, outputs=2), DATA[kind], TRAINING)
    for output in range(2):
        np.testing.assert_allclose(two.excess_by_output[output], one.excess_loss, rtol=1e-11)
        np.testing.assert_allclose(two.train_by_output[output], one.train_loss, rtol=1e-11)


@pytest.mark.parametrize("kind", DATA)
def test_branches_of_no_strength_are_one_layer(kind):
    silent = lib.Network(3, 0.75, 1.5, branch_scale=0.0)
    one = lib.Network(1, 0.75, 1.5)
    np.testing.assert_allclose(
        curves(silent, DATA[kind], TRAINING), curves(one, DATA[kind], TRAINING), rtol=1e-11
    )


@pytest.mark.parametrize("kind", DATA)
def test_infinite_depth_is_approached_by_large_depth(kind):
    """By first order in 1/L: extrapolated from three depths it is met far more closely."""

    def solved(depth):
        network = lib.Network(depth, 0.75, 1.5, branch_scale=0.8)
        return curves(network, DATA[kind], lib.GradientDescent(6, 0.04))[0, -1]

    limit, shallow, deep, deeper = map(solved, (math.inf, 16, 32, 64))
    assert deeper == pytest.approx(limit, rel=0.02)
    assert (8 * deeper - 6 * deep + shallow) / 3 == pytest.approx(limit, rel=1e-4)


@pytest.mark.parametrize("size", ["samples", "batch"])
def test_much_data_is_the_population(size):
    """First order in one over their number, and so for label noise too."""
    exact = curves(PLAIN, DATA["population"], TRAINING)[0, -1]
    near, nearer = (
        abs(
            curves(PLAIN, lib.Data(**{size: many}, noise=0.3, spectrum=TWO_MODES), TRAINING)[0, -1]
            - exact
        )
        for many in (1e4, 1e5)
    )
    assert nearer < 1e-3 * exact and near / nearer == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize("kind", ["population", "samples"])
@pytest.mark.parametrize("network", [PLAIN, RESIDUAL], ids=["plain", "residual"])
def test_gradient_flow_is_the_limit_of_small_rates(network, kind):
    flow = lib.solve(network, DATA[kind], lib.GradientFlow(0.6, 1e-8)).excess_loss[-1]
    near, nearer = (
        abs(curves(network, DATA[kind], lib.GradientDescent(n, 0.6 / n))[0, -1] - flow)
        for n in (60, 120)
    )
    assert near / nearer == pytest.approx(2, abs=0.15)


def test_a_dataset_of_all_its_samples_is_the_population_of_its_modes():
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((40, 6)) * [2, 1.5, 1, 0.8, 0.5, 0.3], rng.standard_normal(6)
    dataset = lib.Dataset(X, X @ w)
    data, training = dataset.data(), lib.GradientDescent(STEPS, 0.01)
    network = lib.Network(1, 8)
    found, plain = (
        lib.simulate(network, data, training, dataset=given, seeds=[(3, 4)], progress=False)
        for given in (dataset, None)
    )
    np.testing.assert_allclose(found.excess_loss, plain.excess_loss, rtol=1e-9)


def test_single_precision_is_double_precision_to_its_digits():
    double, single = (
        lib.simulate(PLAIN, DATA["samples"], TRAINING, dim=16, seeds=2, dtype=dtype, progress=False)
        for dtype in ("float64", "float32")
    )
    np.testing.assert_allclose(single.test_loss, double.test_loss, rtol=1e-4)
