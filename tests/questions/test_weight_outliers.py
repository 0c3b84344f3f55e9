"""Outliers of trained matrices: checked values, closed forms, a second derivation, mutations, limits."""

import dataclasses
import math

import numpy as np
import pytest
from references.conditioning import conditioned

import lib
from lib.questions import trained_matrices
from lib.questions.spikes import Spikes, green

POPULATION = lib.Data()
A = lib.Network(1, 1.0, 8.0), POPULATION, lib.GradientDescent(60, 0.01)
B = lib.Network(1, 1.0, 8.0), lib.Data(batch=0.05), lib.GradientDescent(30, 0.02)
C = lib.Network(2, 0.5, 12.0), POPULATION, lib.GradientDescent(40, 0.005)
TWO_MODES = lib.Data(spectrum=lib.Spectrum([0.4, 1.6], [1.5, 0.5], [0.5, 0.5]))
DECAY = lib.GradientDescent(29, 0.003, momentum=0.6, weight_decay=2.0)
NARROW = lib.Network(1, 0.1, 0.3)
nan = np.nan

CHECKED = {
    "A": (A, [20, 60], [[[2.376290696]], [[2.926031143]]], 2e-9),
    "B": (
        B,
        [15, 30],
        [[[4.129932907, 2.115475288, nan]], [[4.898095819, 2.323878816, 2.080745902]]],
        2e-9,
    ),
    "C": (
        C,
        [20, 40],
        [[[1.776086286], [2.308884140]], [[1.813155802], [2.421688187]]],
        2e-9,
    ),
    "momentum and weight decay": (
        (lib.Network(2, (0.5, 1.0), 10.0), POPULATION, DECAY),
        29,
        [[[1.98700805], [2.76077908]]],
        2e-8,
    ),
    "two outputs": (
        (lib.Network(2, (0.5, 1.0), 10.0, outputs=2), POPULATION, lib.GradientDescent(29, 0.008)),
        29,
        [[[2.00408023] * 2, [2.9104532] * 2]],
        2e-8,
    ),
    "spectrum": (
        (lib.Network(2, (1.5, 0.8), 9.0), TWO_MODES, lib.GradientDescent(40, 0.006)),
        40,
        [[[2.25008], [1.83385]]],
        1e-5,
    ),
    "centered": (
        (
            lib.Network(2, (1.5, 0.8), 9.0, centered=True),
            TWO_MODES,
            lib.GradientDescent(40, 0.006),
        ),
        40,
        [[[2.25894], [1.84462]]],
        1e-5,
    ),
}
"""All printed digits of an independent calculation, which agreed with networks of D = 200 to 400."""

VARIED = {
    "rich, data": (
        lib.Network(3, (0.5, 1.0, 0.7), 12.0),
        lib.Data(samples=2, noise=0.3),
        lib.GradientDescent(3, 0.02),
    ),
    "momentum, decay": (
        lib.Network(2, (1.4, 0.6), 12.0),
        lib.Data(samples=3, noise=0.5),
        lib.GradientDescent(5, 0.02, momentum=0.5, weight_decay=1.0),
    ),
    "scales and rates of their own": (
        lib.Network(2, (1.4, 0.6), 8.0, init_scale=(1.3, 0.6, 0.8)),
        lib.Data(samples=3, noise=0.5),
        lib.GradientDescent(5, 0.05, weight_decay=1.0, layer_rates=(0.5, 2.0, 0.7)),
    ),
    "residual": (
        lib.Network(3, 0.8, 10.0, branch_scale=2.0),
        lib.Data(batch=1.0, noise=0.2),
        lib.GradientDescent(6, 0.02),
    ),
    "two outputs": (
        lib.Network(2, (0.7, 1.2), 10.0, outputs=2, centered=True),
        dataclasses.replace(
            TWO_MODES,
            spectrum=lib.Spectrum([0.4, 1.6], np.array([[[2, 0.3], [0.3, 0.5]]] * 2), [0.5, 0.5]),
        ),
        lib.GradientDescent(4, 0.03),
    ),
}


@pytest.mark.parametrize("name", CHECKED)
def test_checked_values(name):
    problem, times, expected, digits = CHECKED[name]
    found = lib.weight_outliers(*problem, times)
    assert found.upper == pytest.approx(np.array(expected), abs=digits, nan_ok=True)
    assert (found.count() == np.isfinite(expected).sum(-1)).all()


