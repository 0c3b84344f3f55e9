"""Random problems without end: `make fuzz`. The failure that is printed is the smallest that was found.

Not collected by pytest unless it is named; FUZZ_EXAMPLES says how many problems each test draws, FUZZ_DEVICE
where networks are trained.
"""

import math
import os
from dataclasses import replace
from unittest import mock

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from references.networks import plain_training
from references.problems import true_error
from references.theory import Theory

import lib
from lib.theory import modes

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))
DEVICE = os.environ.get("FUZZ_DEVICE", "cpu")
ROUNDING = 1e-9
SHIFT = 1e-10
"""Relative change of the learning rates, a million times that of rounding, that shows how much a run amplifies."""

endless = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


USUAL = 100
"""Relative change of losses in units of that of the rates, up to which a run amplifies nothing."""


def logarithmic(low, high):
    return st.floats(math.log10(low), math.log10(high)).map(lambda x: float(f"{10**x:.3g}"))


@st.composite
def networks(draw, deepest=3, narrowest=0.2, widest=4.0, finite=False):
    depth = draw(st.integers(1, deepest))
    residual = draw(st.sampled_from([None, None, 0.0, 0.7, 1.5]))
    width = draw(logarithmic(narrowest, widest))
    if residual is None and draw(st.booleans()):
        width = tuple(draw(logarithmic(narrowest, widest)) for _ in range(depth))
    elif not finite and draw(st.sampled_from([False, False, True])):
        width = math.inf
    scales = st.tuples(*[logarithmic(0.3, 2)] * (depth + 1))
    return lib.Network(
        depth,
        width,
        draw(logarithmic(0.1, 8)),
        branch_scale=residual,
        outputs=draw(st.integers(1, 2)),
        centered=draw(st.booleans()),
        init_scale=draw(st.one_of(st.just(1.0), scales)),
    )


def listed(draw, modes, low=0.05, high=3):
    return np.array(draw(st.lists(logarithmic(low, high), min_size=modes, max_size=modes)))


@st.composite
def spectra(draw, free=False, outputs=1):
    """A few modes. `free`: trace class, in units of a dozen or so inputs; power laws are among them."""
    modes = draw(st.integers(1, 4))
    if free and draw(st.sampled_from([False, False, True])):
        exponents = draw(logarithmic(0.2, 3)), draw(logarithmic(0.2, 3))
        return lib.Spectrum.power_law(draw(st.integers(1, 12)), *exponents)
    power = listed(draw, modes)
    if outputs > 1 and draw(
        st.booleans()
    ):  # outputs whose targets are alike, each mode in its own way
        angles = np.array(draw(st.lists(st.floats(0, math.pi), min_size=modes, max_size=modes)))
        axes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        power = power[:, None, None] * np.einsum("kc,kd->kcd", axes, axes)
    if free:
        counts = draw(st.lists(st.integers(1, 4), min_size=modes, max_size=modes))
        return lib.Spectrum.trace_class(listed(draw, modes) / sum(counts), power, counts)
    mass = listed(draw, modes)
    return lib.Spectrum(listed(draw, modes), power, mass / mass.sum())


@st.composite
def many_modes(draw):
    """More of them than are kept one by one: a power law of up to 10^5, or any, dimension-free or not."""
    kind = draw(st.sampled_from(["power law", "power law", "dense", "counts"]))
    if kind == "power law":
        modes = round(draw(logarithmic(70, 1e5)))
        return lib.Spectrum.power_law(modes, draw(logarithmic(0.3, 3)), draw(logarithmic(0.2, 3)))
    modes, rng = draw(st.integers(65, 150)), np.random.default_rng(draw(st.integers(0, 2**31)))
    spread = draw(logarithmic(1.1, 1e4))
    eigenvalues = spread ** -rng.uniform(size=modes)
    power = rng.exponential(size=modes) * draw(st.sampled_from([eigenvalues**0, 1 / eigenvalues]))
    power *= rng.uniform(size=modes) < draw(st.sampled_from([1.0, 0.1]))
    if kind == "counts":
        counts = rng.integers(1, 4, modes)
        return lib.Spectrum.trace_class(eigenvalues / (counts @ eigenvalues), power / modes, counts)
    return lib.Spectrum(eigenvalues, power, np.full(modes, 1 / modes))


