"""Spectra of trained networks: against dense matrices, against autograd, and against the theory."""

import math

import numpy as np
import pytest
import torch

import lib
from lib.networks.draws import draw_weights
from lib.networks.finite_data import Inputs

PROBLEMS = {
    "plain": (
        lib.Network(2, (0.5, 1.0), 12.0),
        lib.Data(samples=2, noise=0.3),
        lib.GradientDescent(12, 0.01, momentum=0.4, weight_decay=2.0),
    ),
    "scales and rates of their own": (
        lib.Network(2, (0.5, 1.0), 8.0, init_scale=(1.3, 0.6, 0.8)),
        lib.Data(),
        lib.GradientDescent(12, 0.01, layer_rates=(0.5, 2.0, 0.7)),
    ),
    "two outputs": (
        lib.Network(1, 0.7, 9.0, outputs=2),
        lib.Data(batch=1.0, noise=0.2),
        lib.GradientDescent(8, 0.02),
    ),
    "residual": (
        lib.Network(3, 1.0, 6.0, branch_scale=1.5, centered=True),
        lib.Data(),
        lib.GradientDescent(10, 0.01),
    ),
}


def trained_by_hand(network, data, training, dim, seed):
    """Weights W^0 .. W^L after all steps, from dense products of the definitions; and the targets."""
    inputs = Inputs(data, dim, torch.empty(0, dtype=torch.float64), None, network.outputs)
    sizes = [dim, *(round(nu * dim) for nu in network.widths), network.outputs]
    drawn = draw_weights(seed, sizes, inputs.eigenvalues)
    W = [w[: sizes[l + 1], : sizes[l]].numpy() for l, w in enumerate(drawn)]
    W = [sigma * w for sigma, w in zip(network.init_scales, W, strict=True)]
    rates = training.rate_factors(network)
    residual = network.branch_scale is not None
    beta = network.branch_scale / math.sqrt(network.depth) if residual else 1.0
    scales = [1 / math.sqrt(n) * (1.0 if l == 0 else beta) for l, n in enumerate(sizes[:-2])]
    target = inputs.target[:, :dim].numpy()
    sampling = inputs.sampling(seed)

    def maps():
        """The map from the inputs to every h^l, and from every h^l to the top."""
        up, down = [np.eye(dim)], [W[-1]]
        for l, scale in enumerate(scales):
            stream = up[-1] if residual and l > 0 else 0
            up.append(scale * W[l] @ up[-1] + stream)
        for l in range(len(scales) - 1, 0, -1):
            down.insert(0, scales[l] * down[0] @ W[l] + (down[0] if residual else 0))
        return up, down

    prefactor = math.sqrt(dim) / (network.richness * sizes[-2])
    start, velocity = 0.0, [np.zeros_like(w) for w in W]
    for t in range(training.steps):
        sampling.draw(t)
        up, down = maps()
        end_to_end = prefactor * math.sqrt(dim) * down[0] @ up[1]
        if t == 0:
            start = end_to_end * network.centered
        v = torch.zeros(network.outputs, len(inputs.eigenvalues), dtype=torch.float64)
        v[:, :dim] = torch.as_tensor(target - end_to_end + start)
        u = sampling.signal(v)[0].numpy()[:, :dim]
        h = [m @ u.T for m in up]
        g = [None, *(m.T for m in down)]
        kicks = [scale * g[l + 1] @ h[l].T for l, scale in enumerate(scales)] + [h[-1].T]
        for l, kick in enumerate(kicks):
            velocity[l] = training.momentum * velocity[l] + rates[l] * network.richness * kick
            shrink = 1 - training.learning_rate * training.weight_decay
            W[l] = shrink * W[l] + training.learning_rate * velocity[l]
    return W, target, maps(), scales


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("dim", [20, 70])
def test_networks_trained_by_hand_have_the_same_spectra(name, dim):
    """Dense below, Lanczos above; the kernel against J J^T of all weights."""
    network, data, training = PROBLEMS[name]
    last = training.steps
    found = lib.measured_outliers(network, data, training, [last], dim=dim, seeds=[3], count=2)
    W, target, (up, down), scales = trained_by_hand(network, data, training, dim, 3)
    for l in range(network.depth):
        left, values, right = np.linalg.svd(W[l] / math.sqrt(W[l].shape[1]))
        assert found.singular_values[0, 0, l] == pytest.approx(values[:2], rel=1e-6)
    cosine = (left[:, 0] @ W[-1].T) ** 2 / (W[-1] ** 2).sum(1)
    assert found.overlaps["readout"][0, 0, 0] == pytest.approx(cosine, abs=1e-4)
    right = np.linalg.svd(W[0])[2]
    cosine = (target @ right[0]) ** 2 / (target**2).sum(1)
    assert found.overlaps["target"][0, 0, 0] == pytest.approx(cosine, abs=1e-4)
    C = network.outputs
    Theta = np.zeros((C, dim, C, dim))
    rates = training.rate_factors(network)
    for l, scale in enumerate(scales):
        moved = rates[l] * scale**2 * down[l] @ down[l].T
        Theta += np.einsum("ab,ij->aibj", moved, up[l].T @ up[l])
    Theta += rates[-1] * np.einsum("ab,ij->aibj", np.eye(C), up[-1].T @ up[-1])
    Theta *= dim / W[-1].shape[1]
    top = np.linalg.eigvalsh(Theta.reshape(C * dim, -1))[-1]
    assert found.kernel[0, 0] == pytest.approx(top, rel=1e-5)


