"""The leading eigenvalue of the tangent kernel: checked values, closed forms, random matrices, limits."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import lib
from lib.questions.kernel_bulk import KernelBulk
from lib.questions.kernel_cavity import Cavity
from lib.questions.trained_matrices import trained_network

POPULATION = lib.Data()
A = lib.Network(1, 1.0, 8.0), POPULATION, lib.GradientDescent(60, 0.01)
B = lib.Network(1, 1.0, 8.0), lib.Data(batch=0.05), lib.GradientDescent(30, 0.02)
C = lib.Network(2, 0.5, 12.0), POPULATION, lib.GradientDescent(40, 0.005)
REPEATED = lib.Network(1, 1.0, 8.0), lib.Data(samples=2, noise=0.3), lib.GradientDescent(40, 0.01)


@pytest.mark.parametrize(
    ("problem", "times", "edges", "leading"),
    [
        (A, [20, 60], [8.501161, 11.663026], [10.147918146, 16.224683748]),
        (B, [15, 30], [7.244890, 7.025951], [20.30123614, 27.017293614]),
        (C, [20, 40], [49.819488, 58.637861], [70.805243853, 87.012697536]),
    ],
)
def test_checked_values(problem, times, edges, leading):
    found = lib.kernel_outlier(*problem, times)
    assert found.edge == pytest.approx(edges, abs=6e-7)
    assert found.leading == pytest.approx(leading, rel=3e-10)
    assert (found.count >= 1).all()


def test_checked_values_of_samples():
    found = lib.kernel_outlier(*REPEATED, [10, 20, 40], of="samples")
    assert found.leading == pytest.approx([11.0987, 19.10128, 23.66315], abs=6e-5)


def test_one_hidden_layer_is_the_outlier_of_its_matrix():
    r"""$\lambda = C_g^1(t,t) + z^2/\nu$, with all three outliers of one-pass training."""
    for problem, t in ((A, 40), (B, 30)):
        run = lib.solve(*problem, keep_matrices=True)
        upper = lib.weight_outliers(*problem, t).upper[0, 0]
        found = lib.kernel_outlier(*problem, t)
        assert found.leading[0] == pytest.approx(run.C_g[1][t, t] + upper[0] ** 2, rel=1e-12)
        assert found.count[0] == np.isfinite(upper).sum()
    network = lib.Network(1, 0.3, 9.0, init_scale=(0.8, 1.2))
    training = lib.GradientDescent(20, 0.01, weight_decay=2.0, layer_rates=(0.5, 1.5))
    run = lib.solve(network, lib.Data(samples=2), training, keep_matrices=True)
    upper = lib.weight_outliers(network, lib.Data(samples=2), training, 20).upper[0, 0, 0]
    found = lib.kernel_outlier(network, lib.Data(samples=2), training, 20)
    expected = 0.5 * run.C_g[1][20, 20] + 1.5 * upper**2 / 0.3
    assert found.leading[0] == pytest.approx(expected, rel=1e-11)


def test_edges_at_the_start():
    """Printed values; wide networks are lazy, where Theta is L + 1 times the identity."""
    one = lib.GradientDescent(1, 0.01)
    assert lib.kernel_outlier(lib.Network(1, 1.0), POPULATION, one, 0).edge[0] == pytest.approx(5)
    for nu, edge in ((1.0, 19.151568782), (1e3, 4.242912409), (1e6, 4.007489531)):
        found = lib.kernel_outlier(lib.Network(3, nu, 3.0), POPULATION, one, 0)
        assert found.edge[0] == pytest.approx(edge, rel=1e-9)
        assert np.isnan(found.leading[0]) and found.count[0] == 0


def test_one_product_has_the_edge_of_marchenko_and_pastur():
    assert KernelBulk([0.0, 1.0], [0.3]).edge == pytest.approx((1 + math.sqrt(0.3)) ** 2, rel=1e-12)
    bulk = KernelBulk([0.2, 0.5, 1.0, 2.0], [0.7, 1.5, 0.4])
    eigenvalue = 1.3 * bulk.edge
    assert bulk.chain(bulk.parameter(eigenvalue))[0] == pytest.approx(eigenvalue, rel=1e-12)


DRAWS = 8


def assert_is_the_edge(edge, tops):
    """Largest eigenvalues of matrices of size 500 or so: below the edge by up to 5 % in the mean.

    One of them scatters by 1 to 3 %, the mean of `DRAWS` by less than 1.1 %: five errors are allowed.
    """
    assert 0.9 < np.mean(tops) / edge < 1.03


def test_the_bulk_is_that_of_random_matrices():
    """Stieltjes transform outside the bulk against the eigenvalues of random matrices, error O(1/D)."""
    c, rho, D = [0.2, 0.5, 1.0], [0.7, 1.5], 500
    sizes = [D, round(0.7 * D), round(0.7 * 1.5 * D)]
    spectra = []
    for seed in lib.seeds(DRAWS):
        draw = np.random.default_rng(seed).standard_normal
        M = [draw((b, a)) / math.sqrt(a) for a, b in pairwise(sizes)]
        inner = c[1] * np.eye(sizes[1]) + c[2] * M[1].T @ M[1]
        spectra.append(np.linalg.eigvalsh(c[0] * np.eye(D) + M[0].T @ inner @ M[0]))
    bulk = KernelBulk(c, rho)
    assert_is_the_edge(bulk.edge, [spectrum[-1] for spectrum in spectra])
    for factor in (1.2, 3.0):
        eigenvalue = factor * bulk.edge
        transform = bulk.chain(bulk.parameter(eigenvalue))[1][0]
        found = np.mean(1 / (eigenvalue - np.array(spectra)))
        assert found == pytest.approx(transform, rel=5e-3)


@pytest.mark.parametrize("branch", [0.0, 0.3, 1.7])
def test_the_bulk_of_a_stream_is_that_of_random_matrices(branch):
    """x^1 = M_0 x^0, x^{l+1} = x^l + w M_l x^l: Stieltjes transforms of the first and last site."""
    c, nu, D = [0.2, 0.5, 0.7, 1.0], 0.8, 500
    N = round(nu * D)
    bulk = KernelBulk(c, [nu, 1.0, 1.0], [1.0, branch, branch], [False, True, True])
    beyond = [factor * bulk.edge for factor in (1.5, 4.0)]
    tops, first, last = [], [], []
    for seed in lib.seeds(DRAWS):
        draw = np.random.default_rng(seed).standard_normal
        Phi = [np.eye(D), draw((N, D)) / math.sqrt(D)]
        for _ in range(2):
            Phi.append(Phi[-1] + branch * draw((N, N)) @ Phi[-1] / math.sqrt(N))
        Theta = sum(weight * phi.T @ phi for weight, phi in zip(c, Phi, strict=True))
        spectrum, axes = np.linalg.eigh(Theta)
        tops.append(spectrum[-1])
        shares = np.sum((Phi[-1] @ axes) ** 2, axis=0)
        first.append([np.mean(1 / (eigenvalue - spectrum)) for eigenvalue in beyond])
        last.append([np.sum(shares / (eigenvalue - spectrum)) / N for eigenvalue in beyond])
    assert_is_the_edge(bulk.edge, tops)
    for k, eigenvalue in enumerate(beyond):
        _, G, T = bulk.chain(bulk.parameter(eigenvalue))
        assert np.mean(first, axis=0)[k] == pytest.approx(G[0], rel=3e-3)
        assert np.mean(last, axis=0)[k] == pytest.approx(G[-1], rel=3e-2)
        assert T[-1] == pytest.approx(c[-1] * (1 + c[-1] * G[-1]), rel=1e-12)


def test_branches_of_no_strength_leave_one_hidden_matrix():
    r"""$\lambda = C_g^1(t,t) + z^2/\nu$ at beta_0 = 0, as for one hidden layer."""
    network = lib.Network(3, 0.7, 9.0, branch_scale=0.0)
    data, training = lib.Data(samples=2, noise=0.3), lib.GradientDescent(20, 0.01)
    run = lib.solve(network, data, training, keep_matrices=True)
    upper = lib.weight_outliers(network, data, training, 20).upper[0, 0, 0]
    found = lib.kernel_outlier(network, data, training, 20)
    expected = run.C_g[1][20, 20] + upper**2 / 0.7
    assert found.leading[0] == pytest.approx(expected, rel=1e-11)


def test_outputs_of_one_hidden_layer_are_the_outliers_of_its_matrix():
    r"""$C_g^1(tc, tc) + z^2/\nu$ over all principal outputs c and all outliers z of $W^0$."""
    turned = np.array([[1.0, 0.3, 0.1], [0.3, 0.6, 0.2], [0.1, 0.2, 0.5]])
    data = lib.Data(samples=3, noise=0.2, spectrum=lib.Spectrum([1.0], [turned], [1.0]))
    network, training = lib.Network(1, 0.7, 10.0, outputs=3), lib.GradientDescent(40, 0.01)
    run = lib.solve(network, data, training, keep_matrices=True)
    last = slice(40 * 3, None)
    weights = np.linalg.eigvalsh(run.C_g[1][last, last])
    upper = lib.weight_outliers(network, data, training, 40).upper[0, 0]
    upper = upper[np.isfinite(upper)]
    found = lib.kernel_outlier(network, data, training, 40)
    expected = weights[:, None] + upper**2 / 0.7
    edge = weights[-1] + (1 + math.sqrt(0.7)) ** 2 / 0.7
    assert len(upper) >= 2 and found.edge[0] == pytest.approx(edge, rel=1e-10)
    assert found.leading[0] == pytest.approx(expected.max(), rel=1e-10)
    assert found.count[0] == np.sum(expected > edge) < expected.size


@pytest.mark.parametrize("of", ["weights", "samples"])
def test_equal_outputs_share_their_kernels(of):
    """Axes do not matter, and C equal outputs have C^2 equal eigenvalues."""
    problem = lib.Data(samples=2, noise=0.3), lib.GradientDescent(20, 0.01), 20
    network = lib.Network(2, 0.8, 12.0, branch_scale=1.0)
    one = lib.kernel_outlier(network, *problem, of=of)
    two = lib.kernel_outlier(replace(network, outputs=2), *problem, of=of)
    assert one.count[0] == 1 and two.count[0] == 4
    assert two.leading == pytest.approx(one.leading, rel=1e-12)
    assert two.edge == pytest.approx(one.edge, rel=1e-12)


STREAM = {"branch_scale": 1.3, "init_scale": (1.2, 0.7, 0.9, 1.1)}


@pytest.mark.parametrize("of", ["weights", "samples"])
@pytest.mark.parametrize("parameter", [0.2, 0.9])
@pytest.mark.parametrize(
    ("widths", "fields"),
    [((0.5, 1.3, 0.8), {"init_scale": (1.2, 0.7, 0.9, 1.1)}), (0.8, STREAM)],
    ids=["plain", "residual"],
)
def test_the_response_is_symmetric(of, parameter, widths, fields):
    """What a source at one field does to another is mutual."""
    network = lib.Network(3, widths, 9.0, **fields)
    training = lib.GradientDescent(
        8, 0.01, momentum=0.4, weight_decay=3.0, layer_rates=(0.5, 1.5, 0.8, 1.2)
    )
    trained = trained_network(network, lib.Data(samples=2, noise=0.3), training)
    cavity = Cavity(trained, 8, of)
    S = cavity.response(parameter)
    assert cavity.asymmetry < 1e-12 * np.abs(S).max()


@pytest.mark.parametrize("of", ["weights", "samples"])
def test_scales_of_the_start_are_a_choice_of_units(of):
    r"""Weights in units of their initial scales: $r_l \to r_l \prod \sigma^2/\sigma_l^2$, $\gamma_0 \to \gamma_0/\prod\sigma$."""
    sigmas, rates, gamma = np.array([1.3, 0.6, 0.9]), np.array([0.8, 1.6, 0.7]), 9.0
    total = np.prod(sigmas)
    data, run = lib.Data(samples=2, noise=0.3), {"momentum": 0.4, "weight_decay": 3.0}
    found = [
        lib.kernel_outlier(
            lib.Network(2, (0.6, 1.2), richness, init_scale=scales),
            data,
            lib.GradientDescent(20, 0.01, layer_rates=factors, **run),
            [8, 20],
            of=of,
        )
        for richness, scales, factors in (
            (gamma, tuple(sigmas), tuple(rates)),
            (gamma / total, 1.0, tuple(rates * total**2 / sigmas**2)),
        )
    ]
    assert found[0].count.min() >= 1
    assert found[0].edge == pytest.approx(found[1].edge, rel=1e-11)
    assert found[0].leading == pytest.approx(found[1].leading, rel=1e-9)


def test_width():
    """Printed values: mean-field kernels are the same at every width, NTK kernels become lazy."""
    for nu, mean_field, ntk in (
        (0.5, 87.0127, 135.545),
        (4, 84.9501, 33.0725),
        (16, 84.7935, 9.5113),
    ):
        for gamma, value in ((12, mean_field), (12 / math.sqrt(nu), ntk)):
            found = lib.kernel_outlier(lib.Network(2, nu, gamma), *C[1:], 40)
            assert found.leading[0] == pytest.approx(value, abs=6e-4)


def test_it_is_the_sharpness_once_residuals_are_small():
    """Printed values of the full Hessian: .9 too low at t = 20, within a thousandth at t = 60."""
    from lib.questions.sharpness import sharpness

    kernel = lib.kernel_outlier(*A, [20, 60]).leading
    hessian = sharpness(*A, [20, 60]).top
    assert hessian == pytest.approx([9.22, 16.2186], abs=6e-3)
    assert abs(hessian[1] / kernel[1] - 1) < 1e-3 < 0.05 < kernel[0] / hessian[0] - 1


def test_dimension_free_spectra_count_their_directions():
    D, gamma = 50, 12.0
    free = lib.Data(spectrum=lib.Spectrum.trace_class([1.0 / D], [1.0], [D]))
    network = lib.Network(2, D, gamma / math.sqrt(D))
    found = lib.kernel_outlier(network, free, lib.GradientDescent(20, 0.005 * D), 20)
    ratio = lib.kernel_outlier(
        lib.Network(2, 1.0, gamma), POPULATION, lib.GradientDescent(20, 0.005), 20
    )
    assert found.edge == pytest.approx(ratio.edge, rel=1e-9)
    assert found.leading == pytest.approx(ratio.leading, rel=1e-9)


def test_a_diverging_run_stops_at_its_last_valid_step():
    found = lib.kernel_outlier(
        lib.Network(1, 0.7, 8.0), POPULATION, lib.GradientDescent(9, 0.5), range(10)
    )
    last = found.status.step
    assert np.isfinite(found.edge[:last]).all() and np.isnan(found.edge[last:]).all()


@pytest.mark.parametrize(
    ("network", "data", "of", "message"),
    [
        (
            lib.Network(2, 1.0, outputs=2),
            lib.Data(
                spectrum=lib.Spectrum(
                    [0.5, 1.5], [[[1.0, 0.0], [0.0, 0.5]], [[1.0, 0.3], [0.3, 0.5]]], [0.5, 0.5]
                )
            ),
            "weights",
            "different principal axes",
        ),
        (A[0], POPULATION, "samples", "training set"),
        (A[0], POPULATION, "both", "'weights' or 'samples'"),
        (
            A[0],
            lib.Data(samples=2, spectrum=lib.Spectrum([1.0, 2.0], [1.0, 1.0], [0.5, 0.5])),
            "samples",
            "isotropic",
        ),
        ([A[0]], POPULATION, "weights", "not a sequence"),
        (lib.Network(1, math.inf), POPULATION, "weights", "large finite one"),
        (lib.Network(math.inf, 1.0, branch_scale=1.0), POPULATION, "weights", "large finite one"),
    ],
)
def test_bad_input(network, data, of, message):
    with pytest.raises(ValueError, match=message):
        lib.kernel_outlier(network, data, A[2], 1, of=of)