@st.composite
def data(
    draw,
    free=False,
    outputs=1,
    kinds=("population", "samples", "batch"),
    spectrum=None,
    largest=8.0,
):
    """`free`: trace class, in units of a dozen or so inputs."""
    spectrum = draw(spectra(free, outputs)) if spectrum is None else spectrum
    size = draw(st.sampled_from(kinds))
    given = (
        {}
        if size == "population"
        else {size: draw(logarithmic(2, 80) if free else logarithmic(0.2, 8))}
    )
    noise = draw(st.sampled_from([0.0, 0.1, 1.0]))
    return lib.Data(**given, noise=noise, spectrum=spectrum)


@st.composite
def trainings(draw, steps, rates=(1e-3, 0.3), matrices=None):
    """`matrices`: so many, with a factor of the rate for each."""
    steps = draw(st.integers(*steps))
    rate = draw(logarithmic(*rates))
    shape = draw(st.sampled_from(["constant", "jump", "spike", "cosine"]))
    if shape != "constant":
        at = draw(st.integers(0, steps - 1))
        t = np.arange(steps)
        rate = (
            rate
            * {
                "jump": np.where(t < at, 1.0, draw(st.sampled_from([0.0, 0.1, 2.0]))),
                "spike": np.where(t == at, 3.0, 1.0),
                "cosine": np.cos(np.pi * t / (2 * steps)) ** 2,
            }[shape]
        )
    momentum = draw(st.sampled_from([0.0, 0.0, 0.5, 0.9]))
    return lib.GradientDescent(
        steps,
        rate,
        momentum=momentum,
        nesterov=momentum > 0 and draw(st.booleans()),
        weight_decay=draw(st.sampled_from([0.0, 0.0, 0.1, 1.0])),
        layer_rates=None
        if matrices is None
        else draw(st.tuples(*[logarithmic(0.3, 3)] * matrices)),
    )


@st.composite
def problems(draw, steps, rates=(1e-3, 0.3), deepest=3, finite=False):
    """(network, data, training), some with trace-class spectra, some with layerwise rates."""
    free = draw(st.sampled_from([False, False, True]))
    network = draw(networks(deepest, *((2.0, 20.0) if free else (0.2, 4.0)), finite))
    matrices = draw(st.sampled_from([None, network.depth + 1]))
    given = draw(data(free, network.outputs))
    return network, given, draw(trainings(steps, rates, matrices))


@endless
@given(problems((1, 9), finite=True))
def test_theory_equals_its_reference(problem):
    network, data, training = problem
    solution = lib.solve(network, data, training)
    assert solution.status.name in ("COMPLETE", "DIVERGED", "INACCURATE")
    if solution.status.name == "COMPLETE" and solution.excess_loss.max() < 1e6:
        excess, train = Theory(network, data, training).run()
        np.testing.assert_allclose(solution.excess_loss, excess, rtol=1e-7)
        np.testing.assert_allclose(solution.train_loss, train, rtol=1e-7, atol=1e-14)


@endless
@given(problems((1, 40), finite=True), st.integers(0, 2**31), st.integers(0, 2**31))
def test_networks_equal_their_reference(problem, of_weights, of_data):
    network, data, training = problem
    dim = None if data.spectrum.dimension_free else 12
    try:
        seeds = [(of_weights, of_data)]
        runs = lib.simulate(network, data, training, dim=dim, seeds=seeds, device=DEVICE)
    except ValueError as error:
        assert "dim" in str(error)
        return
    if runs.status[0].name == "COMPLETE" and runs.test_loss.max() < 1e6:
        # Beyond the edge of stability runs are chaotic: rounding grows as a change of the rates does.
        other = replace(
            training, learning_rate=np.multiply(training.learning_rate, 1 + SHIFT).tolist()
        )
        references, nearby = (
            plain_training(network, data, these, dim, (of_weights, of_data))
            for these in (training, other)
        )
        pairs = zip((runs.excess_loss[0], runs.train_loss[0]), references, nearby, strict=True)
        for found, reference, shifted in pairs:
            reference, shifted = reference.sum(0), shifted.sum(0)
            allowed = 1e-12 + 1e-6 * reference + 1e-3 * np.abs(shifted - reference)
            np.testing.assert_array_less(np.abs(found - reference), allowed)