def test_all_singular_values_can_be_had():
    network, data, training = PROBLEMS["plain"]
    found = lib.measured_outliers(
        network, data, training, 12, dim=30, seeds=1, count=40, kernel=False
    )
    (W, *_) = trained_by_hand(network, data, training, 30, lib.seeds(1)[0])
    for l, size in enumerate((15, 15)):
        values = np.linalg.svd(W[l] / math.sqrt(W[l].shape[1]))[1]
        assert found.singular_values[0, 0, l, :size] == pytest.approx(values, rel=1e-9)
        assert np.isnan(found.singular_values[0, 0, l, size:]).all()
    assert np.isnan(found.kernel).all()


A = lib.Network(1, 1.0, 8.0), lib.Data(), lib.GradientDescent(60, 0.01)


def test_networks_have_the_outliers_of_the_theory():
    """Singular values, kernel and overlaps; what is left of a finite size is of the order of 1/D."""
    times = [20, 60]
    runs = lib.measured_outliers(*A, times, dim=150, seeds=12, count=1)
    theory, kernel = lib.weight_outliers(*A, times), lib.kernel_outlier(*A, times)
    allowance = 4 / 150
    for expected, measured, catches in (
        (theory.upper[:, 0, 0], runs.singular_values[:, :, 0, 0], 0.09),
        (kernel.leading, runs.kernel, 0.18),
        (theory.overlaps["target"][:, 0], runs.overlaps["target"][:, :, 0], 0.09),
        (theory.overlaps["readout"][:, 0], runs.overlaps["readout"][:, :, 0], 0.09),
    ):
        check = lib.agree(expected, measured, allowance=allowance)
        assert check, check
        assert check.catches < catches, check


DEEP = {
    "scales and rates of their own": (
        lib.Network(2, 1.0, 10.0, init_scale=(1.2, 0.7, 0.8)),
        lib.Data(),
        lib.GradientDescent(40, 0.007, layer_rates=(1.5, 2.0, 0.6)),
    ),
    "data and weight decay": (
        lib.Network(3, (0.6, 1.2, 0.8), 12.0),
        lib.Data(samples=2, noise=0.3),
        lib.GradientDescent(30, 0.004, weight_decay=3.0),
    ),
    "residual": (
        lib.Network(2, 1.0, 30.0, branch_scale=1.0),
        lib.Data(),
        lib.GradientDescent(60, 0.0008),
    ),
    "unequal outputs": (
        lib.Network(2, 1.0, 12.0, outputs=2),
        lib.Data(spectrum=lib.Spectrum([1.0], [[[1.0, 0.0], [0.0, 0.2]]], [1.0])),
        lib.GradientDescent(40, 0.005),
    ),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_networks_have_the_outliers_of_the_theory(name):
    """Every matrix with a gain above 1.3, where a finite network can tell a spike from its bulk.

    A branch whose responses had no factor beta, or two, would be off by 6 or 5 per cent.
    """
    network, data, training = DEEP[name]
    runs = lib.measured_outliers(
        network, data, training, training.steps, dim=120, seeds=12, count=1
    )
    theory = lib.weight_outliers(network, data, training, training.steps)
    clear = theory.gain[0] > 1.3
    assert clear.any()
    check = lib.agree(
        theory.upper[0, clear, 0], runs.singular_values[:, 0, clear, 0], allowance=1 / 120
    )
    assert check, check
    assert check.catches < 0.12, check
    kernel = lib.kernel_outlier(network, data, training, training.steps)
    check = lib.agree(kernel.leading, runs.kernel, allowance=4 / 120)
    assert check and check.catches < 0.4, check


def test_the_same_seeds_give_the_same_numbers():
    network, data, training = PROBLEMS["plain"]
    one, two = (
        lib.measured_outliers(network, data, training, [4, 12], dim=30, seeds=[1, (2, 5)], count=1)
        for _ in range(2)
    )
    assert (one.singular_values == two.singular_values).all() and (one.kernel == two.kernel).all()
    early = lib.measured_outliers(network, data, training, 4, dim=30, seeds=[(2, 5)], count=1)
    assert early.singular_values[0, 0] == pytest.approx(one.singular_values[1, 0], rel=1e-6)


def test_a_diverging_network_is_measured_as_long_as_it_is_finite():
    found = lib.measured_outliers(
        lib.Network(1, 1.0, 8.0), lib.Data(), lib.GradientDescent(40, 3.0), [1, 40], dim=20, seeds=2
    )
    assert np.isfinite(found.singular_values[:, 0]).all()
    assert np.isnan(found.singular_values[:, 1]).all() and np.isnan(found.kernel[:, 1]).all()


@pytest.mark.parametrize(
    ("network", "training", "fields", "message"),
    [
        (lib.Network(3, 1.0, branch_scale=0.0), A[2], {}, "branch_scale is 0"),
        (lib.Network(math.inf, 1.0, branch_scale=1.0), A[2], {}, "depth is infinite"),
        (A[0], lib.GradientFlow(1.0), {}, "GradientDescent"),
        (A[0], A[2], {"dtype": "float16"}, "float32"),
        (A[0], A[2], {"count": 0}, "count"),
    ],
)
def test_bad_input(network, training, fields, message):
    with pytest.raises(ValueError, match=message):
        lib.measured_outliers(network, lib.Data(), training, 1, dim=20, **fields)
