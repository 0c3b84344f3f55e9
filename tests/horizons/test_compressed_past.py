"""The march with a compressed past: against every step, against nodes, and in its parts."""

import math

import numpy as np
import pytest
from references.problems import true_error

import lib
from lib.equations.data_regimes import Repeated
from lib.equations.linear_gaussian import transpose
from lib.horizons import amplification
from lib.horizons.compression_errors import CompressionErrors
from lib.horizons.past_moments import (
    SHORTEST,
    Past,
    Projection,
    Stretch,
    at_nodes,
    polynomials,
)
from lib.problem.training import Training

CASES = {
    "fresh batches": (lib.Network(2, 0.5), lib.Data(batch=0.5, noise=0.3), {}),
    "momentum": (lib.Network(1, 0.5), lib.Data(batch=0.5, noise=0.3), {"momentum": 0.6}),
    "Nesterov": (
        lib.Network(1, 0.8),
        lib.Data(batch=1.0),
        {"momentum": 0.5, "nesterov": True},
    ),
    "repeated, centered": (
        lib.Network(2, 0.5, centered=True),
        lib.Data(samples=1.5, noise=0.3),
        {},
    ),
    "bottleneck": (lib.Network(3, (0.5, 0.2, 0.7)), lib.Data(batch=2.0), {}),
    "residual": (lib.Network(4, 0.5, branch_scale=1.0), lib.Data(batch=1.5, noise=0.3), {}),
    "two outputs, centered": (
        lib.Network(2, 0.5, outputs=2, centered=True),
        lib.Data(batch=1.5, noise=0.3),
        {},
    ),
    "power law": (
        lib.Network(2, 64, centered=True),
        lib.Data(batch=8, spectrum=lib.Spectrum.power_law(200, 1.5, 0.5)),
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_losses_are_those_of_every_step(name):
    network, data, options = CASES[name]
    training = lib.GradientDescent(160, 0.03, **options)
    exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
    short = lib.solve(network, data, training, grid=lib.CompressedPast(1e-8))
    assert short.status.name == "COMPLETE" and 0 < short.error < 1e-7
    np.testing.assert_array_equal(short.times, exact.times)
    for loss in ("excess_loss", "train_loss", "test_loss", "bias", "data_variance"):
        np.testing.assert_allclose(
            getattr(short, loss), getattr(exact, loss), rtol=1e-7, atol=1e-10
        )
    np.testing.assert_allclose(
        short.excess_by_output, exact.excess_by_output, rtol=1e-7, atol=1e-10
    )
    assert short.residual < 1e-12


class FreshLabels(Repeated):
    """A fixed set of inputs whose label noise is drawn anew at every step."""

    def label_noise(self, now):
        R = self.R_Delta[:, : now.stop, : now.stop]
        return self.floor * R[:, now] @ transpose(R)


class FreshLabelData(lib.Data):
    def regime(self, axis, batch):
        return FreshLabels(self.samples, self.noise, axis, batch)


def test_white_noise_of_labels_keeps_its_moments():
    problem = lib.Network(1, 0.8), FreshLabelData(samples=1.5, noise=0.7)
    training = lib.GradientDescent(150, 0.05)
    exact = lib.solve(*problem, training, grid=lib.EveryStep(), keep_matrices=False)
    short = lib.solve(*problem, training, grid=lib.CompressedPast(1e-8))
    np.testing.assert_allclose(short.excess_loss, exact.excess_loss, rtol=1e-7)
    np.testing.assert_allclose(short.train_loss, exact.train_loss, rtol=1e-7)


def test_a_smaller_tolerance_gives_a_smaller_error_and_the_estimate_bounds_it():
    network, data = lib.Network(2, 0.5), lib.Data(batch=0.5, noise=0.3)
    training = lib.GradientDescent(250, 0.03)
    exact = lib.solve(network, data, training, grid=lib.EveryStep()).excess_loss
    errors = []
    for tolerance in (1e-3, 1e-6, 1e-9):
        solved = lib.solve(network, data, training, grid=lib.CompressedPast(tolerance))
        errors.append(np.abs(solved.excess_loss / exact - 1).max())
        assert errors[-1] < tolerance
        assert errors[-1] < solved.error
    assert errors[2] < errors[1] < errors[0]


LOSSES = ("excess_loss", "train_loss")
ONE_MODE = lib.Spectrum(eigenvalues=[1.0], target_power=[1.0], mass=[1.0])
TWO_MODES = lib.Spectrum(eigenvalues=[1.0, 0.2], target_power=[0.7, 0.3], mass=[0.5, 0.5])


@pytest.mark.parametrize(
    ("network", "data", "training", "tolerance"),
    [
        (
            lib.Network(1, 10.0, 1.0, branch_scale=0.0),
            lib.Data(samples=17.8, noise=0.1, spectrum=ONE_MODE),
            lib.GradientDescent(112, 0.1, momentum=0.5),
            1e-5,
        ),
        (
            lib.Network(1, 10.0),
            lib.Data(samples=19.5, noise=0.5, spectrum=TWO_MODES),
            lib.GradientDescent(96, 0.15, momentum=0.5),
            1e-5,
        ),
        (
            lib.Network(3, 2.0, 3.0),
            lib.Data(samples=9.2, noise=0.1, spectrum=TWO_MODES),
            lib.GradientDescent(160, 0.15, momentum=0.5),
            1e-4,
        ),
        (
            lib.Network(3, math.inf, 3.0, branch_scale=0.0),
            lib.Data(samples=19.3, noise=0.5, spectrum=TWO_MODES),
            lib.GradientDescent(160, 0.05, momentum=0.5),
            1e-4,
        ),
    ],
)
def test_a_stretch_keeps_what_products_make_of_it(network, data, training, tolerance):
    # Rows of C_v and of the responses are constant on a stretch long after training has converged, but the
    # sum over the past between them grows with it: one moment was kept, and losses were wrong by 1e-4 to .2.
    exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
    short = lib.solve(network, data, training, grid=lib.CompressedPast(tolerance))
    off = true_error(short, exact)
    assert short.status.name == "COMPLETE"
    assert off < short.error + 1e-9 and off < tolerance


def test_an_error_grows_with_the_loss():
    # What moves a loss at its lowest counts as much more as the loss has risen since.
    t = np.arange(40)
    falling, rising = 0.5**t, np.where(t <= 20, 0.5**t, 0.01)
    errors, first = CompressionErrors(()), {name: np.ones((2, 1)) for name in LOSSES}
    now = {name: np.full((2, 1), 0.5**20) for name in LOSSES}
    after = {name: (1 + 1e-8) * loss for name, loss in now.items()}
    means = {"means": np.zeros((2, 1, 1))}
    errors.note(20, after | means, now | means, first)
    losses = {name: np.stack([falling, rising])[..., None] for name in LOSSES}
    found, lost = errors.judge(losses, np.zeros((2, 1, 40)), np.ones(1))
    assert lost == [None, None]
    np.testing.assert_allclose(found[1] / found[0], 0.01 / (0.5**20 + 1e-4))
    np.testing.assert_allclose(found[0], 10 * 1e-8 * 0.5**20 / (0.5**20 + 1e-4), rtol=1e-6)


SLOW_AND_FAST = lib.Spectrum([1.0, 0.003], [0.5, 0.5 / 0.003], [0.5, 0.5])


def rising(steps, before, after, at):
    return lib.GradientDescent(steps, np.where(np.arange(steps) < at, before, after).tolist())


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6])
@pytest.mark.parametrize(
    ("richness", "training"),
    [
        (0.1, rising(220, 0.75, 1.04, 56)),
        (0.1, rising(220, 0.9, 1.05, 120)),
        (0.5, rising(220, 0.75, 1.04, 56)),
    ],
    ids=["early", "late", "a catapult"],
)
def test_an_edge_that_is_crossed_late_is_no_silent_number(richness, training, tolerance):
    # The fast mode has long been forgotten when it becomes unstable: what a compression has moved it by is then
    # multiplied at each step, and no loss shows it until it is as large as all else.
    network = lib.Network(1, math.inf, richness, centered=True)
    data = lib.Data(spectrum=SLOW_AND_FAST)
    exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
    short = lib.solve(network, data, training, grid=lib.CompressedPast(tolerance))
    assert short.status.name in ("UNSTABLE", "ROUNDING")
    known = np.flatnonzero(np.isfinite(short.excess_loss))
    known = known[known < short.status.step]
    off = np.abs(short.excess_loss - exact.excess_loss)[known]
    size = exact.excess_loss[known] + 1e-4 * exact.excess_loss[0]
    assert len(known) > 50 and (off / size).max() <= short.error + 1e-9