@endless
@given(
    problems((20, 400), (1e-3, 0.1), deepest=2),
    st.sampled_from([1e-8, 1e-5]),
    st.sampled_from([1024, 1024, 64]),
)
def test_fewer_rows_are_as_good_as_they_say(problem, tolerance, most):
    network, data, training = problem
    exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
    if exact.status.name != "COMPLETE":
        return
    grids = [None, lib.CompressedPast(tolerance, most)]
    grids += [] if data.batch is not None else [lib.Nodes(tolerance, most)]
    for grid in grids:
        found = lib.solve(network, data, training, grid=grid)
        ended = ("COMPLETE", "STATIONARY", "UNRESOLVED", "UNSTABLE", "INACCURATE", "ROUNDING")
        assert found.status.name in ended, (grid, found.status)
        if found.status.name in ("COMPLETE", "STATIONARY"):
            found = found.at(exact.times)
            off = true_error(found, exact)
            assert off <= found.error + ROUNDING, (grid, off, found.error)
            assert (found.excess_loss >= 0).all() and (found.train_loss >= 0).all()


@endless
@given(
    networks(deepest=3),
    st.data(),
    trainings((96, 400), (0.02, 0.3)),
    st.sampled_from([1e-7, 1e-5, 1e-4]),
)
def test_a_compressed_past_is_honest_long_after_training_has_converged(
    network, draw, training, tolerance
):
    """Constant rows are kept as one moment, and what other products make of them must survive.

    Beyond the edge of stability all errors grow, those of rounding too; how much, a change of the rates shows.
    """
    given = draw.draw(data(outputs=network.outputs, kinds=("samples", "batch"), largest=30.0))
    exact = lib.solve(network, given, training, grid=lib.EveryStep(), keep_matrices=False)
    if exact.status.name != "COMPLETE":
        return
    found = lib.solve(network, given, training, grid=lib.CompressedPast(tolerance))
    if found.status.name in ("COMPLETE", "STATIONARY"):
        off = true_error(found.at(exact.times), exact)
        rates = np.multiply(training.learning_rate, 1 + SHIFT).tolist()
        shifted = lib.solve(
            network,
            given,
            replace(training, learning_rate=rates),
            grid=lib.EveryStep(),
            keep_matrices=False,
        )
        amplified = max(1.0, true_error(shifted, exact) / (USUAL * SHIFT))
        assert off <= (found.error + 10 * ROUNDING) * amplified, (off, found.error, amplified)


@endless
@given(problems((1, 30)), st.lists(logarithmic(0.1, 8), min_size=2, max_size=3))
def test_a_sweep_is_its_members(problem, richness):
    network, data, training = problem
    sweep = [replace(network, richness=gamma) for gamma in richness]
    together = lib.solve(sweep, data, training, keep_matrices=False)
    for k, member in enumerate(sweep):
        alone = lib.solve(member, data, training, keep_matrices=False)
        assert alone.status.name == together.status[k].name
        if alone.status.name == "COMPLETE" and alone.excess_loss.max() < 1e6:
            np.testing.assert_allclose(together.excess_loss[k], alone.excess_loss, rtol=1e-8)
            np.testing.assert_allclose(
                together.train_loss[k], alone.train_loss, rtol=1e-8, atol=1e-14
            )


@endless
@given(problems((1, 30), finite=True), st.integers(0, 2**31))
def test_single_precision_keeps_its_digits(problem, seed):
    network, data, training = problem
    dim = None if data.spectrum.dimension_free else 12
    try:
        double, single = (
            lib.simulate(network, data, training, dim=dim, seeds=[seed], dtype=dtype, device=DEVICE)
            for dtype in ("float64", "float32")
        )
    except ValueError as error:
        assert "dim" in str(error)
        return
    if double.status[0].name == "COMPLETE" and double.test_loss.max() < 1e3 * (
        1 + double.test_loss[0, 0]
    ):
        size = double.test_loss.max()
        np.testing.assert_allclose(single.test_loss / size, double.test_loss / size, atol=1e-3)


