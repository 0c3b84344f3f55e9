"""Residual networks against checked values, closed forms, a dense solution and networks."""

import math

import numpy as np
import pytest
from expectations import (
    assert_agrees,
    assert_causal_symmetric_positive_and_consistent,
    assert_checked_values,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import lib

CHECKED = {
    "population": (
        lib.Network(3, 1.0, branch_scale=1.0),
        lib.Data(),
        lib.GradientDescent(39, 0.05),
        [2.7777777778, 0.7246203322, 0.2079160125, 0.0375519006, 0.0013080314],
        [2.7777777778, 0.7246203322, 0.2079160125, 0.0375519006, 0.0013080314],
    ),
    "repeated data": (
        lib.Network(6, 0.5, branch_scale=1.0),
        lib.Data(samples=1.5, noise=0.3),
        lib.GradientDescent(39, 0.03),
        [5.3227880658, 1.5043744670, 0.9796928507, 0.7545923738, 0.5526497205],
        [5.4127880658, 1.0789939507, 0.5597271046, 0.3465443362, 0.1898243932],
    ),
}


@pytest.mark.parametrize("name", CHECKED)
def test_checked_values(name):
    network, data, training, excess, train = CHECKED[name]
    assert_checked_values(lib.solve(network, data, training), excess, train)


# Closed forms


@pytest.mark.parametrize("depth", [1, 2, 7])
@pytest.mark.parametrize("beta_0", [0.0, 0.7, 2.0])
def test_initial_excess_loss(depth, beta_0):
    theory = lib.solve(
        lib.Network(depth, 0.6, 1.3, branch_scale=beta_0), lib.Data(), lib.GradientDescent(1, 0.1)
    )
    variance = (1 + beta_0**2 / depth) ** (depth - 1)
    assert theory.excess_loss[0] == pytest.approx(1 + variance / (1.3**2 * 0.6), rel=1e-13)


@pytest.mark.parametrize("richness", [0.1, 1.0, 5.0])
def test_first_step_of_infinite_width(richness):
    """The input, the readout and L - 1 branches move the function, whatever the richness."""
    depth, beta_0, eta = 5, 1.2, 0.03
    theory = lib.solve(
        lib.Network(depth, math.inf, richness, branch_scale=beta_0),
        lib.Data(batch=1e14),
        lib.GradientDescent(1, eta),
    )
    branch = beta_0**2 / depth
    kernel = 2 * (1 + branch) ** (depth - 1) + (depth - 1) * branch * (1 + branch) ** (depth - 2)
    assert theory.excess_loss[1] == pytest.approx((1 - kernel * eta) ** 2, rel=1e-11)


@pytest.mark.parametrize("depth, beta_0", [(1, 1.3), (4, 0.0)])
@pytest.mark.parametrize(
    "data",
    [
        lib.Data(samples=1.5, noise=0.3),
        lib.Data(batch=0.7, spectrum=lib.Spectrum([2, 0.5], [1, 2], [0.3, 0.7])),
    ],
)
def test_without_branches_it_is_the_plain_network(depth, beta_0, data):
    training = lib.GradientDescent(20, 0.04, momentum=0.4, weight_decay=0.3)
    plain = lib.solve(lib.Network(1, 0.7, 0.8, centered=True), data, training)
    stream = lib.solve(
        lib.Network(depth, 0.7, 0.8, branch_scale=beta_0, centered=True), data, training
    )
    np.testing.assert_allclose(stream.excess_loss, plain.excess_loss, rtol=1e-11)
    np.testing.assert_allclose(stream.train_loss, plain.train_loss, rtol=1e-11)
    for layer in range(1, depth + 1):
        np.testing.assert_allclose(stream.C_h[layer], plain.C_h[1], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(stream.R_g[layer], plain.R_g[1], rtol=1e-9, atol=1e-12)


# One dense linear system


def dense_solution(network, data, training):
    r"""All fields of all layers at all times as one linear system, iterated until nothing changes.

    Unknowns h^1..h^L, g^1..g^L, each with all times; noises xi^0..xi^{L-1} and zeta^1..zeta^L, with
    the branch factor beta written where the model has it.
    """
    memory, L, gamma, nu = training.memory(), network.depth, network.richness, network.width
    beta = network.branch_scale / math.sqrt(L)
    n = len(memory.times)
    d, K, one = np.outer(memory.decay, memory.decay), memory.K, np.eye(n)

    def at(field, layer):
        """The place of h^l (field 0) or g^l (field 1) among the unknowns."""
        start = ((layer - 1) + L * field) * n
        return slice(start, start + n)

    C_h, R_h, C_g, R_g = np.zeros((4, L + 2, n, n))
    C_g[L + 1] = 1
    for _ in range(6 * n):
        system, noise = np.eye(2 * L * n), np.zeros((2 * L * n, 2 * L * n))
        for l in range(1, L + 1):
            h, g = at(0, l), at(1, l)
            c = 1.0 if l == 1 else beta
            system[h, g] -= c * (d * R_h[l - 1] + c * gamma * K * C_h[l - 1])
            noise[h, h] += c**2 * d * C_h[l - 1]
            if l > 1:
                system[h, at(0, l - 1)] -= one
            c = 1.0 if l == L else beta
            system[g, h] -= c * (d * R_g[l + 1] + c * gamma * K * C_g[l + 1])
            noise[g, g] += c**2 * d * C_g[l + 1]
            if l < L:
                system[g, at(1, l + 1)] -= one
        response = np.linalg.inv(system)
        correlation = response @ noise @ response.T
        for l in range(1, L + 1):
            h, g = at(0, l), at(1, l)
            C_h[l], C_g[l] = correlation[h, h], correlation[g, g]
            R_h[l] = response[h, g] * (1.0 if l == L else beta)
            R_g[l] = response[g, h] * (1.0 if l == 1 else beta)
        X = -(d * R_g[1] + gamma * K * C_g[1]) / gamma
        S = d * C_g[1] / (nu * gamma**2)
        R_Delta, Q = one, np.zeros((n, n))
        for _ in range(n if data.samples else 1):
            H = np.linalg.inv(one - X @ R_Delta)
            C_v = H @ (np.ones((n, n)) + S + X @ Q @ X.T) @ H.T
            if data.samples:
                R_Delta = np.linalg.inv(one - H @ X / data.samples)
                Q = R_Delta @ (C_v + data.noise**2) @ R_Delta.T / data.samples
        C_h[0] = R_Delta @ H @ (np.ones((n, n)) + S) @ H.T @ R_Delta.T
        U = one + R_Delta @ H @ X
        C_h[0] += U @ Q @ U.T
        R_h[0] = -R_Delta @ H / (gamma * nu)
    return np.diag(C_v), C_h, R_h, C_g, R_g


DENSE = {
    "population": (lib.Network(3, 0.8, 1.4, branch_scale=1.3), lib.Data(), {}),
    "repeated": (lib.Network(4, 0.6, 0.9, branch_scale=1.1), lib.Data(samples=1.4, noise=0.3), {}),
    "weight decay, momentum": (
        lib.Network(4, 0.6, 1.2, branch_scale=1.6),
        lib.Data(samples=1.4, noise=0.3),
        {"momentum": 0.4, "weight_decay": 0.8},
    ),
}


@pytest.mark.parametrize("name", DENSE)
def test_the_sweep_solves_the_dense_system(name):
    network, data, options = DENSE[name]
    training = lib.GradientDescent(7, 0.05, **options)
    theory = lib.solve(network, data, training)
    excess, C_h, R_h, C_g, R_g = dense_solution(network, data, training)
    np.testing.assert_allclose(theory.excess_loss, excess, rtol=1e-10)
    L, beta = network.depth, network.branch_scale / math.sqrt(network.depth)
    for l in range(1, L + 1):
        close = {"rtol": 1e-9, "atol": 1e-12}
        np.testing.assert_allclose(theory.C_h[l], C_h[l], **close)
        np.testing.assert_allclose(theory.C_g[l], C_g[l], **close)
        np.testing.assert_allclose(theory.R_h[l] * (1 if l == L else beta), R_h[l], **close)
        np.testing.assert_allclose(theory.R_g[l] * (1 if l == 1 else beta), R_g[l], **close)


# Networks

SPECTRUM = lib.Spectrum([2.0, 0.5], [0.4, 2.2], [0.3, 0.7])
PROBLEMS = {
    "repeated, decay": (
        lib.Network(4, 0.8, 1.5, branch_scale=1.2),
        lib.Data(samples=1.5, noise=0.3),
        lib.GradientDescent(25, 0.03, momentum=0.3, weight_decay=1.0),
    ),
    "one pass, spectrum": (
        lib.Network(3, 1.0, branch_scale=1.0, centered=True),
        lib.Data(batch=1.0, noise=0.3, spectrum=SPECTRUM),
        lib.GradientDescent(25, 0.03),
    ),
    "NTK, strong branches": (
        lib.Network.ntk(3, 2.0, branch_scale=2.0),
        lib.Data(),
        lib.GradientDescent(25, 0.01),
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_theory_and_networks_agree(name):
    theory = lib.solve(*PROBLEMS[name])
    runs = lib.simulate(*PROBLEMS[name], dim=200, seeds=120, dtype="float32")
    assert_agrees(theory, runs)


# Identities


@st.composite
def problems(draw):
    network = lib.Network(
        draw(st.integers(1, 5)),
        draw(st.sampled_from([0.4, 1.0, math.inf])),
        draw(st.floats(0.2, 2.0)),
        branch_scale=draw(st.floats(0.0, 2.0)),
        centered=draw(st.booleans()),
    )
    size = draw(st.floats(0.5, 4.0))
    data = lib.Data(
        **draw(st.sampled_from([{}, {"samples": size}, {"batch": size}])),
        noise=draw(st.sampled_from([0.0, 0.5])),
        spectrum=draw(st.sampled_from([lib.Spectrum.isotropic(), SPECTRUM])),
    )
    return (
        network,
        data,
        lib.GradientDescent(
            draw(st.integers(1, 8)),
            draw(st.floats(0.001, 0.03)),
            weight_decay=draw(st.floats(0, 0.5)),
        ),
    )


@settings(max_examples=40, deadline=None)
@given(problems())
def test_every_solution_is_causal_symmetric_positive_and_consistent(problem):
    assert_causal_symmetric_positive_and_consistent(lib.solve(*problem))


def test_a_sweep_is_its_members():
    networks = [lib.Network(3, 0.5, gamma, branch_scale=1.0) for gamma in (0.5, 1.0, 2.0)]
    trainings = [lib.GradientDescent(12, eta, momentum=0.3) for eta in (0.01, 0.03, 0.05)]
    sweep = lib.solve(networks, lib.Data(samples=1.2), trainings)
    for k, (network, training) in enumerate(zip(networks, trainings, strict=True)):
        alone = lib.solve(network, lib.Data(samples=1.2), training)
        np.testing.assert_allclose(sweep.excess_loss[k], alone.excess_loss, rtol=1e-12)
        np.testing.assert_allclose(sweep.C_g[2][k], alone.C_g[2], rtol=1e-11, atol=1e-14)


def test_fixed_branches_keep_their_factor():
    network = lib.Network.fixed_branch(16, 0.5, 0.75, richness=1.2)
    assert network == lib.Network(16, 0.5, 1.2, branch_scale=3.0)


@pytest.mark.parametrize("depth", [3, math.inf])
def test_two_outputs_are_another_index(depth):
    spectrum = lib.Spectrum([1.0], np.array([np.diag([0.7, 0.3])]), [1.0])
    problem = lib.Data(samples=2, spectrum=spectrum), lib.GradientDescent(8, 0.03, weight_decay=0.2)
    stream = lib.Network(depth, 0.7, branch_scale=0.9, outputs=2)
    assert lib.solve(stream, *problem, depth_tolerance=1e-9).residual < 1e-9
    bare = lib.solve(lib.Network(depth, 0.7, branch_scale=0.0, outputs=2), *problem)
    plain = lib.solve(lib.Network(1, 0.7, outputs=2), *problem)
    np.testing.assert_allclose(bare.excess_loss, plain.excess_loss, rtol=1e-9)