def test_an_unstable_member_of_a_sweep_ends_no_other():
    network, data = lib.Network(1, math.inf, 0.1, centered=True), lib.Data(spectrum=SLOW_AND_FAST)
    sweep = [rising(220, 0.75, 0.75, 56), rising(220, 0.75, 1.04, 56)]
    together = lib.solve(network, data, sweep, grid=lib.CompressedPast(1e-6))
    assert [status.name for status in together.status] == ["COMPLETE", "UNSTABLE"]
    alone = lib.solve(network, data, sweep[0], grid=lib.CompressedPast(1e-6))
    np.testing.assert_allclose(together.excess_loss[0], alone.excess_loss, rtol=1e-12)


def test_what_noise_excites_anew_is_not_lost_beyond_the_tolerance():
    network = lib.Network(1, 1e4, 0.1, centered=True)
    data, training = lib.Data(batch=100, spectrum=SLOW_AND_FAST), rising(300, 0.75, 1.04, 100)
    exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
    for tolerance in (1e-3, 1e-6):
        short = lib.solve(network, data, training, grid=lib.CompressedPast(tolerance))
        assert short.status.name == "COMPLETE" and true_error(short, exact) < tolerance


def test_growth_is_counted_between_jumps_of_the_rate():
    t = np.arange(200)
    decaying = 0.5 ** (t / 4.0) + 1e-3 * (-0.9) ** t
    growing = 0.5 ** (t / 4.0) + 1e-9 * (-1.1) ** t
    kicked = 0.5 ** (t / 4.0) + np.where(t < 100, 0.0, 1e-3 * (-0.8) ** (t - 100.0))
    losses, moved = np.ones(200), {64: np.array([1e-10])}
    found = [
        amplification.errors(curve[None], moved, np.ones(1), losses, cuts).max()
        for curve, cuts in ((decaying, ()), (growing, ()), (kicked, (100,)), (kicked, ()))
    ]
    # A part of 1e-9 * 1.1^64 has been made grow by 1.1^135 = 4e5 at the end.
    expected = 2 * abs(growing[-1]) * 1e-10 * 1.1**135
    assert 0.3 * expected < found[1] < 30 * expected
    assert max(found[0], found[2]) < 1e-9 < 1e-2 * found[3]