@endless
@given(many_modes(), networks(deepest=1), trainings((2, 30), (1e-3, 0.2)), st.data())
def test_many_modes_are_as_good_as_they_say(spectrum, network, training, draw):
    """Nodes in place of modes against those of a much finer rule; a power law against its modes, listed."""
    given = draw.draw(data(spectrum.dimension_free, spectrum=spectrum))
    found = lib.solve(network, given, training)
    power = spectrum.target_power
    if spectrum.dimension_free:
        same = lib.Spectrum.trace_class(spectrum.eigenvalues, power, spectrum.mass)
    else:
        same = lib.Spectrum(spectrum.eigenvalues, power, spectrum.mass)
    with mock.patch.object(modes, "AIM", 1e-6):
        better = lib.solve(network, replace(given, spectrum=same), training)
    assert found.status.name == better.status.name, (found.status, better.status)
    if found.status.name == "COMPLETE" and found.excess_loss.max() < 1e6:
        assert true_error(found, better) <= found.error + better.error + ROUNDING


@endless
@given(
    logarithmic(0.2, 4),
    st.integers(1, 2),
    st.booleans(),
    logarithmic(0.2, 4),
    logarithmic(0.3, 1.5),
    data(),
    trainings((20, 50), (1e-3, 0.02)),
)
def test_infinite_depth_on_fewer_rows_is_as_good_as_it_says(
    width, outputs, centered, richness, branch, data, training
):
    network = lib.Network(
        math.inf, width, richness, branch_scale=branch, outputs=outputs, centered=centered
    )
    exact = lib.solve(
        network, data, training, grid=lib.EveryStep(), keep_matrices=False, depth_tolerance=1e-7
    )
    if exact.status.name != "COMPLETE":
        return
    for grid in (lib.CompressedPast(1e-6), lib.Nodes(1e-6)):
        if data.batch is not None and isinstance(grid, lib.Nodes):
            continue
        found = lib.solve(network, data, training, grid=grid)
        if found.status.name in ("COMPLETE", "STATIONARY"):
            off = true_error(found.at(exact.times), exact)
            assert off <= found.error + exact.error + ROUNDING, (grid, off, found.error)


@endless
@given(
    networks(deepest=2),
    data(kinds=("population", "samples")),
    logarithmic(0.05, 2),
    st.sampled_from([1e-8, 1e-5]),
    st.lists(logarithmic(0.3, 3), min_size=3, max_size=3),
)
def test_gradient_flow_is_as_good_as_it_says(network, data, duration, tolerance, factors):
    rates = factors[: network.depth + 1] if factors[0] > 0.5 else None
    found, better = (
        lib.solve(network, data, lib.GradientFlow(duration, tol, layer_rates=rates))
        for tol in (tolerance, 1e-10)
    )
    if found.status.name == better.status.name == "COMPLETE":
        times = np.linspace(0, duration, 50)
        off = true_error(found.at(times), better.at(times))
        assert off <= found.error + better.error + ROUNDING


@endless
@given(networks(deepest=2), data(kinds=("population", "samples")), logarithmic(0.02, 0.5))
def test_gradient_flow_is_the_limit_of_small_rates(network, data, duration):
    """To second order, from three numbers of steps; not further off than to first order from two."""
    flow = lib.solve(network, data, lib.GradientFlow(duration, 1e-8))
    ends = []
    for steps in (50, 100, 200):
        training = lib.GradientDescent(steps, duration / steps)
        solved = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
        ends.append(solved.test_loss[-1])
    a, b, c = ends
    if flow.status.name == "COMPLETE" and np.isfinite(a) and abs(b - a) < 0.05 * b:
        limit = (a - 6 * b + 8 * c) / 3
        estimate = abs(limit - (2 * c - b)) + (a - b) ** 2 / b
        assert abs(flow.test_loss[-1] - limit) <= estimate + 1e-6 * (c + flow.test_loss[0])