def test_edges_are_those_of_the_random_start():
    found = lib.weight_outliers(lib.Network(2, (0.5, 1.0), 10.0), POPULATION, DECAY, [0, 29])
    left = DECAY.memory().decay[[0, 29], None, None]
    roots = np.sqrt([0.5, 2.0])
    expected = left * np.stack([np.abs(1 - roots), 1 + roots], axis=-1)
    assert found.edges == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("steps", "rate", "expected"),
    [
        (1, 0.5, 0.46745638),
        (2, 0.5, 0.66024098),
        (1, 0.3, 0.62802839),
        (2, 0.3, 0.362479906),
        (3, 0.3, 0.60555663),
    ],
)
def test_lower_outliers(steps, rate, expected):
    found = lib.weight_outliers(NARROW, POPULATION, lib.GradientDescent(steps, rate), steps)
    assert found.lower[0, 0] == pytest.approx([expected], abs=1e-8)
    assert found.edges[0, 0, 0] == pytest.approx(1 - math.sqrt(0.1), rel=1e-12)


def one_step(network, data, eta, l):
    """w of the closed form after one step from the correlations of step 0, all plain numbers."""
    run = lib.solve(network, data, lib.GradientDescent(1, eta), keep_matrices=True)
    widths = [1.0, *network.widths]
    rho, kick = widths[l + 1] / widths[l], network.richness * eta
    C_h, R_h, C_g = (kept[0, 0] for kept in (run.C_h[l], run.R_h[l], run.C_g[l + 1]))
    return 1 / (math.sqrt(rho) * C_g * (kick**2 * C_h + 2 * kick * R_h)), rho


@pytest.mark.parametrize("data", [POPULATION, lib.Data(samples=2, noise=0.3), lib.Data(batch=0.7)])
def test_one_step_has_a_closed_form(data):
    network = lib.Network(3, (0.5, 1.0, 0.7), 12.0)
    found = lib.weight_outliers(network, data, lib.GradientDescent(1, 0.1), 1)
    for l in range(3):
        w, rho = one_step(network, data, 0.1, l)
        assert found.upper[0, l] == pytest.approx([green(w, rho)[0]], rel=1e-12)


def test_one_step_by_hand():
    """Printed values, and the correlations of step 0 as sums over widths."""
    network, data = lib.Network(3, (0.5, 1.0, 0.7), 12.0), lib.Data(samples=2, noise=0.3)
    found = lib.weight_outliers(network, data, lib.GradientDescent(1, 0.1), 1)
    assert found.upper[0, :, 0] == pytest.approx(
        [1.7990819572, 2.5500833441, 1.8977667299], abs=2e-10
    )
    gamma, last = network.richness, 0.7
    C_h = 1 + 1 / (gamma**2 * last)
    for l, nu in enumerate((0.5, 1.0, 0.7)):
        below = (1.0, 0.5, 1.0)[l]
        C_h += 0 if l == 0 else 1 / (gamma**2 * last * below)
        rho, kick = nu / below, gamma * 0.1
        w = 1 / (last / math.sqrt(nu * below) * (kick**2 * C_h - 2 * kick / (gamma * last)))
        z = green(w, rho)[0]
        found = lib.weight_outliers(network, POPULATION, lib.GradientDescent(1, 0.1), 1)
        assert found.upper[0, l] == pytest.approx([z], rel=1e-12)


@pytest.mark.parametrize("name", VARIED)
def test_a_second_derivation_has_the_same_roots(name):
    """The determinant changes sign where an outlier is said to be, and nowhere else."""
    network, data, training = VARIED[name]
    trained = trained_matrices.trained_network(network, data, training)
    t = min(3, training.steps)
    seen = 0
    for matrix in trained.layers:
        sign = conditioned(matrix, network.outputs, t)
        roots = Spikes(matrix, network.outputs).above(t)
        for w in roots:
            nearby = [sign(w * (1 + step)) for step in (-1e-7, 1e-7)]
            assert nearby[0] == -nearby[1]
        grid = np.linspace(1e-3, 1, 300)
        signs = np.array([sign(w) for w in grid])
        assert np.sum(signs[1:] != signs[:-1]) == len(roots)
        seen += len(roots)
    assert seen > 0


