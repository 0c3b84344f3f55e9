"""Every wrong field is refused at construction, with what is wrong and what to do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lib
from lib import Data, GradientDescent, Network, Spectrum

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
    # width
    (lambda: Network(2, 0.0), "width.*> 0"),
    (lambda: Network(2, -1.0), "width.*> 0"),
    (lambda: Network(2, nan), "width.*NaN"),
    (lambda: Network(2, True), "width.*real number"),
    (lambda: Network(2, "1"), "width"),
    (lambda: Network(2, None), "width"),
    (lambda: Network(2, []), "width.*empty"),
    (lambda: Network(2, (1.0,)), "lists 1 layers but depth is 2"),
    (lambda: Network(2, (1.0, 1.0, 1.0)), "lists 3 layers"),
    (lambda: Network(2, (1.0, 0.0)), r"width\[1\]"),
    (lambda: Network(2, (1.0, "a")), r"width\[1\]"),
    (lambda: Network(2, np.ones((2, 2))), "2 axes"),
    (lambda: Network(2, (1.0, inf)), "last hidden width is inf"),
    (lambda: Network(2, (1.0, 2.0), branch_scale=1.0), "residual network"),
    # richness, branches, outputs, centring
    (lambda: Network(2, 1.0, 0.0), "richness.*> 0"),
    (lambda: Network(2, 1.0, -1.0), "richness"),
    (lambda: Network(2, 1.0, inf), "richness.*finite"),
    (lambda: Network(2, 1.0, nan), "richness.*NaN"),
    (lambda: Network(2, 1.0, "rich"), "richness"),
    (lambda: Network(2, 1.0, branch_scale=-0.1), "branch_scale"),
    (lambda: Network(2, 1.0, branch_scale=True), "branch_scale"),
    (lambda: Network.fixed_branch(inf, 1.0, 1.0), "depth"),
    (lambda: Network.fixed_branch(2, 1.0, -1.0), "branch is -1"),
    (lambda: Network.fixed_branch(2, 1.0, 1.0, branch_scale=1.0), "branch_scale is branch"),
    (lambda: Network(2, 1.0, outputs=0), "outputs"),
    (lambda: Network(2, 1.0, outputs=1.5), "outputs"),
    (lambda: Network(2, 1.0, centered=1), "centered"),
    (lambda: Network(2, 1.0, centered="yes"), "centered"),
    (lambda: Network.ntk(2, inf), "richness 0"),
    (lambda: Network.ntk(2, 1.0, richness=1.0), "fixed by the width"),
    # data
    (lambda: Data(samples=1.0, batch=1.0), "both samples and batch"),
    (lambda: Data(samples=0), "samples.*> 0"),
    (lambda: Data(samples=-1), "samples"),
    (lambda: Data(samples=inf), "samples.*finite"),
    (lambda: Data(samples=True), "samples"),
    (lambda: Data(batch=0.0), "batch.*> 0"),
    (lambda: Data(batch=nan), "batch"),
    (lambda: Data(batch="all"), "batch"),
    (lambda: Data(noise=-0.1), "noise"),
    (lambda: Data(noise=inf), "noise"),
    (lambda: Data(noise=None), "noise"),
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
    (lambda: Spectrum.trace_class([1.0], [1.0], [1.5]), "whole numbers"),
    (lambda: Spectrum.trace_class([1.0], [1.0], [0]), "counts"),
    (lambda: Spectrum.trace_class([1.0, 2.0], [1.0, 1.0], [1]), "lengths differ"),
    (lambda: Spectrum.power_law(0, 1.0, 1.0), "modes"),
    (lambda: Spectrum.power_law(10.0, 1.0, 1.0), "modes.*integer"),
    (lambda: Spectrum.power_law(10, 0.0, 1.0), "decay"),
    (lambda: Spectrum.power_law(10, 1.0, -1.0), "source"),
    (lambda: Spectrum.from_data(np.ones(3), np.ones(3)), "shape"),
    (lambda: Spectrum.from_data(np.ones((3, 2)), np.ones(2)), "shape"),
    (lambda: Spectrum.from_data(np.zeros((3, 2)), np.ones(3)), "X is zero"),
    (lambda: Spectrum.from_data(np.full((3, 2), nan), np.ones(3)), "NaN"),
    # training
    (lambda: GradientDescent(0, 0.1), "steps"),
    (lambda: GradientDescent(10.0, 0.1), "steps.*integer"),
    (lambda: GradientDescent(True, 0.1), "steps"),
    (lambda: GradientDescent(10, -0.1), "learning_rate"),
    (lambda: GradientDescent(10, inf), "learning_rate"),
    (lambda: GradientDescent(10, "0.1"), "learning_rate"),
    (lambda: GradientDescent(10, None), "learning_rate"),
    (lambda: GradientDescent(10, [0.1] * 9), "lists 9 rates for 10 steps"),
    (lambda: GradientDescent(2, [0.1, -0.1]), r"learning_rate\[1\]"),
    (lambda: GradientDescent(2, [0.1, True]), r"learning_rate\[1\]"),
    (lambda: GradientDescent(10, 0.1, momentum=1.0), "momentum.*smaller than 1"),
    (lambda: GradientDescent(10, 0.1, momentum=-0.1), "momentum"),
    (lambda: GradientDescent(10, 0.1, nesterov=True), "nesterov needs momentum"),
    (lambda: GradientDescent(10, 0.1, momentum=0.5, nesterov=1), "nesterov"),
    (lambda: GradientDescent(10, 0.1, weight_decay=-1.0), "weight_decay"),
    (lambda: GradientDescent(10, 0.1, weight_decay=10.0), "erases the weights"),
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
]


@pytest.mark.parametrize("arguments, message", CALLS, ids=[message for _, message in CALLS])
def test_problems_that_do_not_fit_together_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        lib.solve(*arguments)


positive = st.floats(1e-3, 1e3)


@given(depth=st.integers(1, 6), width=positive, richness=positive, data=st.data())
def test_valid_networks_are_accepted(depth, width, richness, data):
    widths = data.draw(st.lists(positive, min_size=depth, max_size=depth))
    assert Network(depth, width, richness).widths == (width,) * depth
    assert Network(depth, widths, richness).widths == tuple(widths)
    assert Network.ntk(depth, width).richness == pytest.approx(width**-0.5)


@given(values=st.lists(positive, min_size=1, max_size=8), source=positive)
def test_valid_spectra_are_accepted(values, source):
    mass = np.array(values) / np.sum(values)
    assert Spectrum(values, values, mass).mass.sum() == pytest.approx(1)
    law = Spectrum.power_law(50, 1.5, min(source, 10))
    assert np.sum(law.eigenvalues * law.target_power) == pytest.approx(1)


@given(steps=st.integers(1, 50), rate=st.floats(0, 1), momentum=st.floats(0, 0.99))
def test_valid_trainings_are_accepted(steps, rate, momentum):
    memory = GradientDescent(steps, rate, momentum=momentum).memory()
    assert memory.K.shape == (steps + 1, steps + 1) and np.isfinite(memory.K).all()


def test_numpy_numbers_are_numbers():
    assert Network(np.int64(2), np.float32(0.5)).widths == (0.5, 0.5)
    assert Data(samples=np.float64(2)).samples == 2
    assert GradientDescent(np.int32(3), np.array(0.1)).rates.shape == (3,)


def test_problems_are_frozen():
    with pytest.raises(AttributeError):
        NETWORK.depth = 3
    with pytest.raises(ValueError):
        Spectrum.isotropic().mass[0] = 2.0
