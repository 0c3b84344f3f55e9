"""Every wrong field is refused at construction, with what is wrong and what to do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lib
from lib import Data, EveryStep, GradientDescent, GradientFlow, Network, Nodes, Spectrum

inf, nan = math.inf, math.nan

CASES = [
    # depth
    (lambda: Network(0, 1.0), "depth is 0"),
    (lambda: Network(-2, 1.0), "depth"),
    (lambda: Network(2.0, 1.0), "depth.*integer"),
    (lambda: Network(True, 1.0), "depth.*integer"),
    (lambda: Network("2", 1.0), "depth.*integer"),
    (lambda: Network(inf, 1.0), "without residual branches"),
    (lambda: Network(nan, 1.0), "depth"),
    (lambda: Network(-inf, 1.0, branch_scale=1.0), "depth"),
    (lambda: Network(None, 1.0), "depth.*integer"),
    (lambda: Network(0, 1.0, branch_scale=1.0), "depth is 0"),
    # width
    (lambda: Network(2, 0.0), "width.*> 0"),
    (lambda: Network(2, -1.0), "width.*> 0"),
    (lambda: Network(2, nan), "width.*NaN"),
    (lambda: Network(2, True), "width.*real number"),
    (lambda: Network(2, "1"), "width"),
    (lambda: Network(2, 10**400), "width is too large"),
    (lambda: Network(2, 1e200), "width is 1e.200"),
    (lambda: Network(2, None), "width"),
    (lambda: Network(2, -inf), "width.*finite"),
    (lambda: Network(2, 1 + 1j), "width"),
    (lambda: Network(2, b"11"), "width"),
    (lambda: Network(2, {1.0: 1.0}), "width.*list"),
    (lambda: Network(2, []), "width.*empty"),
    (lambda: Network(2, (1.0,)), "lists 1 layers but depth is 2"),
    (lambda: Network(2, (1.0, 1.0, 1.0)), "lists 3 layers"),
    (lambda: Network(2, (1.0, 0.0)), r"width\[1\]"),
    (lambda: Network(2, (1.0, "a")), r"width\[1\]"),
    (lambda: Network(2, np.ones((2, 2))), "2 axes"),
    (lambda: Network(2, (1.0, inf)), "last hidden width is inf"),
    (lambda: Network(2, (1.0, 2.0), branch_scale=1.0), "residual network"),
    (lambda: Network(2, (inf, 1.0), branch_scale=1.0), "residual network"),
    # richness, branches, outputs, centring
    (lambda: Network(2, 1.0, 0.0), "richness.*> 0"),
    (lambda: Network(2, 1.0, -1.0), "richness"),
    (lambda: Network(2, 1.0, inf), "richness.*finite"),
    (lambda: Network(2, 1.0, nan), "richness.*NaN"),
    (lambda: Network(2, 1.0, "rich"), "richness"),
    (lambda: Network(2, 1.0, True), "richness.*real number"),
    (lambda: Network(2, 1.0, None), "richness.*real number"),
    (lambda: Network(2, 1.0, branch_scale="1"), "branch_scale.*real number"),
    (lambda: Network(2, 1.0, branch_scale=nan), "branch_scale.*NaN"),
    (lambda: Network(2, 1.0, branch_scale=inf), "branch_scale.*finite"),
    (lambda: Network(2, 1.0, branch_scale=-0.1), "branch_scale"),
    (lambda: Network(2, 1.0, branch_scale=True), "branch_scale"),
    (lambda: Network.fixed_branch(inf, 1.0, 1.0), "depth"),
    (lambda: Network.fixed_branch(2, 1.0, -1.0), "branch is -1"),
    (lambda: Network.fixed_branch(2, 1.0, 1.0, branch_scale=1.0), "branch_scale is branch"),
    (lambda: Network(2, 1.0, outputs=0), "outputs"),
    (lambda: Network(2, 1.0, outputs=1.5), "outputs"),
    (lambda: Network(2, 1.0, outputs=True), "outputs.*integer"),
    (lambda: Network(2, 1.0, outputs="2"), "outputs.*integer"),
    (lambda: Network(2, 1.0, outputs=inf), "outputs.*integer"),
    (lambda: Network(2, 1.0, centered=1), "centered"),
    (lambda: Network(2, 1.0, centered="yes"), "centered"),
    (lambda: Network.ntk(2, inf), "richness 0"),
    (lambda: Network.ntk(2, 1.0, richness=1.0), "fixed by the width"),
    (lambda: Network.ntk(2, -1.0), "width.*> 0"),
    (lambda: Network.ntk(0, 1.0), "depth is 0"),
    # initial scales
    (lambda: Network(2, 1.0, init_scale=0), "init_scale.*> 0"),
    (lambda: Network(2, 1.0, init_scale=-1), "init_scale"),
    (lambda: Network(2, 1.0, init_scale=nan), "init_scale.*NaN"),
    (lambda: Network(2, 1.0, init_scale="1"), "init_scale.*real number"),
    (lambda: Network(2, 1.0, init_scale=[]), "init_scale is empty"),
    (lambda: Network(2, 1.0, init_scale=(1, 1)), "init_scale has length 2.*has 3, one per matrix"),
    (lambda: Network(2, 1.0, init_scale=(1, 0, 1)), r"init_scale\[1\].*> 0"),
    (lambda: Network(2, 1.0, init_scale=(1, lambda tau: 1.0, 1)), r"init_scale\[1\] is a function"),
    (lambda: Network(inf, 1.0, branch_scale=1.0, init_scale=(1, 1)), "length 2.*has three"),
    (
        lambda: Network(inf, 1.0, branch_scale=1.0, init_scale=(1, lambda tau: -tau, 1)),
        "layer time 0.0 is",
    ),
    (lambda: Network(inf, 1.0, branch_scale=1.0, init_scale=(abs, 1, 1)), "layer time 0.0"),
    # data
    (lambda: Data(samples=1.0, batch=1.0), "both samples and batch"),
    (lambda: Data(samples=0), "samples.*> 0"),
    (lambda: Data(samples=-1), "samples"),
    (lambda: Data(samples=inf), "samples.*finite"),
    (lambda: Data(samples=True), "samples"),
    (lambda: Data(samples="2"), "samples.*real number"),
    (lambda: Data(samples=nan), "samples.*NaN"),
    (lambda: Data(samples=[1.0]), "samples.*real number"),
    (lambda: Data(batch=True), "batch.*real number"),
    (lambda: Data(batch=-1.0), "batch.*> 0"),
    (lambda: Data(batch=inf), "batch.*finite"),
    (lambda: Data(batch=0.0), "batch.*> 0"),
    (lambda: Data(batch=nan), "batch"),
    (lambda: Data(batch="all"), "batch"),
    (lambda: Data(noise=-0.1), "noise"),
    (lambda: Data(noise=inf), "noise"),
    (lambda: Data(noise=None), "noise"),
    (lambda: Data(noise=nan), "noise.*NaN"),
    (lambda: Data(noise=True), "noise.*real number"),
    (lambda: Data(noise="0.1"), "noise.*real number"),
    (lambda: Data(noise=1e200), "noise is 1e.200"),
    (lambda: Data(spectrum=None), "lib.Spectrum"),
    (lambda: Data(spectrum=[1.0]), "lib.Spectrum"),
    # spectra
    (lambda: Spectrum([], [], []), "empty"),
    (lambda: Spectrum([1.0], [1.0, 1.0], [1.0]), "lengths differ"),
    (lambda: Spectrum([1.0, 1.0], [1.0, 1.0], [0.5, 0.4]), "sums to 0.9"),
    (lambda: Spectrum([1.0, 1.0], [1.0, 1.0], [1.5, -0.5]), r"mass\[1\]"),
    (lambda: Spectrum([0.0], [1.0], [1.0]), r"eigenvalues\[0\]"),
    (lambda: Spectrum([-1.0], [1.0], [1.0]), "eigenvalues"),
    (lambda: Spectrum([nan], [1.0], [1.0]), "eigenvalues"),
    (lambda: Spectrum([1.0], [-1.0], [1.0]), "target_power"),
    (lambda: Spectrum(1.0, [1.0], [1.0]), "eigenvalues"),
    (lambda: Spectrum("1", [1.0], [1.0]), "eigenvalues.*list"),
    (lambda: Spectrum(["1"], [1.0], [1.0]), r"eigenvalues\[0\].*real number"),
    (lambda: Spectrum([[1.0]], [1.0], [1.0]), "eigenvalues"),
    (lambda: Spectrum([inf], [1.0], [1.0]), "eigenvalues.*finite"),
    (lambda: Spectrum([1.0], [nan], [1.0]), "target_power.*NaN"),
    (lambda: Spectrum([1.0], [True], [1.0]), "target_power.*real number"),
    (lambda: Spectrum([1.0], [1.0], [0.0]), r"mass\[0\].*> 0"),
    (lambda: Spectrum([1.0], [1.0], [inf]), "mass.*finite"),
    (lambda: Spectrum([1.0, 1.0], [1.0, 1.0], [0.5, nan]), r"mass\[1\].*NaN"),
    (lambda: Spectrum([1.0], [1.0], [2.0]), "sums to 2"),
    (lambda: Spectrum.trace_class([], []), "empty"),
    (lambda: Spectrum.trace_class([1.0], [1.0], [-1]), "counts.*> 0"),
    (lambda: Spectrum.trace_class([1.0], [1.0], ["1"]), "counts.*real number"),
    (lambda: Spectrum.trace_class([1.0], [1.0], [inf]), "counts.*finite"),
    (lambda: Spectrum.power_law(True, 1.0, 1.0), "modes.*integer"),
    (lambda: Spectrum.power_law(10, nan, 1.0), "decay.*NaN"),
    (lambda: Spectrum.power_law(10, "1", 1.0), "decay.*real number"),
    (lambda: Spectrum.power_law(10, 1.0, inf), "source.*finite"),
    (lambda: Spectrum.from_data(np.ones((0, 2)), np.ones(0)), "shape"),
    (lambda: Spectrum.from_data([["a"]], [1.0]), "not an array of numbers"),
    (lambda: Spectrum.from_data(np.ones((2, 2)), [1.0, inf]), "infinite entries"),
    (lambda: Spectrum.trace_class([1.0], [1.0], [1.5]), "whole numbers"),
    (lambda: Spectrum.trace_class([1.0], [1.0], [0]), "counts"),
    (lambda: Spectrum.trace_class([1.0, 2.0], [1.0, 1.0], [1]), "lengths differ"),
    (lambda: Spectrum.power_law(0, 1.0, 1.0), "modes"),
    (lambda: Spectrum.power_law(10.0, 1.0, 1.0), "modes.*integer"),
    (lambda: Spectrum.power_law(10, 0.0, 1.0), "decay"),
    (lambda: Spectrum.power_law(10**5, 100.0, 1.0), "eigenvalues.*> 0"),
    (lambda: Spectrum.power_law(10**12, 1.0, 1.0).mass, "modes .* would take about"),
    (lambda: Spectrum([1.0], [[["a"]]], [1.0]), "target_power is not an array of numbers"),
    (lambda: Spectrum([1.0], [[[1j]]], [1.0]), "target_power is not an array of numbers"),
    (lambda: Spectrum([1.0, 2.0], [[[1.0]], [[1.0, 2.0]]], [0.5, 0.5]), "target_power is not an"),
    (lambda: Spectrum.power_law(10, 1.0, -1.0), "source"),
    (lambda: Spectrum.from_data(np.ones(3), np.ones(3)), "shape"),
    (lambda: Spectrum.from_data(np.ones((3, 2)), np.ones(2)), "shape"),
    (lambda: Spectrum.from_data(np.zeros((3, 2)), np.ones(3)), "X is zero"),
    (lambda: Spectrum.from_data(np.full((3, 2), nan), np.ones(3)), "NaN"),
    # training
    (lambda: GradientDescent(0, 0.1), "steps"),
    (lambda: GradientDescent(10.0, 0.1), "steps.*integer"),
    (lambda: GradientDescent(True, 0.1), "steps"),
    (lambda: GradientDescent("10", 0.1), "steps.*integer"),
    (lambda: GradientDescent(-1, 0.1), "steps is -1"),
    (lambda: GradientDescent(inf, 0.1), "steps.*integer"),
    (lambda: GradientDescent(10, -0.1), "learning_rate"),
    (lambda: GradientDescent(10, inf), "learning_rate"),
    (lambda: GradientDescent(10, "0.1"), "learning_rate"),
    (lambda: GradientDescent(10, None), "learning_rate"),
    (lambda: GradientDescent(10, nan), "learning_rate.*NaN"),
    (lambda: GradientDescent(10, True), "learning_rate.*real number"),
    (lambda: GradientDescent(10, []), "learning_rate.*empty"),
    (lambda: GradientDescent(2, np.ones((2, 1))), "learning_rate has 2 axes"),
    (lambda: GradientDescent(2, [[0.1], [0.1, 0.2]]), r"learning_rate\[0\]"),
    (lambda: GradientDescent(10**6, 0.1).memory(), "one by one would take about 8e.03 GB"),
    (lambda: GradientDescent(10, [0.1] * 9), "lists 9 rates for 10 steps"),
    (lambda: GradientDescent(2, [0.1, -0.1]), r"learning_rate\[1\]"),
    (lambda: GradientDescent(2, [0.1, True]), r"learning_rate\[1\]"),
    (lambda: GradientDescent(10, 0.1, momentum=1.0), "momentum.*smaller than 1"),
    (lambda: GradientDescent(10, 0.1, momentum=-0.1), "momentum"),
    (lambda: GradientDescent(10, 0.1, momentum=inf), "momentum.*finite"),
    (lambda: GradientDescent(10, 0.1, momentum=nan), "momentum.*NaN"),
    (lambda: GradientDescent(10, 0.1, momentum=True), "momentum.*real number"),
    (lambda: GradientDescent(10, 0.1, momentum="0.5"), "momentum.*real number"),
    (lambda: GradientDescent(10, 0.1, nesterov=True), "nesterov needs momentum"),
    (lambda: GradientDescent(10, 0.1, momentum=0.5, nesterov=1), "nesterov"),
    (lambda: GradientDescent(10, 0.1, weight_decay=-1.0), "weight_decay"),
    (lambda: GradientDescent(10, 0.1, weight_decay=10.0), "erases the weights"),
    (lambda: GradientDescent(3, [0.1, 0.1, 2.0], weight_decay=0.5), "erases the weights"),
    (lambda: GradientDescent(10, 0.1, weight_decay=nan), "weight_decay.*NaN"),
    (lambda: GradientDescent(10, 0.1, weight_decay=inf), "weight_decay.*finite"),
    (lambda: GradientDescent(10, 0.1, weight_decay=True), "weight_decay.*real number"),
    (lambda: GradientFlow(0.0), "duration.*> 0"),
    (lambda: GradientFlow(-1.0), "duration.*> 0"),
    (lambda: GradientFlow(inf), "duration.*finite"),
    (lambda: GradientFlow("1"), "duration.*real number"),
    (lambda: GradientFlow(True), "duration.*real number"),
    (lambda: GradientFlow(1.0, 0.0), "tolerance.*> 0"),
    (lambda: GradientFlow(1.0, 1.0), "tolerance.*smaller than 1"),
    # rates of the matrices
    (lambda: GradientDescent(10, 0.1, layer_rates=2.0), "layer_rates is 2.0"),
    (lambda: GradientDescent(10, 0.1, layer_rates=[]), "layer_rates is empty"),
    (lambda: GradientDescent(10, 0.1, layer_rates=(1, -1)), r"layer_rates\[1\].*>= 0"),
    (lambda: GradientDescent(10, 0.1, layer_rates=(1, nan)), r"layer_rates\[1\].*NaN"),
    (lambda: GradientFlow(1.0, layer_rates="12"), "layer_rates is '12'"),
    (lambda: GradientFlow(1.0, layer_rates=(1, inf)), r"layer_rates\[1\].*finite"),
    # where in time
    (lambda: Nodes(0.0), "tolerance.*> 0"),
    (lambda: Nodes(2.0), "tolerance.*smaller than 1"),
    (lambda: Nodes(most=10), "most is 10"),
    (lambda: Nodes(most=100.0), "most.*integer"),
]


@pytest.mark.parametrize("build, message", CASES, ids=[message for _, message in CASES])
def test_wrong_fields_are_refused_with_a_reason(build, message):
    with pytest.raises(ValueError, match=message) as caught:
        build()
    assert ":" in str(caught.value), "the message should also say what to do"


NETWORK, DATA, TRAINING = Network(1, 1.0), Data(), GradientDescent(3, 0.1)

CALLS = [
    ((None, DATA, TRAINING), "network"),
    (("network", DATA, TRAINING), "network"),
    (([], DATA, TRAINING), "network"),
    (([NETWORK, 1], DATA, TRAINING), "network contains 1"),
    ((NETWORK, [DATA], TRAINING), "data"),
    ((NETWORK, DATA, 0.1), "training"),
    (([NETWORK] * 2, DATA, [TRAINING] * 3), "2 networks but 3 trainings"),
    (([NETWORK, Network(2, 1.0)], DATA, TRAINING), "differ in depth"),
    (([NETWORK, Network(1, 2.0)], DATA, TRAINING), "differ in depth, width"),
    ((NETWORK, DATA, [TRAINING, GradientDescent(4, 0.1)]), "differ in steps"),
    ((NETWORK, DATA, GradientDescent(3, 0.1, layer_rates=(1, 1, 1))), "layer_rates has length 3"),
    ((NETWORK, DATA, GradientDescent(3, 0.1, layer_rates=(1, abs))), r"layer_rates\[1\] is a func"),
]


@pytest.mark.parametrize("arguments, message", CALLS, ids=[message for _, message in CALLS])
def test_problems_that_do_not_fit_together_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        lib.solve(*arguments)
    assert ":" in str(caught.value), "the message should also say what to do"


FLOW, BATCHES = GradientFlow(1.0), Data(batch=1.0)

OPTIONS = [
    ({"keep_matrices": 1}, "keep_matrices is 1"),
    ({"keep_matrices": "no"}, "keep_matrices is 'no'"),
    ({"progress": True}, "progress is True"),
    ({"depth_tolerance": 0}, "depth_tolerance.*> 0"),
    ({"depth_tolerance": "fine"}, "depth_tolerance.*real number"),
]


@pytest.mark.parametrize("option, message", OPTIONS, ids=[message for _, message in OPTIONS])
def test_wrong_options_are_refused(option, message):
    with pytest.raises(ValueError, match=message) as caught:
        lib.solve(NETWORK, DATA, TRAINING, **option)
    assert ":" in str(caught.value), "the message should also say what to do"


TOO_LARGE = [
    (
        NETWORK,
        BATCHES,
        GradientDescent(10**5, np.tile([0.1, 0.05], 50_000)),
        "100000 steps one by one",
    ),
    (Network(10**6, 1.0), DATA, GradientDescent(100, 0.1), "one by one"),
    (Network(10**6, 1.0), DATA, FLOW, "time nodes"),
    (Network(1, 1.0, outputs=10**5), DATA, TRAINING, "100000 outputs"),
    ([Network(4, 1.0)] * 10**5, DATA, GradientDescent(100, 0.1), "keep_matrices=False"),
]


@pytest.mark.parametrize("network, data, training, message", TOO_LARGE)
def test_what_does_not_fit_into_memory_is_refused(network, data, training, message):
    with pytest.raises(ValueError, match=message) as caught:
        lib.solve(network, data, training)
    assert "GB of memory, of which " in str(caught.value)


GRIDS = [
    ((NETWORK, DATA, TRAINING, "nodes"), "grid is 'nodes'"),
    ((NETWORK, DATA, FLOW, EveryStep()), "gradient flow has no steps"),
    ((NETWORK, BATCHES, FLOW, None), "gradient flow with fresh batches"),
    ((NETWORK, BATCHES, TRAINING, Nodes()), "not smooth in time"),
]


@pytest.mark.parametrize("arguments, message", GRIDS, ids=[message for _, message in GRIDS])
def test_grids_that_do_not_fit_the_problem_are_refused(arguments, message):
    *problem, grid = arguments
    with pytest.raises(ValueError, match=message) as caught:
        lib.solve(*problem, grid=grid)
    assert ":" in str(caught.value), "the message should also say what to do"


positive = st.floats(1e-3, 1e3)


not_positive = st.floats(max_value=0.0) | st.just(nan) | st.just(-inf)
not_numbers = st.booleans() | st.text() | st.none() | st.complex_numbers() | st.binary()


@given(depth=st.integers(1, 6), width=positive, richness=positive, data=st.data())
def test_valid_networks_are_accepted(depth, width, richness, data):
    widths = data.draw(st.lists(positive, min_size=depth, max_size=depth))
    assert Network(depth, width, richness).widths == (width,) * depth
    assert Network(depth, widths, richness).widths == tuple(widths)
    assert Network.ntk(depth, width).richness == pytest.approx(width**-0.5)
    below = data.draw(st.sampled_from(range(depth)))
    widths[below] = inf if below < depth - 1 else widths[below]
    assert Network(depth, widths).widths == tuple(widths)
    assert Network(depth, inf, richness).widths == (inf,) * depth


@given(scale=st.floats(0, 1e3), outputs=st.integers(1, 20), centered=st.booleans())
def test_valid_residual_networks_are_accepted(scale, outputs, centered):
    fields = {"branch_scale": scale, "outputs": outputs, "centered": centered}
    for depth in (1, 7, inf):
        network = Network(depth, 1.0, **fields)
        assert (network.branch_scale, network.outputs, network.centered) == (
            scale,
            outputs,
            centered,
        )


@given(size=positive, noise=st.floats(0, 1e3))
def test_valid_data_are_accepted(size, noise):
    assert Data(samples=size, noise=noise).samples == size
    assert Data(batch=size, noise=noise).batch == size
    assert Data(noise=noise).noise == noise


@given(values=st.lists(positive, min_size=1, max_size=8), source=positive)
def test_valid_spectra_are_accepted(values, source):
    mass = np.array(values) / np.sum(values)
    assert Spectrum(values, values, mass).mass.sum() == pytest.approx(1)
    counts = [1 + round(value) for value in values]
    assert Spectrum.trace_class(values, values, counts).modes == sum(counts)
    law = Spectrum.power_law(50, 1.5, min(source, 10))
    assert np.sum(law.eigenvalues * law.target_power) == pytest.approx(1)


@given(steps=st.integers(1, 50), momentum=st.floats(0, 0.99), data=st.data())
def test_valid_trainings_are_accepted(steps, momentum, data):
    rate = data.draw(st.floats(0, 1))
    schedule = data.draw(st.lists(st.floats(0, 1), min_size=steps, max_size=steps))
    fields = {"momentum": momentum, "nesterov": momentum > 0 and data.draw(st.booleans())}
    fields["weight_decay"] = data.draw(st.floats(0, 0.99))
    for rates in (rate, schedule, np.array(schedule)):
        memory = GradientDescent(steps, rates, **fields).memory()
        assert memory.K.shape == (steps + 1, steps + 1) and np.isfinite(memory.K).all()
        assert not np.triu(memory.K).any() and (memory.decay > 0).all()


FIELDS = {
    "width": lambda value: Network(2, value),
    "second width": lambda value: Network(2, (1.0, value)),
    "richness": lambda value: Network(2, 1.0, value),
    "samples": lambda value: Data(samples="" if value is None else value),  # None: not given
    "batch": lambda value: Data(batch="" if value is None else value),
    "eigenvalue": lambda value: Spectrum([value], [1.0], [1.0]),
    "mass": lambda value: Spectrum([1.0, 1.0], [1.0, 1.0], [value, 1.0]),
    "duration": lambda value: GradientFlow(value),
}


@pytest.mark.parametrize("field", FIELDS)
@given(value=not_positive | not_numbers)
def test_what_is_not_a_positive_number_is_refused(field, value):
    with pytest.raises(ValueError, match=":"):
        FIELDS[field](value)


def test_numpy_numbers_are_numbers():
    assert Network(np.int64(2), np.float32(0.5)).widths == (0.5, 0.5)
    assert Data(samples=np.float64(2)).samples == 2
    assert GradientDescent(np.int32(3), np.array(0.1)).rates.shape == (3,)


def test_problems_are_frozen():
    with pytest.raises(AttributeError):
        NETWORK.depth = 3
    with pytest.raises(ValueError):
        Spectrum.isotropic().mass[0] = 2.0