@pytest.mark.parametrize("name", VARIED)
def test_gains_grow_towards_the_edge(name):
    """Monotone gains are why no root can be missed."""
    network, data, training = VARIED[name]
    trained = trained_matrices.trained_network(network, data, training)
    for matrix in trained.layers:
        spikes = Spikes(matrix, network.outputs)
        gains = np.array([spikes._gains(training.steps, w) for w in np.linspace(0.02, 1, 40)])
        positive = (gains > 1e-12).sum(axis=1)
        assert (positive == positive[-1]).all()
        assert (np.diff(gains[:, -positive[-1] :], axis=0) > 0).all()


@pytest.mark.parametrize("name", VARIED)
def test_singular_vectors_solve_the_cavity_equations(name):
    """And |x|^2/N_l = rho |y|^2/N_{l+1}, both from their own sums."""
    network, data, training = VARIED[name]
    trained = trained_matrices.trained_network(network, data, training)
    t, seen = training.steps, 0
    past = slice(0, t * network.outputs)
    for matrix in trained.layers:
        rho, k = matrix.rho, matrix.k[t, past]
        C_h, R_h = matrix.C_h[past, past], matrix.R_h[past, past]
        C_g, R_g = matrix.C_g[past, past], matrix.R_g[past, past]
        spikes = Spikes(matrix, network.outputs)
        for j, w in enumerate(spikes.above(t)):
            _, G_x, G_y = green(w, rho)
            alpha, beta, c, size = spikes.vectors(t, w, j)
            alpha, beta, c = alpha[past], beta[past], c / G_x
            d = k * alpha + G_x * R_h.T @ c
            scale = np.abs(c).max()
            assert c == pytest.approx(rho * G_y * R_g.T @ d + k * beta, abs=1e-9 * scale)
            scale = np.abs(alpha).max() + np.abs(beta).max()
            assert alpha == pytest.approx(G_x * (R_h @ beta + C_h @ c), abs=1e-8 * scale)
            assert beta == pytest.approx(rho * G_y * (R_g @ alpha + C_g @ d), abs=1e-8 * scale)
            left = G_y**2 * (size + 2 * d @ R_g @ alpha + d @ C_g @ d)
            assert size == pytest.approx(rho * left, rel=1e-8)
            seen += 1
    assert seen > 0


@pytest.mark.parametrize(
    ("dropped", "expected"),
    [(("R_h", "R_g"), 2.819), (("R_h",), 3.238), (("R_g",), 2.536)],
)
def test_the_dependence_on_the_start_is_not_optional(dropped, expected):
    """Mutations: fields that do not respond to W(0) put the outlier 4 to 13 per cent elsewhere."""
    (matrix,) = trained_matrices.trained_network(*A).layers
    mutated = dataclasses.replace(matrix, **{name: 0 * matrix.R_h for name in dropped})
    (w,) = Spikes(mutated, 1).above(60)
    assert green(w, 1.0)[0] == pytest.approx(expected, abs=6e-4)
    assert abs(green(w, 1.0)[0] - 2.926031143) > 0.1


def test_scales_of_the_start_are_a_choice_of_units():
    r"""Weights in units of their initial scales: $r_l \to r_l \prod \sigma^2/\sigma_l^2$, $\gamma_0 \to \gamma_0/\prod\sigma$."""
    sigmas, rates, gamma = np.array([1.3, 0.6, 0.9]), np.array([0.8, 1.6, 0.7]), 9.0
    total = np.prod(sigmas)
    found = [
        lib.weight_outliers(
            lib.Network(2, (0.6, 1.2), richness, init_scale=scales),
            lib.Data(samples=2, noise=0.3),
            lib.GradientDescent(20, 0.01, weight_decay=3.0, layer_rates=factors),
            20,
        )
        for richness, scales, factors in (
            (gamma, tuple(sigmas), tuple(rates)),
            (gamma / total, 1.0, tuple(rates * total**2 / sigmas**2)),
        )
    ]
    assert (found[0].count() >= 1).all()
    assert found[0].upper[0, :, 0] == pytest.approx(sigmas[:2] * found[1].upper[0, :, 0], rel=1e-10)
    for name in ("target", "readout", "h", "g"):
        assert found[0].overlaps[name] == pytest.approx(
            found[1].overlaps[name], rel=1e-6, abs=1e-12, nan_ok=True
        )