def test_configurations_of_a_batch_do_not_touch_each_other():
    data = lib.Data(batch=1.0, noise=0.3)
    trainings = [lib.GradientDescent(90, rate) for rate in (0.02, 0.9)]
    both = lib.solve(lib.Network(2, 1.0), data, trainings, grid=lib.CompressedPast())
    exact = lib.solve(lib.Network(2, 1.0), data, trainings, grid=lib.EveryStep())
    assert [status.name for status in both.status] == ["COMPLETE", "DIVERGED"]
    assert both.status[1].step == exact.status[1].step
    np.testing.assert_allclose(both.excess_loss[0], exact.excess_loss[0], rtol=1e-7)
    assert np.isinf(both.excess_loss[1, both.status[1].step :]).all()


@pytest.mark.slow
def test_two_solvers_that_share_no_grid_agree_on_two_thousand_steps():
    spectrum = lib.Spectrum.power_law(128, 1.5, 0.75)
    network, data = lib.Network(2, 64, 0.25), lib.Data(samples=128, spectrum=spectrum)
    training = lib.GradientDescent(2000, 0.1)
    nodes = lib.solve(network, data, training, grid=lib.Nodes(1e-6))
    steps = lib.solve(network, data, training, grid=lib.CompressedPast(1e-8))
    for loss in ("excess_loss", "train_loss"):
        np.testing.assert_allclose(getattr(nodes, loss), getattr(steps, loss), rtol=1e-6)


def test_a_stationary_state_of_fresh_batches():
    r"""L = 1, lazy, infinitely wide: $v' = (1 - 2\eta) v$ plus noise of variance $4 \eta^2 C_\Delta/\alpha_B$.

    So $C_v = q (C_v + \sigma^2)$ in the end, with $q = 4 \eta^2/\alpha_B / (1 - (1 - 2\eta)^2)$.
    """
    eta, batch, sigma = 0.05, 0.5, 0.4
    network = lib.Network(1, math.inf, 1e-4, centered=True)
    data = lib.Data(batch=batch, noise=sigma)
    solved = lib.solve(network, data, lib.GradientDescent(2000, eta))
    assert isinstance(solved.grid, lib.CompressedPast)
    q = 4 * eta**2 / batch / (1 - (1 - 2 * eta) ** 2)
    assert solved.excess_loss[-1] == pytest.approx(sigma**2 * q / (1 - q), rel=1e-6)


