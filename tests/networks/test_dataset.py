"""Networks on given samples: against autograd on the raw inputs, identities, and the theory."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from expectations import assert_agrees

import lib
from lib.networks.draws import Stream, draw_weights, generator
from lib.problem.spectrum import principal_modes


def crooked(n, dim, seed=0):
    """Inputs that are neither Gaussian nor independent, and labels that are not linear in them."""
    rng = np.random.default_rng(seed)
    hidden = rng.exponential(size=(n, 4)) * rng.normal(size=(n, 1))
    X = np.maximum(hidden @ rng.normal(size=(4, dim)) + rng.normal(size=(n, dim)), 0)
    X[:, -1] = 0  # a pixel that is never lit
    return X / math.sqrt(dim), np.where(X[:, 0] * X[:, 1] > X[:, 2], 1.0, -1.0)


def test_modes_take_the_samples_apart_and_lose_nothing():
    X, y = crooked(60, 9)
    dataset = lib.Dataset(X, y)
    z, r = dataset.coefficients, dataset.residuals
    assert z.shape == (60, 8)
    target = np.sqrt(dataset.spectrum.target_power)
    np.testing.assert_allclose(z @ target + r, y, rtol=1e-12)
    np.testing.assert_allclose(z.T @ z / 60, np.diag(dataset.spectrum.eigenvalues), atol=1e-12)
    np.testing.assert_allclose(z.T @ r, 0, atol=1e-11)
    np.testing.assert_allclose(z @ z.T, X @ X.T, atol=1e-12)
    assert dataset.noise**2 == pytest.approx(np.mean(r**2), rel=1e-12)
    assert np.mean(y**2) == pytest.approx(
        dataset.spectrum.eigenvalues @ dataset.spectrum.target_power + dataset.noise**2, rel=1e-12
    )


@pytest.mark.parametrize("sizes", [{"samples": 25}, {"batch": 7}], ids=["repeated", "one pass"])
@pytest.mark.parametrize(
    "shape", [{"depth": 2, "width": (6, 9)}, {"depth": 3, "width": 8, "branch_scale": 0.7}]
)
def test_training_equals_autograd_on_the_raw_inputs(sizes, shape):
    X, y = crooked(60, 9)
    dataset, seed, steps, rate = lib.Dataset(X, y), 5, 10, 0.1
    network, data = lib.Network(richness=0.8, **shape), dataset.data(**sizes)
    runs = lib.simulate(
        network, data, lib.GradientDescent(steps, rate), dataset=dataset, seeds=[seed]
    )

    counts = [8, *map(int, network.widths), 1]
    drawn = draw_weights(seed, counts, torch.empty(0, dtype=torch.float64))
    weights = [W[:a, :b] for W, a, b in zip(drawn, counts[1:], counts[:-1], strict=True)]
    _, target, directions = principal_modes(X, y)
    weights[0] = weights[0] @ torch.tensor(directions * np.sign(target)[:, None])
    weights = [W.clone().requires_grad_() for W in weights]
    branch = network.branch_scale and network.branch_scale / math.sqrt(network.depth)
    stream = generator(seed, Stream.INPUTS)
    X, y = torch.from_numpy(X), torch.from_numpy(y)

    def error(rows):
        h = X[rows] @ weights[0].T
        for W in weights[1:-1]:
            image = h @ W.T / math.sqrt(W.shape[1])
            h = h + branch * image if branch else image
        return y[rows] - (h @ weights[-1].T)[:, 0] / (network.richness * counts[-2])

    if data.samples:
        order = torch.randperm(60, generator=stream)
        train, test = order[:25], order[25:]
    losses = []
    for _ in range(steps + 1):
        if data.batch:
            train, test = torch.randint(60, (7,), generator=stream), torch.arange(60)
        loss = (error(train) ** 2).mean()
        losses.append([(error(test) ** 2).mean().item(), loss.item()])
        gradients = torch.autograd.grad(loss / 2, weights)
        with torch.no_grad():
            for W, gradient in zip(weights, gradients, strict=True):
                W -= rate * network.richness**2 * counts[-2] * gradient
    held_out, trained = np.array(losses).T
    np.testing.assert_allclose(runs.test_loss[0], held_out, rtol=1e-10)
    np.testing.assert_allclose(runs.train_loss[0], trained, rtol=1e-10)
    np.testing.assert_allclose(
        runs.excess_loss[0], held_out - dataset.noise**2, rtol=1e-9, atol=1e-12
    )


def test_all_samples_at_once_are_the_population():
    dataset = lib.Dataset(*crooked(60, 9))
    problem = lib.Network(2, 12), dataset.data(), lib.GradientDescent(10, 0.1)
    given = lib.simulate(*problem, dataset=dataset, seeds=2)
    gaussian = lib.simulate(*problem, seeds=2)
    np.testing.assert_array_equal(given.test_loss, gaussian.test_loss)


def test_seeds_draw_their_own_training_sets():
    dataset = lib.Dataset(*crooked(60, 9))
    problem = lib.Network(1, 5), dataset.data(samples=25), lib.GradientDescent(3, 0.1)
    first, second = lib.simulate(*problem, dataset=dataset, seeds=[0, 1]).train_loss
    again = lib.simulate(*problem, dataset=dataset, seeds=[1]).train_loss[0]
    np.testing.assert_array_equal(again, second)
    assert abs(first[0] - second[0]) > 1e-3


def test_theory_and_networks_agree_on_a_large_gaussian_dataset():
    rng = np.random.default_rng(lib.seeds(1))
    X = rng.normal(size=(20_000, 150)) * np.arange(1, 151) ** -0.4 / 2
    y = 0.7 * X @ rng.normal(size=150) + 0.6 * rng.normal(size=len(X))
    dataset = lib.Dataset(X, y)
    problem = lib.Network(2, 150), dataset.data(samples=300), lib.GradientDescent(80, 0.1)
    theory = lib.solve(*problem)
    runs = lib.simulate(*problem, dataset=dataset, seeds=160, dtype="float32")
    assert_agrees(theory, runs, losses=("test_loss", "train_loss"), catches=0.08)
    assert theory.test_loss[-1] > 1.3 * theory.train_loss[-1]


@pytest.mark.parametrize("sizes", [{"samples": 25}, {"batch": 7}], ids=["repeated", "one pass"])
def test_several_labels_equal_autograd_on_the_raw_inputs(sizes):
    """Three labels whose residuals differ in size and are correlated; the floor is that of each."""
    X, y = crooked(60, 9)
    Y = np.column_stack([y, X[:, 0] - 2 * y, np.abs(X[:, 1])])
    dataset, seed, steps, rate = lib.Dataset(X, Y), 5, 10, 0.1
    network, data = lib.Network(1, 6, 0.8, outputs=3), dataset.data(**sizes)
    runs = lib.simulate(
        network, data, lib.GradientDescent(steps, rate), dataset=dataset, seeds=[seed]
    )
    drawn = draw_weights(seed, [8, 6, 3], torch.empty(0, dtype=torch.float64))
    weights = [drawn[0][:6, :8], drawn[1][:3, :6]]
    weights[0] = weights[0] @ torch.tensor(principal_modes(X, Y)[2])
    weights = [W.clone().requires_grad_() for W in weights]
    stream = generator(seed, Stream.INPUTS)
    X, Y = torch.from_numpy(X), torch.from_numpy(Y)
    if data.samples:
        order = torch.randperm(60, generator=stream)
        train, test = order[:25], order[25:]
    for t in range(steps + 1):
        if data.batch:
            train, test = torch.randint(60, (7,), generator=stream), torch.arange(60)
        error = Y - X @ weights[0].T @ weights[1].T / (0.8 * 6)
        held_out, loss = ((error[rows] ** 2).mean(0) for rows in (test, train))
        floor = np.mean(dataset.residuals**2, 0)
        expected = held_out.detach().numpy() - floor
        np.testing.assert_allclose(runs.excess_by_output[0, :, t], expected, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(runs.train_by_output[0, :, t], loss.detach(), rtol=1e-10)
        assert runs.test_loss[0, t] == pytest.approx(held_out.sum().item(), rel=1e-10)
        gradients = torch.autograd.grad(loss.sum() / 2, weights)
        with torch.no_grad():
            for W, gradient in zip(weights, gradients, strict=True):
                W -= rate * 0.8**2 * 6 * gradient


@pytest.mark.parametrize("sizes", [{"samples": 1}, {"batch": 1}])
def test_a_single_sample_is_enough(sizes):
    dataset = lib.Dataset(*crooked(60, 9))
    problem = lib.Network(1, 5), dataset.data(**sizes), lib.GradientDescent(3, 0.01)
    runs = lib.simulate(*problem, dataset=dataset, seeds=[0, 1])
    chosen = [torch.randperm(60, generator=generator(0, Stream.INPUTS))[0].item()]
    if "batch" in sizes:
        chosen = torch.randint(60, (1,), generator=generator(0, Stream.INPUTS)).tolist()
    drawn = draw_weights(0, [8, 5, 1], torch.empty(0, dtype=torch.float64))
    v = dataset.target[:, 0] - (drawn[1][:1, :5] @ drawn[0][:5, :8]).numpy()[0] / 5
    loss = (dataset.coefficients[chosen] @ v + dataset.residuals[chosen]) ** 2
    assert runs.train_loss[0, 0] == pytest.approx(loss[0], rel=1e-12)


def test_datasets_are_the_same_if_their_samples_are():
    made = lib.Dataset(*crooked(60, 9))
    apart, other = lib.Dataset(*crooked(60, 9)), lib.Dataset(*crooked(60, 9, seed=1))
    assert made == apart == copy.deepcopy(made) and made != other
    assert len({made, apart, pickle.loads(pickle.dumps(made)), other}) == 2
    problem = lib.Network(1, 5), lib.GradientDescent(3, 0.1)
    expected = lib.simulate(problem[0], made.data(samples=9), problem[1], dataset=made, seeds=2)
    for data in (apart.data(samples=9), pickle.loads(pickle.dumps(made.data(samples=9)))):
        runs = lib.simulate(problem[0], data, problem[1], dataset=made, seeds=2)
        np.testing.assert_array_equal(runs.test_loss, expected.test_loss)


@pytest.mark.parametrize("labels", [np.ones(3), np.ones((4, 1, 1)), [1, 2, np.nan, 3]])
def test_labels_that_do_not_fit(labels):
    with pytest.raises(ValueError, match=r"same P|NaN"):
        lib.Dataset(np.eye(4), labels)


def test_problems_that_do_not_fit_the_dataset():
    dataset, other = lib.Dataset(*crooked(60, 9)), lib.Dataset(*crooked(60, 9, seed=1))
    network, training = lib.Network(1, 5), lib.GradientDescent(3, 0.1)
    with pytest.raises(ValueError, match="differ in spectrum"):
        lib.simulate(network, other.data(samples=25), training, dataset=dataset)
    with pytest.raises(ValueError, match="leave some of it"):
        lib.simulate(network, dataset.data(samples=60), training, dataset=dataset)
    with pytest.raises(ValueError, match=r"give a lib\.Dataset"):
        lib.simulate(network, dataset.data(samples=25), training, dataset=np.eye(3))