def test_overlaps_with_the_past_and_with_the_target():
    """Printed digits of the independent calculation; networks had .9632(19), .9294(22), .9546(19)."""
    found = lib.weight_outliers(*A[:2], lib.GradientDescent(30, 0.01), 30).overlaps
    assert found["h"][0, 0, 0, [0, 15, 29]] == pytest.approx([0.9295, 0.8234, 0.4671], abs=6e-5)
    assert found["g"][0, 0, 0, [0, 15, 29]] == pytest.approx([0.3939, 0.9407, 0.9536], abs=6e-5)
    assert found["target"][0] == pytest.approx([0.96271], abs=6e-6)
    assert found["readout"][0, 0] == found["g"][0, 0, 0, 30]
    one_pass = lib.weight_outliers(*B, 30).overlaps
    assert one_pass["target"][0, :2] == pytest.approx([0.7146, 0.0003], abs=6e-5)
    assert one_pass["g"][0, 0, 1, [0, 15, 29]] == pytest.approx([0.0427, 0.0084, 0.1229], abs=6e-5)


def test_nothing_has_left_at_the_start():
    found = lib.weight_outliers(*C, 0)
    assert (found.count() == 0).all() and (found.gain == 0).all()
    assert np.isnan(found.upper).all() and np.isnan(found.lower).all()
    still = lib.weight_outliers(*C[:2], lib.GradientDescent(3, 0.0), [0, 3])
    assert (still.count() == 0).all() and (still.gain == 0).all()


def test_small_steps_tend_to_gradient_flow():
    """At fixed eta t the outlier changes by O(eta): halving eta halves the change."""
    values = [
        lib.weight_outliers(*A[:2], lib.GradientDescent(steps, 0.4 / steps), steps).upper[0, 0, 0]
        for steps in (20, 40, 80, 160)
    ]
    assert values == pytest.approx([2.902197, 2.894678, 2.891047, 2.889264], abs=1e-6)
    changes = np.diff(values)
    assert changes[1:] / changes[:-1] == pytest.approx([0.48, 0.49], abs=0.02)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mean-field", [2.42169, 2.47195, 2.49796, 2.51118, 2.51784, 2.52118]),
        ("NTK", [2.66337, 2.47195, 2.29658, 2.13645, 2.01281, nan]),
    ],
)
def test_width(kind, expected):
    """The hidden spike is the same at every width in mean-field, and sinks into the bulk in NTK."""
    for nu, value in zip((0.5, 1, 2, 4, 8, 16), expected, strict=True):
        gamma = 12.0 if kind == "mean-field" else 12 / math.sqrt(nu)
        found = lib.weight_outliers(lib.Network(2, nu, gamma), *C[1:], 40)
        assert found.upper[0, 1] == pytest.approx([value], abs=1e-5, nan_ok=True)
        if math.isnan(value):
            assert found.gain[0, 1] == pytest.approx(0.731, abs=1e-3)


def test_hidden_matrices_of_infinite_width_are_the_limit_of_wide_ones():
    """Corrections of order 1/nu; W^0, between finite and infinite layers, has no scale."""
    found = [
        lib.weight_outliers(
            lib.Network(3, nu, 12.0), POPULATION, lib.GradientDescent(20, 0.003), 20
        )
        for nu in (16, 64, math.inf)
    ]
    near, nearer, limit = (one.upper[0, 1:, 0] for one in found)
    assert (limit - near) / (limit - nearer) == pytest.approx([4, 4], abs=0.1)
    assert np.isnan(found[2].edges[0, 0]).all() and np.isnan(found[2].gain[0, 0])
    assert found[2].edges[0, 1].tolist() == [0, 2] and found[2].count().tolist() == [[0, 1, 1]]


def test_what_a_gain_of_one_means():
    """Trained to the end, L = 1, nu = 1: the gain at the edge against the richness."""
    gains = []
    for gamma in (1, 2, 3, 4, 8):
        training = lib.GradientDescent(round(280 / gamma), 0.02 if gamma < 4 else 0.01)
        network = lib.Network(1, 1.0, gamma)
        found = lib.weight_outliers(network, POPULATION, training, training.steps)
        gains.append(found.gain[0, 0])
    assert gains == pytest.approx([0.45, 0.75, 1.05, 1.33, 2.35], abs=0.06)
    assert (np.diff(gains) > 0).all()


