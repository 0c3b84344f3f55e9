"""Few nodes in time: against every step, closed forms, limits, and what it must not do."""

import math

import numpy as np
import pytest
from references.problems import true_error

import lib
from lib.horizons.anderson import Anderson
from lib.horizons.first_steps import FirstSteps
from lib.horizons.nodes import Interpolant, panel, panel_of_steps, radau

SCHEDULE = 0.05 * (1 + np.cos(np.pi * np.arange(300) / 300))


def powers_of_two(b, modes):
    eigenvalues = 2.0 ** -np.arange(modes)
    share = eigenvalues**b
    return lib.Spectrum.trace_class(eigenvalues, share / share.sum() / eigenvalues)


# Against every step

SAME = {
    "repeated data": (lib.Network(2, 0.5), lib.Data(samples=1.5, noise=0.3), {}),
    "population": (lib.Network(3, (0.5, 2.0, 1.0), 0.7), lib.Data(), {}),
    "infinite width": (lib.Network(2, math.inf, 2.0), lib.Data(), {"learning_rate": 0.005}),
    "infinite width, spectrum": (
        lib.Network(3, math.inf, 1.5, centered=True),
        lib.Data(spectrum=powers_of_two(0.5, 12)),
        {},
    ),
    "momentum": (lib.Network(2, 1.0), lib.Data(samples=2, noise=0.2), {"momentum": 0.8}),
    "Nesterov": (
        lib.Network(1, 1.0),
        lib.Data(samples=2, noise=0.2),
        {"momentum": 0.8, "nesterov": True},
    ),
    "weight decay": (lib.Network(2, 1.0), lib.Data(samples=1.2), {"weight_decay": 0.1}),
    "schedule": (lib.Network(2, 0.7), lib.Data(samples=1.5), {"learning_rate": SCHEDULE}),
    "schedule, everything": (
        lib.Network(2, 0.7),
        lib.Data(samples=1.5, noise=0.1),
        {"learning_rate": SCHEDULE, "momentum": 0.5, "nesterov": True, "weight_decay": 0.2},
    ),
    "residual": (lib.Network(4, 1.0, branch_scale=1.0), lib.Data(samples=2, noise=0.3), {}),
    "two outputs": (lib.Network(1, 1.0, outputs=2), lib.Data(samples=2), {}),
    "power law, centered": (
        lib.Network(2, 64, 0.5, centered=True),
        lib.Data(samples=80, spectrum=lib.Spectrum.power_law(30, 1.5, 0.75)),
        {},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_nodes_agree_with_every_step(name):
    network, data, options = SAME[name]
    training = lib.GradientDescent(**({"steps": 300, "learning_rate": 0.05} | options))
    exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
    nodes = lib.solve(network, data, training, grid=lib.Nodes(1e-8))
    assert nodes.status.name in ("COMPLETE", "STATIONARY")
    kept = sum(len(panel.nodes) for panel in nodes.interpolants[0].panels)
    assert kept > 0
    for loss in ("excess_loss", "train_loss", "test_loss"):
        scale = getattr(exact, loss) + 1e-4 * getattr(exact, loss)[0]
        error = np.abs(getattr(nodes, loss) - getattr(exact, loss)) / scale
        assert error.max() < 1e-6, loss
    assert nodes.residual < 1e-5


def test_a_smaller_tolerance_gives_a_smaller_error():
    network, data = lib.Network(2, 0.5), lib.Data(samples=1.5, noise=0.3)
    training = lib.GradientDescent(400, 0.02)
    exact = lib.solve(network, data, training, grid=lib.EveryStep()).excess_loss
    errors = {}
    for tolerance in (1e-6, 1e-8, 1e-10):
        solved = lib.solve(network, data, training, grid=lib.Nodes(tolerance))
        errors[tolerance] = np.abs(solved.excess_loss / exact - 1).max()
        assert errors[tolerance] < 3 * tolerance
    assert errors[1e-10] < errors[1e-8] < errors[1e-6]


def test_a_power_law_over_many_steps():
    spectrum = lib.Spectrum.power_law(128, 1.5, 0.75)
    network, data = lib.Network(2, 64, 0.25), lib.Data(samples=128, spectrum=spectrum)
    training = lib.GradientDescent(300, 0.1)
    exact = lib.solve(network, data, training, grid=lib.EveryStep(), keep_matrices=False)
    nodes = lib.solve(network, data, training, grid=lib.Nodes(1e-4))
    long = lib.solve(network, data, lib.GradientDescent(10**4, 0.1), grid=lib.Nodes(1e-4))
    assert long.status.name == "COMPLETE" and long.times[-1] == 10**4
    for loss in ("excess_loss", "train_loss"):
        for solved in (nodes, long.at(exact.times)):
            np.testing.assert_allclose(getattr(solved, loss), getattr(exact, loss), rtol=1e-4)
    assert np.all(np.diff(long.train_loss) < 1e-6)


# Closed forms


def test_a_million_steps_end_at_least_squares():
    sigma, alpha = 0.3, 1.5
    network, data = lib.Network(2, 0.5), lib.Data(samples=alpha, noise=sigma)
    solved = lib.solve(network, data, lib.GradientDescent(10**6, 0.02))
    assert solved.status.name == "STATIONARY" and solved.times[-1] == 10**6
    assert solved.excess_loss[-1] == pytest.approx(sigma**2 / (alpha - 1), rel=1e-6)
    assert solved.train_loss[-1] == pytest.approx(sigma**2 * (1 - 1 / alpha), rel=1e-6)
    early = lib.solve(network, data, lib.GradientDescent(150, 0.02))
    np.testing.assert_allclose(solved.at(early.times).excess_loss, early.excess_loss, rtol=1e-6)


RESTING = {
    "tight flow": (lib.Network(1, 1.0), lib.GradientFlow(1000.0, 1e-10)),
    "lazy, infinite width": (
        lib.Network(1, math.inf, 1e-4, centered=True),
        lib.GradientDescent(20_000, 0.01),
    ),
}


@pytest.mark.parametrize("name", RESTING)
def test_samples_end_at_least_squares_whatever_is_asked(name):
    """Where all has come to rest rounding errors go on, which must not be taken for changes."""
    network, training = RESTING[name]
    solved = lib.solve(network, lib.Data(samples=2.0, noise=0.5), training)
    assert solved.status.name in ("COMPLETE", "STATIONARY") and solved.error < 1e-7
    assert solved.excess_loss[-1] == pytest.approx(0.25, rel=solved.error)
    assert solved.train_loss[-1] == pytest.approx(0.125, rel=solved.error)


def test_as_many_samples_as_dimensions_with_noise_are_followed():
    """Where sweeps of a panel repeat their own error almost whole."""
    problem = lib.Network(1, 0.5), lib.Data(samples=1, noise=1.0), lib.GradientDescent(20_000, 0.01)
    exact = lib.solve(*problem, grid=lib.Nodes(1e-10))
    for tolerance in (1e-6, 1e-8):
        found = lib.solve(*problem, grid=lib.Nodes(tolerance))
        assert found.status.name == "COMPLETE" and found.residual < 1e-7
        assert true_error(found.at(exact.times), exact) < found.error + exact.error < 1e-5
    by_moments = 19.597714348, 0.0135848457  # a march over all steps, `CompressedPast(1e-7)`
    for loss, end in zip((found.excess_loss, found.train_loss), by_moments, strict=True):
        assert loss[-1] == pytest.approx(end, rel=1e-7)


def test_centered_flow_of_small_richness_is_followed():
    problem = lib.Network(2, 1.0, 0.1, centered=True), lib.Data(samples=0.5)
    tight, loose = (lib.solve(*problem, lib.GradientFlow(200.0, tol)) for tol in (1e-8, 1e-6))
    assert tight.status.name == loose.status.name == "STATIONARY"
    times = np.geomspace(0.1, 200.0, 20)
    off = np.abs(tight.at(times).excess_loss / loose.at(times).excess_loss - 1).max()
    assert off < tight.error + loose.error and tight.train_loss[-1] < 1e-12


@pytest.mark.parametrize("depth", [1, 3])
def test_lazy_flow_is_a_sum_of_exponentials(depth):
    spectrum = powers_of_two(0.5, 30)
    network = lib.Network(depth, math.inf, 1e-5, centered=True)
    solved = lib.solve(network, lib.Data(spectrum=spectrum), lib.GradientFlow(1e4, 1e-8))
    share = spectrum.eigenvalues * spectrum.target_power
    rates = 2 * (depth + 1) * spectrum.eigenvalues
    times = np.geomspace(1e-3, 1e4, 50)
    np.testing.assert_allclose(
        solved.at(times).excess_loss, np.exp(-np.outer(times, rates)) @ share, rtol=1e-6
    )


def test_one_rich_layer_follows_its_conservation_law():
    """Infinite width, one direction, L = 1: input and readout weights along the target are balanced.

    With S their squared spike and b the output weight, b' = S (1 - b), S^2 = 4 + gamma_0^2 b^2 (from
    the two singular values 1 of the initial weights).
    """
    gamma = 3.0
    spectrum = lib.Spectrum.trace_class([1.0], [1.0])
    network = lib.Network(1, math.inf, gamma, centered=True)
    solved = lib.solve(network, lib.Data(spectrum=spectrum), lib.GradientFlow(2.0, 1e-9))
    t, b = 0.0, 0.0
    h = 1e-3
    for _ in range(500):
        rate = lambda b: np.sqrt(4 + 4 * gamma**2 * b**2) * (1 - b)  # noqa: E731
        k1 = rate(b)
        k2 = rate(b + h * k1 / 2)
        k3 = rate(b + h * k2 / 2)
        b += h * (k1 + 2 * k2 + 2 * k3 + rate(b + h * k3)) / 6
        t += h
    assert solved.at([t]).excess_loss[0] == pytest.approx((1 - b) ** 2, rel=1e-7)


def test_small_steps_tend_to_gradient_flow_at_first_order():
    network, data = lib.Network(2, 0.8), lib.Data(samples=1.5, noise=0.3)
    flow = lib.solve(network, data, lib.GradientFlow(1.0, 1e-9)).excess_loss[-1]
    errors = [
        lib.solve(network, data, lib.GradientDescent(n, 1.0 / n)).excess_loss[-1] - flow
        for n in (50, 100, 200)
    ]
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, abs=0.05)


def test_flow_keeps_its_tolerance_over_eight_decades():
    network = lib.Network(2, math.inf, 3.0, centered=True)
    data = lib.Data(spectrum=powers_of_two(0.5, 70))
    times = np.geomspace(1e-3, 1e8, 60)
    fine, coarse = (
        lib.solve(network, data, lib.GradientFlow(1e8, tolerance)) for tolerance in (1e-7, 1e-4)
    )
    assert coarse.status.name == fine.status.name == "COMPLETE"
    np.testing.assert_allclose(coarse.at(times).excess_loss, fine.at(times).excess_loss, rtol=1e-4)


@pytest.mark.parametrize("depth", [1, 2])
def test_hard_tasks_have_the_exponent_and_the_prefactor_of_one_spike(depth):
    """{eq}`power-exponent`: the limit of local slopes, by Aitken's rule over three pairs of decades."""
    b = 0.5
    network = lib.Network(depth, math.inf, 3.0, centered=True)
    solved = lib.solve(
        network, lib.Data(spectrum=powers_of_two(b, 100)), lib.GradientFlow(1e9, 1e-5)
    )
    losses = solved.at([1e3, 1e5, 1e7, 1e9]).excess_loss
    first, second, third = np.log10(losses[:-1] / losses[1:]) / 2
    limit = third - (third - second) ** 2 / (third - 2 * second + first)
    assert limit == pytest.approx((depth + 1) * b / (1 + depth * b), abs=0.002)


def test_losses_between_nodes_are_never_negative():
    network = lib.Network(2, 3.16, 8.0, branch_scale=0.0, outputs=2, centered=True)
    data = lib.Data(spectrum=lib.Spectrum([0.4, 1.0], [0.2, 1.0], [0.14, 0.86]))
    solved = lib.solve(network, data, lib.GradientDescent(285, 0.055), grid=lib.Nodes(1e-8))
    assert solved.excess_loss[-1] < 1e-12 and (solved.excess_loss >= 0).all()
    between = solved.at(np.linspace(0, 285, 1999))
    assert (between.excess_loss >= 0).all() and (between.train_by_output >= 0).all()


# What it must not do


def test_oscillating_steps_are_kept_one_by_one():
    network = lib.Network(1, math.inf, 1e-4, centered=True)
    data = lib.Data(spectrum=lib.Spectrum.trace_class([1.0, 0.01], [0.5, 50.0]))
    training = lib.GradientDescent(300, 0.98)  # the first mode: 1 - 2 * 0.98 = -0.96 a step
    nodes = lib.solve(network, data, training, grid=lib.Nodes(1e-8))
    steps = np.arange(301)
    expected = 0.5 * 0.96 ** (2 * steps) + 0.5 * (1 - 0.0196) ** (2 * steps)
    np.testing.assert_allclose(nodes.excess_loss, expected, rtol=1e-6, atol=1e-8)
    assert sum(len(panel.nodes) for panel in nodes.interpolants[0].panels) < 30


def test_divergence_is_found_on_nodes():
    training = lib.GradientDescent(1000, 0.9)
    nodes = lib.solve(lib.Network(2, 1.0), lib.Data(), training, grid=lib.Nodes())
    exact = lib.solve(
        lib.Network(2, 1.0), lib.Data(), lib.GradientDescent(50, 0.9), grid=lib.EveryStep()
    )
    assert nodes.status.name == exact.status.name == "DIVERGED"
    assert nodes.status.step == exact.status.step


def test_a_mode_that_waits_is_not_overlooked():
    data = lib.Data(spectrum=lib.Spectrum.trace_class([1.0, 1e-8], [0.7, 0.3e8]))
    network = lib.Network(1, math.inf, 1e-6, centered=True)
    solved = lib.solve(network, data, lib.GradientFlow(1e10, 1e-6))
    times = np.array([1e3, 1e6, 1e7, 1e8])
    expected = 0.3 * np.exp(-4e-8 * times)
    np.testing.assert_allclose(solved.at(times).excess_loss, expected, rtol=1e-5, atol=1e-6)
    assert solved.excess_loss[-1] < 1e-6


def test_slow_training_is_not_called_stationary():
    network = lib.Network(1, math.inf, 1.0)
    solved = lib.solve(network, lib.Data(), lib.GradientDescent(10**5, 1e-9))
    assert solved.status.name == "COMPLETE"
    assert 1 - solved.excess_loss[-1] == pytest.approx(4e-4, rel=1e-3)


def test_a_schedule_that_rests_is_not_called_stationary():
    rates = np.zeros(3000)
    rates[:20], rates[2500:] = 0.05, 0.05
    network, data = lib.Network(1, 1.0), lib.Data()
    nodes = lib.solve(network, data, lib.GradientDescent(3000, rates), grid=lib.Nodes(1e-6))
    active = lib.GradientDescent(520, 0.05)
    exact = lib.solve(network, data, active, grid=lib.EveryStep())
    assert nodes.status.name != "STATIONARY"
    reached = np.isfinite(nodes.excess_loss)
    assert nodes.excess_loss[100] == pytest.approx(exact.excess_loss[20], rel=1e-5)
    assert reached[-1]
    assert nodes.excess_loss[2540] == pytest.approx(exact.excess_loss[60], rel=1e-4)


def test_too_few_nodes_are_unresolved():
    network = lib.Network(2, math.inf, 3.0, centered=True)
    data = lib.Data(spectrum=powers_of_two(0.5, 40))
    solved = lib.solve(network, data, lib.GradientFlow(1e6, 1e-6), grid=lib.Nodes(1e-6, most=100))
    assert solved.status.name == "UNRESOLVED" and "Allow more of them" in str(solved.status)
    assert np.isnan(solved.excess_loss[-1])
    finite = np.isfinite(solved.excess_loss)
    assert finite[0] and solved.times[finite][-1] <= float(solved.status.step)


def test_an_interrupt_keeps_what_was_done():
    def stop(done, end):
        if done > 100:
            raise KeyboardInterrupt

    training = lib.GradientDescent(5000, 0.02)
    network, data = lib.Network(1, 1.0), lib.Data(samples=2)
    solved = lib.solve(network, data, training, grid=lib.Nodes(1e-6), progress=stop)
    assert solved.status.name == "INTERRUPTED"
    whole = lib.solve(network, data, lib.GradientDescent(90, 0.02))
    np.testing.assert_allclose(solved.at(whole.times).excess_loss, whole.excess_loss, rtol=1e-5)
    assert np.isnan(solved.excess_loss[-1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lib.Nodes(0.0), "tolerance"),
        (lambda: lib.Nodes(2.0), "tolerance"),
        (lambda: lib.Nodes(most=10), "most"),
        (lambda: lib.GradientFlow(0), "duration"),
        (lambda: lib.GradientFlow(1, 0), "tolerance"),
        (lambda: solve(lib.Data(batch=1), lib.GradientFlow(1)), "fresh batches"),
        (lambda: solve(lib.Data(batch=1), grid=lib.Nodes()), "fresh batches"),
        (lambda: solve(lib.Data(), lib.GradientFlow(1), grid=lib.EveryStep()), "no steps"),
        (lambda: solve(lib.Data(), grid="nodes"), "grid"),
    ],
)
def test_bad_input_is_explained(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def solve(data, training=None, grid=None):
    training = training or lib.GradientDescent(3, 0.1)
    return lib.solve(lib.Network(1, 1.0), data, training, grid=grid)


# Which grid is chosen


def test_the_grid_is_chosen_by_length_and_data():
    def grid(data, steps):
        return lib.solve(lib.Network(1, 1.0), data, lib.GradientDescent(steps, 0.01)).grid

    assert isinstance(grid(lib.Data(), 100), lib.EveryStep)
    assert isinstance(grid(lib.Data(), 400), lib.Nodes)
    assert isinstance(grid(lib.Data(batch=1.0), 100), lib.EveryStep)
    assert isinstance(grid(lib.Data(batch=1.0), 260), lib.CompressedPast)


# Panels


@pytest.mark.parametrize("make", [panel, panel_of_steps])
def test_panels_sample_polynomials_exactly(make):
    stretch = make(10, 90, 8)
    polynomial = np.polynomial.Polynomial([1, -2, 0.5, 3, -1, 0.2, 0.1], domain=[10, 90])
    times = np.linspace(10, 90, 33)
    sampled = stretch.sample(times) @ polynomial(stretch.nodes)
    np.testing.assert_allclose(sampled, polynomial(times), rtol=1e-11, atol=1e-10)
    integral = polynomial.integ(lbnd=10)
    np.testing.assert_allclose(
        stretch.integrals() @ polynomial(stretch.nodes), integral(stretch.nodes), rtol=1e-10
    )


def test_radau_nodes_integrate_twice_their_number_of_powers():
    """Exact up to degree 2 m - 2, and x_m = 1."""
    nodes = radau(7)
    weights = np.linalg.solve(np.vander(nodes, increasing=True).T, 1 / np.arange(1, 8))
    assert nodes[-1] == 1
    for power in range(13):
        assert weights @ nodes**power == pytest.approx(1 / (power + 1), rel=1e-10)
    assert abs(weights @ nodes**13 - 1 / 14) > 1e-12


@pytest.mark.parametrize("length", [1.0, 4.0, 16.0])
def test_the_error_estimate_is_one(length):
    """Of 1/(1 + t), within two orders of magnitude of the true error where that is above rounding."""
    stretch = panel(0, length, 10)
    values = 1 / (1 + stretch.nodes)
    times = np.linspace(0, length, 300)
    true = np.abs(stretch.sample(times) @ values - 1 / (1 + times)).max()
    assert 0.01 * true < stretch.unresolved(values, np.array(1.0)) < 100 * true


def test_interpolants_pass_through_their_nodes_and_end_as_curves_do():
    stretch = panel(1, 3, 10)
    times = np.union1d([0.0, 1.0, 2.0, 4.0], stretch.nodes)
    curve = np.exp(-times)
    interpolant = Interpolant(times, (stretch,))
    np.testing.assert_array_equal(interpolant(curve, times), curve)
    inside = np.linspace(1.1, 3, 9)
    np.testing.assert_allclose(interpolant(curve, inside), np.exp(-inside), rtol=1e-8)
    curve[-1] = np.inf
    assert np.isinf(interpolant(curve, np.array([3.5])))


# K on panels

OPTIMIZERS = {
    "plain": {},
    "momentum": {"momentum": 0.7},
    "Nesterov": {"momentum": 0.7, "nesterov": True},
    "decay": {"weight_decay": 0.5, "momentum": 0.3},
    "schedule": {"learning_rate": 0.1 + 0.05 * np.sin(np.arange(40)), "momentum": 0.7},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_panels_sum_polynomial_gradients_as_steps_do(name):
    training = lib.GradientDescent(**({"steps": 40, "learning_rate": 0.1} | OPTIMIZERS[name]))
    memory = training.memory()
    accumulation, nodes = training.start(), [0.0]
    for start in range(8):
        single = panel_of_steps(start, start + 1, 1)
        K, decay, accumulation = accumulation.rows(single)
        nodes.append(start + 1.0)
        np.testing.assert_allclose(K[0], memory.K[start + 1, : start + 2], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(decay, memory.decay[start + 1], rtol=1e-12)
    stretch = panel_of_steps(8, 40, 6)
    K, decay, _ = accumulation.rows(stretch)
    nodes = np.append(nodes, stretch.nodes)
    gradient = np.polynomial.Polynomial([1, -0.3, 0.02, -0.0004])
    ends = stretch.nodes.astype(int)
    np.testing.assert_allclose(
        K @ gradient(nodes), memory.K[ends] @ gradient(memory.times), rtol=1e-10
    )
    np.testing.assert_allclose(decay, memory.decay[ends], rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.3, 0.5, 0.7])
def test_panels_have_no_more_nodes_than_a_momentum_allows(momentum):
    """With more of them the nodes have a pole among the curvatures of these data, and no sweep settles."""
    problem = lib.Network(2, 1.5, 0.3), lib.Data(samples=0.295, noise=0.3)
    options = {"learning_rate": 0.0284, "momentum": momentum}
    found = lib.solve(*problem, lib.GradientDescent(3000, **options), grid=lib.Nodes())
    assert found.status.name == "STATIONARY"
    exact = lib.solve(*problem, lib.GradientDescent(250, **options), grid=lib.EveryStep())
    assert true_error(found.at(exact.times), exact) < found.error + exact.error < 1e-6


def test_panels_of_steps_with_a_momentum_have_poles_where_nodes_are_close():
    """A pole is a curvature x at which v = (1 + x K)^-1 y has no solution, with K on the nodes."""

    def has_poles(accumulation, stretch):
        own = accumulation.rows(stretch)[0][:, -len(stretch.nodes) :]
        curvatures = np.linspace(0.1, 40, 400)[:, None, None]
        return bool((np.linalg.det(np.eye(len(own)) + curvatures * own) <= 0).any())

    for momentum, length, poles in [(0.0, 32, False), (0.5, 32, True), (0.5, 128, False)]:
        accumulation = lib.GradientDescent(200, 0.1, momentum=momentum).start()
        stretch = panel_of_steps(0, length, 16)
        assert has_poles(accumulation, stretch) is poles
        assert accumulation.sound(stretch) is not poles
        assert not has_poles(accumulation, accumulation.make_panel(0, length, 16))


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9, 0.99])
def test_panels_are_sound_whatever_the_schedule(momentum):
    """Asked at the largest rate of a panel: a warm-up begins at none."""
    rates = 0.1 * np.minimum(1, np.arange(300) / 40)
    for training in (
        lib.GradientDescent(300, rates, momentum=momentum),
        lib.GradientDescent(300, 0.1, momentum=momentum, nesterov=momentum > 0),
        lib.GradientDescent(300, rates, momentum=momentum, weight_decay=0.2),
    ):
        accumulation, counts = training.start(), []
        for length in (24, 32, 64, 128, 256):
            stretch = accumulation.make_panel(0, length, 16)
            counts.append(0 if stretch is None else len(stretch.nodes))
            assert stretch is None or accumulation.sound(stretch)
        assert (np.diff(counts) >= 0).all() and counts[2] > 7 and counts[-1] > 12


