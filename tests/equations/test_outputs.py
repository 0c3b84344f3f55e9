"""Several outputs: the theory against a dense reference, networks, and what must come out."""

import math
from functools import lru_cache

import numpy as np
import pytest

import lib
from lib.equations.layers import Readout

CORRELATED = [[1.0, 0.3], [0.3, 0.2]]
CROSSED = lib.Spectrum(
    [2.0, 0.5],
    np.array([CORRELATED, [[0.3, -0.4], [-0.4, 1.5]]]),
    [0.4, 0.6],
)
"""Two modes whose targets have different principal axes, so that no rotation of outputs decouples."""


# A dense reference: rows (c, t), t fastest; every field of the network is an unknown of one linear
# system, and the closed equations are iterated from zero until they stand still.


def reference(network, data, training, over_outputs=None):
    """Excess and training loss [C, T] of each output, and C_h^L [C T, C T].

    `over_outputs` [C, C] takes the place of the identity over outputs in the readout's update.
    """
    C, depth, gamma = network.outputs, network.depth, network.richness
    memory = training.memory()
    T = len(memory.times)
    n = C * T
    ones = np.ones((C, C))
    K, dd = np.kron(ones, memory.K), np.kron(ones, np.outer(memory.decay, memory.decay))
    same = np.kron(np.eye(C), np.ones((T, T)))
    top = np.kron(np.eye(C) if over_outputs is None else over_outputs, memory.K)
    widths, branch = network.widths, network.branch_scale
    beta = 1.0 if branch is None else branch / np.sqrt(depth)
    one = np.eye(n)
    E = one - network.centered * np.kron(np.eye(C), np.eye(T)[:1].repeat(T, 0))

    # Fields h^1 .. h^L, g^1 .. g^L; noises xi^0 .. xi^{L-1}, zeta^1 .. zeta^L.
    field = {name: i for i, name in enumerate([*(("h", l) for l in range(1, depth + 1))])}
    field |= {("g", l): depth + l - 1 for l in range(1, depth + 1)}
    block = {name: slice(i * n, (i + 1) * n) for name, i in field.items()}
    C_of = {name: np.zeros((n, n)) for name in field} | {("h", 0): np.zeros((n, n))}
    R_of = {name: np.zeros((n, n)) for name in field} | {("h", 0): np.zeros((n, n))}
    C_v, R_vu, before = np.zeros((n, n)), np.zeros((n, n)), None

    def trained(name, scale=1.0):
        return dd * R_of[name] + scale * gamma * K * C_of[name]

    for _ in range(12 * T):
        A, N = np.zeros((2, 2 * depth * n, 2 * depth * n))
        noise = np.zeros_like(A)
        for l in range(1, depth + 1):
            h, g = block["h", l], block["g", l]
            scale = 1.0 if l == 1 else beta
            if l > 1 and branch is not None:
                A[h, block["h", l - 1]] += one
            A[h, g] += scale * trained(("h", l - 1), scale)
            N[h, h] = scale * one
            noise[h, h] = dd * C_of["h", l - 1]
            if l == depth:
                A[g, h] += gamma * top
                N[g, g], noise[g, g] = one, dd * same
                continue
            rho = widths[l] / widths[l - 1]
            if branch is not None:
                A[g, block["g", l + 1]] += one
            A[g, h] += beta * rho * trained(("g", l + 1), beta)
            N[g, g] = beta * one
            noise[g, g] = rho * dd * C_of["g", l + 1]
        response = np.linalg.solve(np.eye(len(A)) - A, N)
        correlation = response @ noise @ response.T
        for l in range(1, depth + 1):
            h, g = block["h", l], block["g", l]
            C_of["h", l], C_of["g", l] = correlation[h, h], correlation[g, g]
            R_of["h", l], R_of["g", l] = response[h, g], response[g, h]

        rho, nu = widths[0], widths[-1]
        V, B0, zeta_0 = -1 / (gamma * nu), rho * trained(("g", 1)), rho * dd * C_of["g", 1]
        noise_of_labels = data.noise**2 * same
        R_Delta, Q = one, np.zeros((n, n))
        if data.samples is not None:
            R_Delta = np.linalg.inv(one - R_vu / data.samples)
            Q = R_Delta @ (C_v + noise_of_labels) @ R_Delta.T / data.samples
        elif data.batch is not None:
            Q = np.kron(ones, np.eye(T)) * (C_v + noise_of_labels) / data.batch
        C_v, R_vu, C_u, R_u = np.zeros((4, n, n))
        spectrum = data.spectrum
        for lam, power, mass in zip(
            spectrum.eigenvalues, spectrum.target_covariance(C), spectrum.mass, strict=True
        ):
            # v = beta* + V E zeta_0 + V B0 u and u = zeta_u + lam R_Delta v, together
            loop = np.block([[0 * one, V * B0], [lam * R_Delta, 0 * one]])
            inverse = np.linalg.inv(np.eye(2 * n) - loop)
            sources = np.zeros((2 * n, 2 * n))
            sources[:n, :n] = np.kron(power, np.ones((T, T))) + V**2 * E @ zeta_0 @ E.T
            sources[n:, n:] = lam * Q
            both = inverse @ sources @ inverse.T
            C_v += mass * lam * both[:n, :n]
            C_u += mass * both[n:, n:]
            R_vu += mass * lam * inverse[:n, n:]
            R_u += mass * V * inverse[n:, :n] @ E
        C_of["h", 0], R_of["h", 0] = C_u, R_u
        now = np.array([C_v, R_vu, *C_of.values(), *R_of.values()])
        if before is not None and np.abs(now - before).max() < 1e-13 * np.abs(now).max():
            break
        before = now
    else:
        raise AssertionError("the iteration of the reference has not settled")
    C_Delta = R_Delta @ (C_v + noise_of_labels) @ R_Delta.T
    diagonals = (np.diag(matrix).reshape(C, T) for matrix in (C_v, C_Delta))
    return *diagonals, C_of["h", depth]