def test_equal_outputs_share_their_outliers():
    """Sum over outputs of the overlaps with the target is that of one network with one output each."""
    problem = CHECKED["two outputs"][0]
    found = lib.weight_outliers(*problem, [10, 29])
    assert found.upper[..., 0] == pytest.approx(found.upper[..., 1], rel=1e-9)
    assert found.overlaps["target"].shape == (2, 2, 2)
    assert found.overlaps["h"].shape == (2, 2, 2, 30, 2)
    total = found.overlaps["target"].sum(axis=-1)
    assert total[:, 0] == pytest.approx(total[:, 1], rel=1e-6)


def test_several_times_share_one_solution_and_do_not_disturb_each_other():
    together = lib.weight_outliers(*B, [30, 15, 15])
    alone = lib.weight_outliers(*B, 15)
    assert together.times.tolist() == [30, 15, 15]
    assert together.upper[1, 0, :2] == pytest.approx(alone.upper[0, 0], rel=1e-10)
    assert together.upper[2] == pytest.approx(together.upper[1], nan_ok=True)


def test_a_longer_run_says_the_same_about_its_beginning():
    short = lib.weight_outliers(*C[:2], lib.GradientDescent(20, 0.005), 20)
    long = lib.weight_outliers(*C, 20)
    assert long.upper == pytest.approx(short.upper, rel=1e-10)


def test_a_diverging_run_stops_at_its_last_valid_step():
    found = lib.weight_outliers(
        lib.Network(1, 0.7, 8.0), POPULATION, lib.GradientDescent(20, 0.5), range(21)
    )
    last = found.status.step
    assert found.status.name == "DIVERGED"
    assert np.isfinite(found.gain[:last]).all() and np.isnan(found.gain[last:]).all()
    assert (found.count()[last:] == 0).all() and found.count()[last - 1, 0] > 0


def test_branches_of_infinite_depth_stay_random():
    """W^0 alone is left, and it is that of many layers."""
    training = lib.GradientDescent(8, 0.01)
    gains = []
    for depth in (8, 16, math.inf):
        network = lib.Network(depth, 1.0, 8.0, branch_scale=1.0)
        gains.append(lib.weight_outliers(network, POPULATION, training, 8).gain[0])
    first = [gain[0] for gain in gains]
    assert (first[0] - first[2]) / (first[1] - first[2]) == pytest.approx(2, abs=0.3)
    assert max(gains[1][1:]) < 0.8 * max(gains[0][1:])
    assert len(gains[2]) == 1


def test_late_steps_leave_the_early_ones_alone():
    """Nor does what is known only to rounding errors at the end of a run, where the loss is 1e-20."""
    network = lib.Network(1, 1.0, 8.0)
    found = lib.weight_outliers(network, POPULATION, lib.GradientDescent(250, 0.02), [20, 60, 250])
    short = lib.weight_outliers(network, POPULATION, lib.GradientDescent(20, 0.02), 20)
    assert found.upper[0] == pytest.approx(short.upper[0], rel=1e-10)
    assert found.upper[2:, 0, 0] == pytest.approx(found.upper[1, 0, 0], rel=1e-8)


def test_dimension_free_spectra_count_their_directions():
    """D isotropic directions of one network, told in both ways."""
    D, gamma = 50, 8.0
    free = lib.Data(spectrum=lib.Spectrum.trace_class([1.0 / D], [1.0], [D]))
    same = lib.weight_outliers(
        lib.Network(2, D, gamma / math.sqrt(D)), free, lib.GradientDescent(30, 0.01 * D), 30
    )
    ratio = lib.weight_outliers(
        lib.Network(2, 1.0, gamma), POPULATION, lib.GradientDescent(30, 0.01), 30
    )
    assert same.edges == pytest.approx(ratio.edges)
    assert same.upper == pytest.approx(ratio.upper, rel=1e-9)


@pytest.mark.parametrize(
    ("problem", "times", "message"),
    [
        (([A[0]], *A[1:]), 1, "not a sequence"),
        ((*A[:2], [A[2]]), 1, "not a sequence"),
        ((*A[:2], lib.GradientFlow(1.0)), 1, "GradientDescent with small steps"),
        (A, 61, "between 0 and 60"),
        (A, [], "between 0 and 60"),
        (A, 1.5, "integer"),
    ],
)
def test_bad_input(problem, times, message):
    with pytest.raises(ValueError, match=message):
        lib.weight_outliers(*problem, times)
