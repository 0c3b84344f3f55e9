"""Sharpness: closed forms, identities between losses and curvature, and networks."""

import math

import numpy as np
import pytest
import torch

import lib
from lib.networks.finite_data import Inputs
from lib.questions.hessian import _problem, network_sharpness
from lib.questions.sharpness import Probed, scalar_products, sharpness

UNEQUAL = lib.Network(3, (0.5, 1.0, 0.7), 0.8)
REPEATED = lib.Data(samples=1.0, noise=0.3)
MOMENTUM = lib.GradientDescent(12, 0.02, momentum=0.5, weight_decay=0.2)


def test_kernel_at_the_start_has_a_closed_form():
    """Each of the L + 1 matrices contributes one; the network's own output adds to h^1."""
    training = lib.GradientDescent(1, 0.01)
    centered = lib.Network(3, (0.5, 2.0, 0.7), 1.3, centered=True)
    assert sharpness(centered, lib.Data(), training, [0]).kernel[0] == pytest.approx(4, rel=1e-12)
    nu, gamma = 0.6, 1.4
    expected = 2 + (1 / (gamma * nu)) ** 2 / (1 + 1 / (gamma**2 * nu))
    found = sharpness(lib.Network(1, nu, gamma), lib.Data(), training, [0])
    assert found.kernel[0] == pytest.approx(expected, rel=1e-12)


def test_lazy_networks_have_the_sharpness_of_the_population():
    """gamma_0 -> 0, nu = inf: the Hessian is (L + 1) times the covariance; its modes are 2 and 1/2."""
    spectrum = lib.Spectrum([2.0, 0.5], [1.0, 1.0], [0.5, 0.5])
    lazy = lib.Network(2, math.inf, 1e-4)
    found = sharpness(
        lazy, lib.Data(spectrum=spectrum), lib.GradientDescent(2, 0.1), [0, 2], order=2
    )
    assert found.top == pytest.approx([6, 6], rel=1e-3)