def test_steps_that_oscillate_are_kept_one_by_one():
    network = lib.Network(1, math.inf, 1e-4, centered=True)
    data = lib.Data(spectrum=lib.Spectrum.trace_class([1.0, 0.01], [0.5, 50.0]))
    training = lib.GradientDescent(200, 0.98)  # the first mode: 1 - 2 * 0.98 = -0.96 a step
    solved = lib.solve(network, data, training, grid=lib.CompressedPast())
    steps = np.arange(201)
    expected = 0.5 * 0.96 ** (2 * steps) + 0.5 * (1 - 0.0196) ** (2 * steps)
    np.testing.assert_allclose(solved.excess_loss, expected, rtol=1e-6, atol=1e-8)
    little = lib.solve(network, data, training, grid=lib.CompressedPast(most=64))
    assert little.status.name == "UNRESOLVED"
    step = little.status.step
    np.testing.assert_allclose(little.excess_loss[:step], expected[:step], rtol=1e-6)
    assert np.isnan(little.excess_loss[step:]).all()


@pytest.mark.parametrize("room", [64, 80, 10**4])
def test_a_march_that_needs_more_room_takes_it(room, monkeypatch):
    network, data = lib.Network(1, 1.0), lib.Data(batch=2.0, noise=0.3)
    training = lib.GradientDescent(400, 0.05)
    usual = lib.solve(network, data, training, grid=lib.CompressedPast())
    monkeypatch.setattr("lib.theory.compressed_past.ROOM", room)
    solved = lib.solve(network, data, training, grid=lib.CompressedPast())
    assert solved.status == usual.status and solved.status.name == "COMPLETE"
    np.testing.assert_allclose(solved.excess_loss, usual.excess_loss, rtol=1e-11)
    little = lib.solve(network, data, training, grid=lib.CompressedPast(most=min(room, 64)))
    assert little.status.name == "UNRESOLVED"


def test_an_interrupt_while_there_is_more_room_keeps_what_was_done(monkeypatch):
    calls = []

    def stop(done, end):
        calls.append(done)
        if calls.count(10) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("lib.theory.compressed_past.ROOM", 64)
    network, data = lib.Network(1, 1.0), lib.Data(batch=2.0, noise=0.3)
    training = lib.GradientDescent(400, 0.05)
    solved = lib.solve(network, data, training, grid=lib.CompressedPast(), progress=stop)
    assert solved.status.name == "INTERRUPTED" and max(calls) > 60
    assert np.isfinite(solved.excess_loss).sum() == solved.status.step == max(calls)


def test_an_interrupt_keeps_what_was_done():
    def stop(done, end):
        if done == 70:
            raise KeyboardInterrupt

    network, data = lib.Network(1, 1.0), lib.Data(batch=2.0)
    training = lib.GradientDescent(100, 0.02)
    solved = lib.solve(network, data, training, grid=lib.CompressedPast(), progress=stop)
    whole = lib.solve(network, data, training, grid=lib.EveryStep())
    assert solved.status.name == "INTERRUPTED"
    done = np.isfinite(solved.excess_loss)
    assert done[:69].all() and not done[70:].any()
    np.testing.assert_allclose(solved.excess_loss[done], whole.excess_loss[done], rtol=1e-7)


