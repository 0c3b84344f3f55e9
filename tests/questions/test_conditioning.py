"""Outliers once more, from a derivation of its own: the initial matrices conditioned on what they were asked.

Training has asked $A$ for $A h(s)$ and $A^T g(s)$, and knows nothing else of it. What is left is a fresh
matrix on the complement of the h and of the g (Bolthausen); there it acts as its Green functions, and on
the space of all fields an outlier is a zero of one determinant. Nothing of the cavity's linear system is
used; inverses of correlation matrices are, so that only few steps can be looked at.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
from references.conditioning import conditioned

import lib
from lib.questions import trained_matrices
from lib.questions.kernel_bulk import KernelBulk
from lib.questions.kernel_cavity import kernel_weights
from lib.questions.kernel_sites import sites
from lib.questions.spikes import Spikes, green

CLOSE = 1e-7


def random_problem(seed):
    """A rich problem of any kind that is trained for a few large steps."""
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(1, 5))
    residual = depth > 1 and rng.random() < 0.3
    widths = float(rng.uniform(0.4, 2)) if residual else rng.uniform(0.4, 2, depth).tolist()
    outputs = int(rng.integers(1, 3))
    network = lib.Network(
        depth,
        widths,
        float(rng.uniform(6, 14)),
        branch_scale=float(rng.uniform(0.5, 2)) if residual else None,
        outputs=outputs,
        centered=bool(rng.random() < 0.3),
        init_scale=rng.uniform(0.7, 1.3, depth + 1).tolist() if rng.random() < 0.5 else 1.0,
    )
    turn = np.linalg.qr(rng.standard_normal((outputs, outputs)))[0]
    powers = [turn @ np.diag(rng.uniform(0.3, 1.5, outputs)) @ turn.T for _ in range(2)]
    data = lib.Data(
        **[{}, {"samples": float(rng.uniform(1, 4))}, {"batch": float(rng.uniform(0.3, 2))}][
            int(rng.integers(3))
        ],
        noise=float(rng.uniform(0, 0.5)),
        spectrum=lib.Spectrum([0.5, 1.5], powers, [0.4, 0.6]),
    )
    training = lib.GradientDescent(
        3,
        float(rng.uniform(0.02, 0.05)) * (2 if residual else 1),
        momentum=(momentum := float(rng.choice([0.0, 0.5]))),
        nesterov=momentum > 0 and bool(rng.random() < 0.5),
        weight_decay=float(rng.choice([0.0, 1.0])),
        layer_rates=rng.uniform(0.6, 1.5, depth + 1).tolist() if rng.random() < 0.5 else None,
    )
    return network, data, training


def test_weights_of_random_problems():
    """Roots to 1e-7, and no odd number of others: depths, widths, noise, branches, outputs, optimizers."""
    seen = {"matrices": 0, "residual": 0, "outputs": 0, "data": 0}
    for seed in range(24):
        network, data, training = random_problem(seed)
        trained = trained_matrices.trained_network(network, data, training)
        if trained.valid < 4:
            continue
        found = lib.weight_outliers(network, data, training, 3)
        for l, matrix in enumerate(trained.layers):
            sign = conditioned(matrix, network.outputs, 3)
            roots = Spikes(matrix, network.outputs).above(3)
            for w, z in zip(roots, found.upper[0, l], strict=False):
                assert sign(w * (1 - CLOSE)) == -sign(w * (1 + CLOSE)), (seed, l)
                assert matrix.scale[3] * green(w, matrix.rho)[0] == pytest.approx(z, rel=1e-12)
            signs = np.array([sign(w) for w in np.geomspace(min([0.1, *roots]) / 2, 1, 50)])
            assert np.sum(signs[1:] != signs[:-1]) % 2 == len(roots) % 2, (seed, l)
            seen["matrices"] += len(roots)
            seen["residual"] += len(roots) * (network.branch_scale is not None)
            seen["outputs"] += len(roots) * (network.outputs > 1)
            seen["data"] += len(roots) * (data.samples is not None)
    assert min(seen.values()) > 5, seen


@pytest.mark.parametrize(("nu", "steps", "rate"), [(0.1, 1, 0.5), (0.1, 3, 0.3), (0.15, 2, 0.5)])
def test_weights_below_the_bulk(nu, steps, rate):
    """Narrow networks that unlearn their random function."""
    trained = trained_matrices.trained_network(
        lib.Network(1, nu, 0.3), lib.Data(noise=0.2), lib.GradientDescent(steps, rate)
    )
    (matrix,) = trained.layers
    sign, roots = conditioned(matrix, 1, steps), Spikes(matrix, 1).below(steps)
    assert len(roots) == 1
    assert sign(roots[0] * (1 - CLOSE)) == -sign(roots[0] * (1 + CLOSE))
    signs = [sign(w) for w in -np.linspace(math.sqrt(nu) + 1e-6, 1, 200)]
    assert np.sum(np.diff(signs) != 0) == 1


def of_the_kernel(trained, t):
    """The same for Theta, population gradient and isotropic inputs: a sign as a function of lambda.

    x^l and y^l are in the space of all h and g of their site, x^0 and y^0 in that of all u and the target.
    """
    L, network = len(trained.layers), trained.run.network
    past = slice(0, t)
    c, gain, rho = kernel_weights(trained, t)
    stream = [False] + [trained.stream] * (L - 1)
    bulk = KernelBulk(c, rho, gain, stream)
    n = 2 * L * t
    hidden = sites(trained, t, False).cov[2:, 2:].swapaxes(1, 2).reshape(n, n)
    first = trained.layers[0]
    signal, squared = trained_matrices.target_in_signal(trained)
    inputs = np.block(
        [[first.C_h[past, past], signal[past]], [signal[past].T, squared.reshape(1, 1)]]
    )
    grams = [inputs] + [hidden] * L

    def h(l):
        """Coordinates of h^l(s), a column for each s."""
        if l == 0:
            return np.eye(t + 1)[:, :t]
        return np.eye(n)[:, (2 * l - 2) * t : (2 * l - 1) * t]

    def g(l):
        return np.eye(n)[:, (2 * l - 1) * t : 2 * l * t]

    parts = []
    for l, matrix in enumerate(trained.layers):
        C_h, C_g, k = matrix.C_h[past, past], matrix.C_g[past, past], matrix.k[past, past]
        omega = trained.factors[l] * matrix.scale[past]
        asked_h = (h(l + 1) - (h(l) if stream[l] else 0)) / omega - g(l + 1) @ (k * C_h).T
        if l == 0:
            target = np.eye(t + 1)[:, t:]
            backward = network.richness * network.widths[-1] * (target - h(0))
        else:
            backward = g(l) - (g(l + 1) if stream[l] else 0)
        asked_g = backward / omega - matrix.rho * h(l) @ (k * C_g).T
        # Rows that take coordinates to inner products per site, h.x/N_l and so on.
        with_h, with_g = h(l).T @ grams[l], g(l + 1).T @ grams[l + 1]
        with_a, with_b = asked_h.T @ grams[l + 1], asked_g.T @ grams[l]
        onto_h, onto_g = np.linalg.solve(C_h, with_h), np.linalg.solve(C_g, with_g)
        rest_x = np.eye(len(grams[l])) - h(l) @ onto_h
        rest_y = np.eye(n) - g(l + 1) @ onto_g
        kick = np.diag(matrix.k[t, past])
        up = asked_h @ onto_h + g(l + 1) @ (
            np.linalg.solve(C_g, with_b @ rest_x) / matrix.rho + kick @ with_h
        )
        down = (
            h(l) @ (matrix.rho * np.linalg.solve(C_h, with_a) + matrix.rho * kick @ with_g)
            + rest_x @ asked_g @ onto_g
        )
        parts.append((up, down, rest_x, rest_y))

    def sign(eigenvalue):
        _, G, T = bulk.chain(bulk.parameter(eigenvalue))
        sizes = [t + 1] * 2 + [n] * (2 * L)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        place = [slice(*pair) for pair in pairwise(starts)]
        system = -np.eye(starts[-1])
        system[place[0], place[0]] *= eigenvalue
        system[place[0], place[1]] = np.eye(t + 1)
        for l, (up, down, rest_x, rest_y) in enumerate(parts):
            x, y, above_x, above_y = (place[2 * l + i] for i in range(4))
            w = gain[l]
            system[above_x, x] += w * up
            system[above_x, above_y] += w**2 * G[l] * rest_y
            system[y, x] += c[l] * np.eye(len(rest_x)) + w**2 * rho[l] * T[l + 1] * rest_x
            system[y, above_y] += w * down
            if stream[l]:
                system[above_x, x] += np.eye(n)
                system[y, above_y] += np.eye(n)
        system[place[-1], place[-2]] += c[L] * np.eye(n)
        return np.linalg.slogdet(system).sign

    return sign, bulk.edge


KERNELS = {
    "plain": (lib.Network(2, (0.7, 1.3), 10.0), {"learning_rate": 0.05}),
    "deep": (lib.Network(3, (0.7, 1.3, 0.9), 10.0), {"learning_rate": 0.05}),
    "optimizer": (
        lib.Network(2, (1.4, 0.6), 8.0, init_scale=(1.3, 0.8, 0.9)),
        {
            "learning_rate": 0.08,
            "momentum": 0.5,
            "weight_decay": 1.0,
            "layer_rates": (0.5, 2.0, 0.7),
        },
    ),
    "residual": (lib.Network(3, 0.8, 10.0, branch_scale=2.0), {"learning_rate": 0.04}),
    "residual, optimizer": (
        lib.Network(2, 1.5, 9.0, branch_scale=1.2, init_scale=(1.3, 0.8, 0.9)),
        {"learning_rate": 0.06, "momentum": 0.5, "weight_decay": 1.0},
    ),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels(name):
    """One sign change above the bulk, and it is where `kernel_outlier` says, to 1e-7."""
    network, fields = KERNELS[name]
    seen = 0
    for t in (1, 2, 3):
        training = lib.GradientDescent(t, **fields)
        trained = trained_matrices.trained_network(network, lib.Data(), training)
        found = lib.kernel_outlier(network, lib.Data(), training, t)
        sign, edge = of_the_kernel(trained, t)
        assert found.edge[0] == pytest.approx(edge, rel=1e-12)
        signs = [sign(value) for value in np.geomspace(1.0001 * edge, 100 * edge, 60)]
        assert np.sum(np.diff(signs) != 0) == found.count[0]
        if found.count[0]:
            top, seen = found.leading[0], seen + 1
            assert sign(top * (1 - CLOSE)) == -sign(top * (1 + CLOSE)), (t, top)
    assert seen >= 2
