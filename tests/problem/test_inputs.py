"""Numbers and arrays as people have them: tensors, series, arrays without axes, single precision."""

import math

import numpy as np
import pytest
import torch

import lib


class Series:
    """What a pandas Series shows of itself: an array, a length, and items by label rather than by place."""

    def __init__(self, values):
        self.values = np.array(values)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, label):
        raise KeyError(label)


MAKERS = {
    "tensor": torch.tensor,
    "tensor with a gradient": lambda value: torch.tensor(
        value, requires_grad=not np.issubdtype(np.array(value).dtype, np.integer)
    ),
    "half precision": lambda value: torch.tensor(value).to(
        torch.int32 if np.issubdtype(np.array(value).dtype, np.integer) else torch.bfloat16
    ),
    "array": np.array,
    "single precision": lambda value: (
        np.array(value)
        if np.issubdtype(np.array(value).dtype, np.integer)
        else np.array(value, np.float32)
    ),
    "series": lambda value: Series(value) if np.ndim(value) else np.array(value)[()],
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_numbers_come_in_many_forms(make):
    """Powers of two are the same in every precision."""
    network = lib.Network(make(2), make([0.5, 1.0]), make(0.5), outputs=make(1))
    spectrum = lib.Spectrum(make([2.0, 1.0]), make([0.5, 1.0]), make([0.25, 0.75]))
    data = lib.Data(samples=make(2.0), noise=make(0.25), spectrum=spectrum)
    training = lib.GradientDescent(make(4), make([0.125, 0.125, 0.25, 0.5]), momentum=make(0.5))
    assert network == lib.Network(2, [0.5, 1.0], 0.5)
    assert training == lib.GradientDescent(4, [0.125, 0.125, 0.25, 0.5], momentum=0.5)
    plain = lib.Data(2.0, None, 0.25, lib.Spectrum([2.0, 1.0], [0.5, 1.0], [0.25, 0.75]))
    assert data == plain
    assert lib.GradientFlow(make(2.0), make(0.25)) == lib.GradientFlow(2.0, 0.25)
    solution = lib.solve(network, data, training)
    expected = solution.at([1.5, 3.0]).test_loss
    np.testing.assert_array_equal(solution.at(make([1.5, 3.0])).test_loss, expected)
    assert solution.at(make(3.0)).test_loss == expected[1]
    call = {"dim": make(32), "seeds": make([3, 1]), "keep_errors": make([0, 4])}
    runs = lib.simulate(network, data, training, **call)
    assert runs.seeds == (3, 1)
    again = lib.simulate(network, data, training, dim=32, seeds=[3, 1])
    np.testing.assert_array_equal(runs.test_loss, again.test_loss)
    curves = lib.rate_curves([network], data, training, make([0.125, 0.25]))
    np.testing.assert_array_equal(curves.rates, [0.125, 0.25])
    rate = lib.optimal_learning_rate(
        network, data, training, bracket=make([0.0625, 0.5]), tolerance=make(0.5)
    )
    assert 0.0625 <= rate.value <= 0.5


def test_infinite_depth_comes_in_many_forms():
    for depth in (math.inf, np.inf, np.float32(np.inf), np.array(np.inf), torch.tensor(math.inf)):
        assert lib.Network(depth, 1.0, branch_scale=1.0).depth == math.inf


def test_masses_in_single_precision_sum_to_one():
    thirds = np.full(3, 1 / 3, np.float32)
    spectrum = lib.Spectrum([3.0, 2.0, 1.0], [1.0, 1.0, 1.0], thirds)
    assert spectrum.mass.sum() == pytest.approx(1, abs=1e-15)


def test_samples_come_in_many_forms():
    X, y = np.random.default_rng(0).normal(size=(2, 8, 8))
    expected = lib.Dataset(X, y[:, 0])
    found = lib.Dataset(torch.tensor(X), Series(y[:, 0]))
    assert found == expected
    assert lib.Spectrum.from_data(torch.tensor(X), y) == lib.Spectrum.from_data(X, y)


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32"), torch.float32])
def test_a_dtype_comes_in_many_forms(dtype):
    problem = lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(2, 0.1)
    runs = lib.simulate(*problem, dim=16, seeds=1, dtype=dtype)
    expected = lib.simulate(*problem, dim=16, seeds=1, dtype="float32")
    np.testing.assert_array_equal(runs.test_loss, expected.test_loss)