class OneMatrix(Training):
    """An optimizer that says nothing but K."""

    def __init__(self, steps):
        self.steps = steps

    @property
    def span(self):
        return self.steps

    def memory(self):
        return lib.GradientDescent(self.steps, 0.1).memory()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lib.CompressedPast(0.0), "tolerance"),
        (lambda: lib.CompressedPast(most=10), "most"),
        (lambda: solve(OneMatrix(3)), "OneMatrix gives its K and no recursion"),
        (lambda: solve(lib.GradientFlow(1.0)), "no steps"),
    ],
)
def test_bad_input_is_explained(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def solve(training, depth=1, **fields):
    network = lib.Network(depth, 1.0, **fields)
    return lib.solve(network, lib.Data(), training, grid=lib.CompressedPast())


# Parts


@pytest.mark.parametrize("options", [{}, {"momentum": 0.7}, {"momentum": 0.7, "nesterov": True}])
def test_columns_step_by_step_are_rows_of_K(options):
    training = lib.GradientDescent(120, 0.1, weight_decay=0.3, **options)
    memory, accumulation = training.memory(), training.start()
    for t in range(120):
        np.testing.assert_allclose(accumulation.columns[0], memory.K[t, : t + 1], rtol=1e-12)
        np.testing.assert_allclose(accumulation.initial[0], memory.decay[t], rtol=1e-12)
        accumulation = accumulation.step()


def test_moments_of_a_product_are_products_of_moments_if_rows_are_polynomials():
    rng = np.random.default_rng(0)
    P = polynomials(40, 8)
    np.testing.assert_allclose(P @ P.T, np.eye(8), atol=1e-12)
    row = rng.normal(size=8) @ P
    M = rng.normal(size=(40, 40))
    np.testing.assert_allclose((row @ P.T) @ (P @ M @ P.T), row @ M @ P.T, rtol=1e-10)


@pytest.mark.parametrize("length", [16, 40, 700])
def test_a_product_with_a_function_is_a_product_with_its_values_at_the_nodes(length):
    """As exact as Gauss's rule: sums of row * function * row, of degree 15 in all with 8 nodes."""
    steps = (2 * np.arange(length) + 1) / length - 1
    P = at_nodes(length, 8)
    np.testing.assert_allclose(P @ P.T, np.eye(8), atol=1e-12)
    np.testing.assert_allclose((P * steps) @ P.T, np.diag(np.diag((P * steps) @ P.T)), atol=1e-13)
    nodes, ones = np.diag((P * steps) @ P.T), P.sum(1)
    assert (ones > 0).all()
    a, b, c = (np.polynomial.Polynomial(np.arange(1.0, n + 2)) for n in (7, 3, 5))
    by_nodes = (P @ a(steps)) @ (b(nodes) * (P @ c(steps)))
    assert by_nodes == pytest.approx(np.sum(a(steps) * b(steps) * c(steps)), rel=1e-12)
    more = np.polynomial.Polynomial(np.arange(1.0, 6))  # degree 16 in all
    by_nodes = (P @ a(steps)) @ (more(nodes) * (P @ c(steps)))
    assert abs(by_nodes / np.sum(a(steps) * more(steps) * c(steps)) - 1) > 1e-7
    np.testing.assert_allclose((P @ b(steps)) / ones, b(nodes), rtol=1e-12)


def test_a_projection_replaces_rows_and_columns_and_frees_the_rest():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(2, 3))
    P = np.zeros((6, 7))
    P[:2, :2], P[2:4, 2:5], P[4:, 5:] = np.eye(2), matrix, np.eye(2)
    M = np.zeros((4, 10, 10))
    M[:, :7, :7] = rng.normal(size=(4, 7, 7))
    expected = np.zeros_like(M)
    expected[:, :6, :6] = P @ M[:, :7, :7] @ P.T
    Projection(2, 5, 7, matrix).both(M)
    np.testing.assert_allclose(M, expected, atol=1e-14)


def test_a_projection_for_two_outputs_keeps_them_apart():
    matrix = np.array([[0.6, 0.8]])
    values = np.arange(8.0)[:, None]
    projected = values.copy()
    Projection(1, 3, 4, matrix).each_output(2).rows(projected)
    for c in (0, 1):
        alone = values[c::2].copy()
        Projection(1, 3, 4, matrix).rows(alone)
        np.testing.assert_allclose(projected[c::2], alone)


def test_smooth_rows_need_few_coordinates_and_keep_their_sums():
    """Rows exp(-rate (t - s)) of many rates: their products with any field survive 2000 steps."""
    rates = np.geomspace(1e-4, 10, 12)
    rng = np.random.default_rng(2)
    noise = rng.normal(size=2001)
    field, past, counts = np.zeros(0), Past(1e-6), []
    for step in range(2001):
        past.add(step)
        field = np.append(field, noise[step])
        if step % SHORTEST == SHORTEST - 1:
            past.gather(step)
            coordinates = np.concatenate(
                [
                    stretch.basis
                    @ np.exp(-np.outer(step - np.arange(stretch.start, stretch.stop), rates))
                    for stretch in past.stretches
                ]
            )
            for projection in past.projections(step, coordinates.T, np.zeros((0, past.count))):
                column = field[:, None].copy()
                projection.rows(column)
                field = column[: projection.left, 0]
        counts.append(past.count)
    coordinates = np.concatenate(
        [
            stretch.basis @ np.exp(-np.outer(2001 - np.arange(stretch.start, stretch.stop), rates))
            for stretch in past.stretches
        ]
    )
    exact = noise @ np.exp(-np.outer(2001 - np.arange(2001), rates))
    np.testing.assert_allclose(field @ coordinates, exact, atol=1e-4)
    assert counts[-1] < 150
    assert counts[-1] - counts[1000] < 40
    assert [past.stretches[0], past.stretches[-1].stop] == [Stretch(0, 1, 1), 2001]


def test_a_row_of_noise_is_not_compressed():
    past = Past(1e-3)
    for step in range(64):
        past.add(step)
    past.gather(63)
    rows = np.random.default_rng(3).normal(size=(1, 64))
    assert (
        list(past.projections(63, rows, np.zeros((0, 64)))) == []
        and past.count == 64
        and past.lost == 0
    )