PROBLEMS = {
    "population": (
        lib.Network(1, 0.7, 1.2, outputs=2),
        lib.Data(spectrum=lib.Spectrum([1.0], np.array([CORRELATED]), [1.0])),
        lib.GradientDescent(8, 0.08),
    ),
    "repeated, crossed modes": (
        lib.Network(2, (0.5, 0.8), 1.1, outputs=2),
        lib.Data(samples=1.5, noise=0.4, spectrum=CROSSED),
        lib.GradientDescent(7, 0.05),
    ),
    "one pass, three layers, centered": (
        lib.Network(3, (0.5, 1.2, 0.7), 0.8, outputs=2, centered=True),
        lib.Data(batch=0.6, noise=0.3, spectrum=CROSSED),
        lib.GradientDescent(6, 0.03),
    ),
    "three outputs, all optimizers": (
        lib.Network(2, 0.6, 1.3, outputs=3),
        lib.Data(
            samples=2.0,
            noise=0.3,
            spectrum=lib.Spectrum([1.0], np.array([np.diag([1.0, 0.5, 0.1]) + 0.2]), [1.0]),
        ),
        lib.GradientDescent(6, 0.03, momentum=0.5, nesterov=True, weight_decay=0.3),
    ),
    "residual, repeated": (
        lib.Network(3, 0.6, 1.1, branch_scale=1.2, outputs=2),
        lib.Data(samples=1.5, noise=0.3, spectrum=CROSSED),
        lib.GradientDescent(6, 0.04, weight_decay=0.2),
    ),
    "residual, one pass, centered": (
        lib.Network(4, 0.8, 0.9, branch_scale=1.0, outputs=2, centered=True),
        lib.Data(batch=0.7, noise=0.3, spectrum=CROSSED),
        lib.GradientDescent(5, 0.04),
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_theory_equals_the_dense_reference(name):
    problem = PROBLEMS[name]
    theory = lib.solve(*problem)
    excess, train, C_h = reference(*problem)
    np.testing.assert_allclose(theory.excess_by_output, excess, rtol=1e-8)
    np.testing.assert_allclose(theory.train_by_output, train, rtol=1e-8)
    np.testing.assert_allclose(theory.excess_loss, excess.sum(0), rtol=1e-8)
    outputs, steps = problem[0].outputs, len(theory.times)
    blocks = theory.C_h[problem[0].depth].reshape(steps, outputs, steps, outputs)
    reordered = blocks.transpose(1, 0, 3, 2).reshape(C_h.shape)
    np.testing.assert_allclose(reordered, C_h, rtol=1e-8, atol=1e-10 * np.abs(C_h).max())
    floor = outputs * problem[1].noise ** 2
    np.testing.assert_allclose(theory.test_loss, theory.excess_loss + floor, rtol=1e-14)
    assert theory.residual < 1e-12


def test_the_readout_learns_each_output_from_itself_alone():
    """A mutation: every output's readout moved by the forward fields of all outputs."""
    network = lib.Network(2, 0.5, 1.0, outputs=2)
    data = lib.Data(spectrum=lib.Spectrum([1.0], np.array([CORRELATED]), [1.0]))
    training = lib.GradientDescent(3, 0.05)
    theory = lib.solve(network, data, training)
    right, *_ = reference(network, data, training)
    wrong, *_ = reference(network, data, training, over_outputs=np.ones((2, 2)))
    np.testing.assert_allclose(theory.excess_by_output, right, rtol=1e-8)
    assert abs(wrong.sum(0)[3] / theory.excess_loss[3] - 1) > 0.05


def test_a_shared_readout_would_be_noticed(monkeypatch):
    """A mutation of the solver itself: one C_g^{L+1} = 1 for all pairs of outputs."""
    problem = PROBLEMS["repeated, crossed modes"]
    excess, *_ = reference(*problem)
    monkeypatch.setattr(
        "lib.theory.assembly.Readout", lambda same, batch: Readout(np.ones_like(same), batch)
    )
    theory = lib.solve(*problem)
    assert np.abs(theory.excess_by_output / excess - 1).max() > 0.05


# What must come out

TRAINING = lib.GradientDescent(30, 0.04, momentum=0.3)
REGIMES = [
    lib.Data(noise=0.3),
    lib.Data(samples=1.5, noise=0.3),
    lib.Data(batch=0.8, noise=0.3),
]


def with_targets(data, covariance):
    spectrum = lib.Spectrum([1.0], np.array([covariance]), [1.0])
    return lib.Data(data.samples, data.batch, data.noise, spectrum)


@pytest.mark.parametrize("data", REGIMES, ids=["population", "repeated", "one pass"])
@pytest.mark.parametrize("branch", [None, 1.0], ids=["plain", "residual"])
def test_outputs_in_their_principal_axes_are_networks_of_their_own(data, branch):
    """The equations split into those of C networks with one output each, for any rotation of outputs."""
    angle, powers = 0.6, np.array([1.4, 0.2])
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covariance = axes @ np.diag(powers) @ axes.T
    shape = {"depth": 3, "width": 0.6, "richness": 1.3, "branch_scale": branch}
    together = lib.solve(lib.Network(**shape, outputs=2), with_targets(data, covariance), TRAINING)
    alone = [
        lib.solve(lib.Network(**shape), with_targets(data, [[power]]), TRAINING) for power in powers
    ]
    for name in ("excess", "train"):
        single = np.array([getattr(solution, f"{name}_loss") for solution in alone])
        np.testing.assert_allclose(
            getattr(together, f"{name}_by_output"), axes**2 @ single, rtol=1e-10
        )
    np.testing.assert_allclose(together.bias, sum(s.bias for s in alone), rtol=1e-10)


@pytest.mark.parametrize("data", REGIMES, ids=["population", "repeated", "one pass"])
def test_uncorrelated_equal_outputs_have_one_curve(data):
    one = lib.solve(lib.Network(2, 0.6, centered=True), data, TRAINING)
    many = lib.solve(lib.Network(2, 0.6, centered=True, outputs=3), data, TRAINING)
    for name in ("excess", "train"):
        single = getattr(one, f"{name}_loss")
        parts = getattr(many, f"{name}_by_output")
        np.testing.assert_allclose(parts, np.tile(single, (3, 1)), rtol=1e-11)
        np.testing.assert_array_equal(getattr(one, f"{name}_by_output"), [single])
    np.testing.assert_allclose(many.test_loss, 3 * one.test_loss, rtol=1e-11)


def test_the_strength_of_a_target_is_richness():
    """A target of strength s at richness gamma_0 is a target of strength one at richness s gamma_0."""
    strength = 1.7
    strong = lib.solve(
        lib.Network(2, 0.6, 0.8),
        with_targets(lib.Data(samples=2, noise=0.3), [[strength**2]]),
        TRAINING,
    )
    rich = lib.solve(
        lib.Network(2, 0.6, 0.8 * strength), lib.Data(samples=2, noise=0.3 / strength), TRAINING
    )
    np.testing.assert_allclose(strong.excess_loss, strength**2 * rich.excess_loss, rtol=1e-11)
    np.testing.assert_allclose(strong.train_loss, strength**2 * rich.train_loss, rtol=1e-11)


def test_targets_without_common_axes_do_couple():
    """In each mode alone a rotation decouples the outputs; in both together none does."""
    data = lib.Data(spectrum=CROSSED)
    both = lib.solve(lib.Network(2, 0.6, 1.5, outputs=2), data, TRAINING).excess_by_output
    for c in range(2):
        power = CROSSED.target_power[:, c, c]
        alone = lib.Spectrum(CROSSED.eigenvalues, power, CROSSED.mass)
        single = lib.solve(lib.Network(2, 0.6, 1.5), lib.Data(spectrum=alone), TRAINING)
        assert np.abs(both[c] / single.excess_loss - 1).max() > 0.01


@pytest.mark.parametrize("branch", [None, 0.9], ids=["plain", "residual"])
def test_nodes_solve_several_outputs(branch):
    problem = (
        lib.Network(2, 0.6, 1.2, branch_scale=branch, outputs=2),
        lib.Data(samples=2.0, noise=0.3, spectrum=CROSSED),
        lib.GradientDescent(120, 0.03),
    )
    exact = lib.solve(*problem, grid=lib.EveryStep())
    nodes = lib.solve(*problem, grid=lib.Nodes(1e-9))
    for name in ("excess_by_output", "train_by_output", "excess_loss"):
        np.testing.assert_allclose(getattr(nodes, name), getattr(exact, name), rtol=1e-7)
    later = nodes.at([0.0, 17.5, 120.0])
    np.testing.assert_array_equal(
        later.excess_by_output[:, [0, 2]], nodes.excess_by_output[:, [0, 120]]
    )
    # A monotone interpolant of a sum is not quite the sum of monotone interpolants.
    np.testing.assert_allclose(later.excess_by_output.sum(0), later.excess_loss, rtol=1e-6)


def test_gradient_flow_is_the_limit_of_small_steps():
    problem = lib.Network(1, 0.6, outputs=2), lib.Data(samples=2.0, spectrum=CROSSED)
    flow = lib.solve(*problem, lib.GradientFlow(4.0))
    later = flow.at(np.linspace(0, 4, 9))
    np.testing.assert_allclose(later.excess_by_output.sum(0), later.excess_loss, rtol=1e-12)
    coarse, middle, fine = (
        lib.solve(*problem, lib.GradientDescent(n, 4 / n)).train_by_output[:, -1]
        for n in (80, 160, 320)
    )
    # The error of steps has orders eta, eta^2, ..; the first two are taken away.
    extrapolated = (8 * fine - 6 * middle + coarse) / 3
    np.testing.assert_allclose(flow.train_by_output[:, -1], extrapolated, rtol=2e-4)


def test_a_short_run_with_many_outputs_is_solved_at_every_step():
    data = lib.Data(spectrum=lib.Spectrum([1.0], [np.eye(40)], [1.0]))
    training = lib.GradientDescent(8, 0.05)
    many = lib.solve(lib.Network(1, math.inf, outputs=40), data, training)
    one = lib.solve(lib.Network(1, math.inf), lib.Data(), training)
    np.testing.assert_allclose(many.excess_by_output, np.tile(one.excess_loss, (40, 1)), rtol=1e-10)


def test_sweeps_have_a_leading_axis():
    trainings = [lib.GradientDescent(9, eta) for eta in (0.02, 0.05, 3.0)]
    network, data = lib.Network(2, 0.6, outputs=2), lib.Data(samples=2.0, spectrum=CROSSED)
    sweep = lib.solve(network, data, trainings)
    assert sweep.excess_by_output.shape == (3, 2, 10)
    np.testing.assert_allclose(sweep.excess_by_output.sum(1)[:2], sweep.excess_loss[:2], rtol=1e-13)
    assert sweep.at([0.5, 3]).train_by_output.shape == (3, 2, 2)
    long = lib.solve(network, data, lib.GradientDescent(60, 3.0))
    step = long.status.step
    assert np.isfinite(long.excess_by_output[:, :step]).all()
    assert np.isposinf(long.excess_by_output[:, step:]).all()


# Networks

NETWORKS = {
    "one pass": (
        lib.Network(2, 0.5, outputs=2),
        lib.Data(batch=1.0, noise=0.2, spectrum=CROSSED),
        lib.GradientDescent(25, 0.04),
    ),
    "repeated, rich": (
        lib.Network(2, 1.0, 2.0, outputs=2),
        lib.Data(samples=2.0, noise=0.3, spectrum=CROSSED),
        lib.GradientDescent(25, 0.04),
    ),
    "residual, three outputs": (
        lib.Network(3, 0.8, branch_scale=1.0, outputs=3),
        lib.Data(spectrum=lib.Spectrum([1.0], np.array([np.diag([1.0, 0.5, 0.1]) + 0.2]), [1.0])),
        lib.GradientDescent(25, 0.04),
    ),
}


@lru_cache
def trained(name):
    return lib.solve(*NETWORKS[name]), lib.simulate(
        *NETWORKS[name], dim=200, seeds=120, dtype="float32"
    )


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("loss", ["excess_by_output", "train_by_output", "excess_loss"])
def test_theory_and_networks_agree(name, loss):
    theory, runs = trained(name)
    expected, measured = getattr(theory, loss), getattr(runs, loss)
    for c in range(expected.ndim and measured.shape[1] if measured.ndim == 3 else 1):
        pair = (expected[c], measured[:, c]) if measured.ndim == 3 else (expected, measured)
        check = lib.agree(*pair, allowance=3 / runs.dim)
        assert check and check.catches < 0.12, check


def test_errors_of_the_weights_are_kept_by_output():
    runs = lib.simulate(*NETWORKS["one pass"], dim=40, seeds=2, keep_errors=[0, 20])
    assert runs.weight_error.shape == (2, 2, 2, 40)
    squares = (runs.weight_error**2).sum(-1)
    np.testing.assert_allclose(
        squares, np.moveaxis(runs.excess_by_output[..., [0, 20]], -1, 1), rtol=1e-12
    )


# Bad input

WRONG = [
    ([[[1.0, 0.0]]], "shape"),
    ([[[1.0, 0.5], [0.4, 1.0]]], "not symmetric"),
    ([[[1.0, 2.0], [2.0, 1.0]]], "negative eigenvalue"),
    ([[[np.nan, 0.0], [0.0, 1.0]]], "NaN"),
    ([[1.0, 0.0]], "shape"),
    (np.zeros((1, 0, 0)), "shape"),
]


@pytest.mark.parametrize("covariance, message", WRONG, ids=[m for _, m in WRONG])
def test_wrong_target_covariances_are_refused(covariance, message):
    with pytest.raises(ValueError, match=f"target_power.*{message}.*: "):
        lib.Spectrum([1.0], covariance, [1.0])


def test_the_numbers_of_outputs_must_agree():
    for outputs in (1, 3):
        with pytest.raises(ValueError, match=f"for 2 outputs, the network has {outputs}: give"):
            lib.solve(lib.Network(1, 1.0, outputs=outputs), lib.Data(spectrum=CROSSED), TRAINING)