def test_looking_at_first_steps_leaves_the_march_as_it_was(monkeypatch):
    rates = 0.02 * np.where(np.arange(300) < 97, 1, 0.3)
    training = lib.GradientDescent(300, rates, momentum=0.6)
    problem = lib.Network(2, 0.8, 1.5, outputs=2), lib.Data(samples=1.2, noise=0.3), training
    found = lib.solve(*problem, grid=lib.Nodes())
    monkeypatch.setattr(FirstSteps, "take", lambda self, start: None)
    monkeypatch.setattr(FirstSteps, "missed", lambda self, panel, now: 0.0)
    monkeypatch.setattr(FirstSteps, "threat", lambda self, panel, now: 0.0)
    without = lib.solve(*problem, grid=lib.Nodes())
    np.testing.assert_array_equal(found.excess_loss, without.excess_loss)
    assert without.error < found.error


def test_anderson_solves_a_linear_problem_in_as_many_steps_as_it_has_directions():
    matrix = np.diag([0.99, -0.5, 0.7, 0.3])
    method, x = Anderson(4), np.zeros(4)
    for _ in range(7):
        x = method.next(x, matrix @ x + 1)
    np.testing.assert_allclose(x, 1 / (1 - np.diag(matrix)), rtol=1e-8)


def test_a_loss_that_has_become_tiny_is_still_followed():
    """Infinitely wide: losses are sums of squares, and keep their relative accuracy below 1e-12."""
    data = lib.Data(spectrum=lib.Spectrum.trace_class([1.0, 1e-3], [1.0, 1e-12]))
    network = lib.Network(1, math.inf, 1e-5, centered=True)
    solved = lib.solve(network, data, lib.GradientFlow(2000.0, 1e-4))
    times = np.array([10.0, 100.0, 1000.0, 2000.0])
    expected = np.exp(-4 * times) + 1e-15 * np.exp(-4e-3 * times)
    assert solved.status.name == "COMPLETE"
    np.testing.assert_allclose(solved.at(times).excess_loss, expected, rtol=1e-3)