@endless
@given(networks(deepest=1), data(), trainings((1, 5), (1e-3, 0.05)), logarithmic(0.2, 1.2))
def test_infinite_depth_is_the_limit_of_large_depth(network, data, training, branch):
    """E_L = E + a/L + b/L^2 + ..: 2 E_2L - E_L is off by a third of what it moves at the last doubling.

    Where strong branches make the series slow (what moves has not become much smaller), only as far away
    as the last doubling moved, times three.
    """
    width = np.ravel(network.width)[0]
    ends = []
    for depth in (20, 40, 80, math.inf):
        deep = replace(network, depth=depth, width=width, branch_scale=branch, init_scale=1.0)
        solved = lib.solve(deep, data, training)
        if solved.status.name != "COMPLETE":
            return
        ends.append(solved.test_loss)
    low, middle, high, limit = ends
    size, slack = limit + 1e-4 * limit[0], 1e-4
    first, second = (np.abs(x - y).max() for x, y in ((middle, low), (high, middle)))
    before, after = 2 * middle - low, 2 * high - middle
    moved = np.abs(after - before) / size
    if moved.max() < 0.2 * (np.abs(high - middle) / size).max() and 1.7 < first / second < 2.3:
        assert (np.abs(after - limit) / size <= moved.max() + slack).all()
    assert (np.abs(high - limit) / size <= 3 * (np.abs(high - middle) / size).max() + 1e-3).all()


@endless
@given(
    st.sampled_from([0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9]),
    st.booleans(),
    st.integers(62, 400),
    st.lists(st.tuples(logarithmic(0.003, 1), logarithmic(0.03, 3)), min_size=2, max_size=2),
    st.tuples(st.integers(1, 2), logarithmic(1e-3, 2)),
    st.tuples(st.floats(0, 1), logarithmic(0.1, 1)),
    st.sampled_from([1e-4, 1e-6, 1e-8]),
)
def test_nodes_are_honest_up_to_the_edge(momentum, nesterov, steps, modes, shape, jump, tolerance):
    """Wide networks, whose steps are exact and quick, with curvatures up to where momentum is unstable."""
    shares, targets = np.transpose(modes)
    variances = 3.8 * (1 + momentum) * shares
    data = lib.Data(spectrum=lib.Spectrum(variances, 2 * targets / variances, [0.5, 0.5]))
    network = lib.Network(shape[0], math.inf, shape[1], centered=True)
    place, factor = jump
    rates = 0.25 / shape[0] * np.where(np.arange(steps) < place * steps, 1, factor)
    training = lib.GradientDescent(
        steps, rates, momentum=momentum, nesterov=nesterov and momentum > 0
    )
    exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
    found = lib.solve(network, data, training, grid=lib.Nodes(tolerance))
    if exact.status.name == "COMPLETE" and found.status.name in ("COMPLETE", "STATIONARY"):
        off = true_error(found.at(exact.times), exact)
        assert off <= found.error + ROUNDING, (off, found.error)


@endless
@given(st.integers(2, 40), st.integers(1, 6), st.integers(1, 2), st.integers(0, 2**31), networks())
def test_a_dataset_is_its_modes_and_all_its_samples(samples, dim, outputs, seed, network):
    """Networks of the population of a data set, drawn in its own basis, against those of its modes."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, dim))
    y = rng.standard_normal((samples, outputs) if outputs > 1 else samples)
    dataset, training = lib.Dataset(X, y), lib.GradientDescent(5, 0.01)
    widths = tuple(8.0 for _ in range(network.depth))
    network = replace(network, outputs=outputs, width=widths)
    given_data = dataset.data()
    found, modes = (
        lib.simulate(network, given_data, training, dataset=given, seeds=[(3, 4)], progress=False)
        for given in (dataset, None)
    )
    if outputs == 1 and found.status[0].name == "COMPLETE":
        np.testing.assert_allclose(found.test_loss, modes.test_loss, rtol=1e-7)