def test_lazy_networks_have_the_ritz_values_of_marchenko_and_pastur():
    """Repeated data: Krylov space of (L + 1) X^T X / P from X^T X v, by quadrature of the known law."""
    alpha, order, depth = 2.0, 5, 2
    theta = (np.arange(4000) + 0.5) * np.pi / 4000
    eigenvalues = 1 + 1 / alpha + 2 / math.sqrt(alpha) * np.cos(theta)
    density = np.sin(theta) ** 2 / eigenvalues
    powers = np.polynomial.chebyshev.chebvander(np.cos(theta), order - 1)
    weights = density * eigenvalues**2
    gram, image = (powers.T @ (w[:, None] * powers) for w in (weights, weights * eigenvalues))
    expected = (depth + 1) * np.linalg.eigvals(np.linalg.solve(gram, image)).real.max()
    lazy = lib.Network(depth, math.inf, 1e-4)
    found = sharpness(lazy, lib.Data(samples=alpha), lib.GradientDescent(1, 0.01), [0], order=order)
    assert found.top[0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("data", [REPEATED, lib.Data(noise=0.2)], ids=["repeated", "population"])
def test_kernel_is_the_slope_of_the_loss(data):
    """d log(train loss)/dt = -2 kernel, read from one tiny step after ten ordinary ones."""
    tiny = 1e-6
    rates = [0.05] * 10 + [tiny]
    training = lib.GradientDescent(11, rates)
    losses = lib.solve(UNEQUAL, data, training).train_loss
    slope = -np.log(losses[11] / losses[10]) / (2 * tiny)
    assert sharpness(UNEQUAL, data, training, [10]).kernel[0] == pytest.approx(slope, rel=1e-4)


def test_curvature_along_the_gradient_is_the_second_difference_of_the_loss():
    """(loss(+e) - 2 loss + loss(-e)) / e^2 for steps of +-e along F, against F.HF of one probe."""
    small, t = 1e-3, 6
    probed = Probed(lib.GradientDescent(t, 0.05), {t: {t: 1.0}}, {t: (0.0, 30.0)}, 1)
    solution = lib.solve(UNEQUAL, REPEATED, probed, keep_matrices=True)
    products = scalar_products(solution)
    (curvature,) = probed.probes[t].ritz_values(products)
    losses = [
        lib.solve(UNEQUAL, REPEATED, lib.GradientDescent(t + 1, [0.05] * t + [rate])).train_loss[-1]
        for rate in (0.0, small, 2 * small)
    ]
    first, second = losses[1] - losses[0], losses[2] - losses[0]
    along = (second - 2 * first) / (2 * small**2) / products[t, t]
    assert curvature == pytest.approx(along, rel=2e-2)
    assert -(4 * first - second) / (4 * small) == pytest.approx(products[t, t], rel=1e-3)


def test_late_steps_can_be_looked_at_alone():
    """The search for the spectrum starts from the whole run, not from the steps asked for."""
    network, data = lib.Network(2, 2.0, 3.0), lib.Data(samples=4, noise=0.3)
    training = lib.GradientDescent(60, 0.08)
    together = sharpness(network, data, training, [0, 60], order=6)
    alone = sharpness(network, data, training, [60], order=6)
    assert alone.top[0] == pytest.approx(together.top[1], rel=1e-2)


def test_probes_leave_the_run_alone():
    training = lib.GradientDescent(8, 0.05, momentum=0.3)
    probed = Probed(training, {3: {0: 1.0, 3: 0.5}}, {3: (0.0, 30.0)}, 4)
    expected = lib.solve(UNEQUAL, REPEATED, training).train_loss
    found = lib.solve(UNEQUAL, REPEATED, probed).train_loss[probed.row_of_step]
    assert found == pytest.approx(expected, rel=1e-12)


def test_networks_measure_their_own_hessian():
    """eigsh on products against all eigenvalues of the dense Hessian of a tiny network."""
    found = network_sharpness(
        UNEQUAL, REPEATED, lib.GradientDescent(1, 0.01), [0], dim=6, seeds=[0]
    )
    inputs = Inputs(REPEATED, 6, torch.empty(0, dtype=torch.float64))
    loss, weights, unit = _problem(UNEQUAL, inputs, 0)
    shapes = [W.shape for W in weights]

    def of_flat(flat):
        parts = flat.split([shape.numel() for shape in shapes])
        return loss([part.view(shape) for part, shape in zip(parts, shapes, strict=True)])

    flat = torch.cat([W.detach().reshape(-1) for W in weights])
    dense = unit * torch.autograd.functional.hessian(of_flat, flat)
    assert found.top[0, 0] == pytest.approx(torch.linalg.eigvalsh(dense)[-1].item(), rel=1e-3)


def test_networks_are_those_of_the_simulator():
    found = network_sharpness(UNEQUAL, REPEATED, MOMENTUM, [0, 5, 12], dim=20, seeds=2)
    runs = lib.simulate(UNEQUAL, REPEATED, MOMENTUM, dim=20, seeds=2)
    assert found.train_loss == pytest.approx(runs.train_loss[:, [0, 5, 12]], rel=1e-9)


@pytest.mark.parametrize("training", [lib.GradientDescent(20, 0.05), MOMENTUM], ids=["GD", "all"])
def test_networks_have_the_sharpness_of_the_theory(training):
    """The edge of a finite spectrum lies D^(-2/3) inside."""
    network, data = lib.Network(2, (0.7, 1.0), 1.5, centered=True), lib.Data(samples=2, noise=0.3)
    times = [0, training.steps // 2, training.steps]
    theory = sharpness(network, data, training, times)
    runs = network_sharpness(network, data, training, times, dim=100, seeds=96)
    for name, allowance in (
        ("kernel", 3 / 100),
        ("top", 2 * 100 ** (-2 / 3)),
        ("train_loss", 3 / 100),
    ):
        check = lib.agree(getattr(theory, name), getattr(runs, name), allowance=allowance)
        assert check and check.catches < 0.2, (name, check)


@pytest.mark.parametrize(
    ("network", "data", "times", "message"),
    [
        (lib.Network(2, 1.0, branch_scale=1.0), lib.Data(), [0], "plain networks"),
        (lib.Network(2, 1.0), lib.Data(batch=1.0), [0], "fresh batches"),
        (lib.Network(2, (math.inf, 1.0)), lib.Data(), [0], "inf"),
        (lib.Network(2, 1.0), lib.Data(), [], "times"),
        (lib.Network(2, 1.0), lib.Data(), [5], "times"),
    ],
)
def test_bad_input(network, data, times, message):
    with pytest.raises(ValueError, match=message):
        sharpness(network, data, lib.GradientDescent(4, 0.1), times)


def test_larger_krylov_spaces_rise_to_the_edge_of_marchenko_and_pastur():
    """Lazy: the largest eigenvalue is (L + 1)(1 + alpha^-1/2)^2, from below, at any order."""
    lazy, alpha = lib.Network(1, math.inf, 1e-4), 2.0
    edge = 2 * (1 + alpha**-0.5) ** 2
    problem = lazy, lib.Data(samples=alpha), lib.GradientDescent(2, 0.01), [0, 2]
    tops = np.array([sharpness(*problem, order=order).top for order in (6, 12, 24, 40)])
    assert (np.diff(tops, axis=0) > 0).all() and (tops < edge * (1 + 1e-4)).all()
    np.testing.assert_allclose(tops[-1], edge, rtol=5e-3)


def test_wrong_and_empty_problems_are_named():
    network, data, training = lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(3, 0.1)
    for problem, reason in (
        (([network], data, training), "one lib.Network"),
        ((network, data, [training]), "one lib.GradientDescent"),
        ((network, data, lib.GradientFlow(1.0)), "one lib.GradientDescent"),
    ):
        with pytest.raises(ValueError, match=reason):
            sharpness(*problem, [0])
        with pytest.raises(ValueError, match=reason):
            network_sharpness(*problem, [0], dim=8, seeds=1)
    one = sharpness(network, data, training, 2)
    np.testing.assert_array_equal(one.top, sharpness(network, data, training, [2]).top)
    nothing = lib.Data(spectrum=lib.Spectrum([1.0], [0.0], [1.0]))
    centered = lib.Network(1, 1.0, centered=True)
    assert np.isnan(sharpness(centered, nothing, training, [0, 1]).top).all()
    assert np.isnan(network_sharpness(centered, nothing, training, [0], dim=8, seeds=1).top).all()
    wild = network_sharpness(network, data, lib.GradientDescent(40, 9.0), [0, 40], dim=8, seeds=1)
    assert np.isfinite(wild.top[0, 0]) and np.isnan(wild.top[0, 1])


def test_networks_on_given_samples_in_single_precision():
    rng = np.random.default_rng(0)
    dataset = lib.Dataset(rng.normal(size=(30, 6)), rng.normal(size=30))
    problem = lib.Network(1, 5), dataset.data(samples=20), lib.GradientDescent(2, 0.01), [0, 2]
    found = network_sharpness(*problem, seeds=2, dtype="float32", dataset=dataset)
    runs = lib.simulate(*problem[:3], seeds=2, dataset=dataset)
    np.testing.assert_allclose(found.train_loss, runs.train_loss[:, [0, 2]], rtol=1e-5)
