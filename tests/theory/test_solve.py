"""The solver against closed forms, checked values, limits and identities."""

import math
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from expectations import assert_causal_symmetric_positive_and_consistent, assert_checked_values
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import lib

CHECKED = {
    "one layer, population": (
        lib.Network(1, 1.0),
        lib.Data(),
        lib.GradientDescent(39, 0.1),
        [2.0, 0.5826910872, 0.0972618463, 0.0074689989, 0.0000656237],
        [2.0, 0.5826910872, 0.0972618463, 0.0074689989, 0.0000656237],
    ),
    "two layers, repeated data": (
        lib.Network(2, 0.5),
        lib.Data(samples=2, noise=0.5),
        lib.GradientDescent(39, 0.05),
        [3.0, 1.0927993559, 0.7270318583, 0.5523941240, 0.3832337605],
        [3.25, 1.0028865980, 0.5855059610, 0.3874185787, 0.2349391721],
    ),
    "three unequal layers, repeated data": (
        lib.Network(3, (0.5, 1, 0.7), 0.8),
        lib.Data(samples=1, noise=0.3),
        lib.GradientDescent(39, 0.05),
        [3.2321428571, 1.1272790095, 0.8808553736, 0.7729841506, 0.6652059098],
        [3.3221428571, 0.6360694196, 0.3214982165, 0.1843545159, 0.0919277008],
    ),
    "two layers, one pass": (
        lib.Network(2, 0.5),
        lib.Data(batch=0.5, noise=0.3),
        lib.GradientDescent(39, 0.05),
        [3.0, 1.0898447856, 0.6159715030, 0.3855231235, 0.1409663700],
        [3.09, 1.1798447856, 0.7059715030, 0.4755231235, 0.2309663700],
    ),
    "heavy ball": (
        lib.Network(2, 1.0),
        lib.Data(samples=1.5, noise=0.3),
        lib.GradientDescent(39, 0.05, momentum=0.6),
        [2.0, 0.7934315778, 0.3668045954, 0.2323453935, 0.1687247900],
        [2.09, 0.4781437527, 0.1181237959, 0.0584584936, 0.0382667959],
    ),
}


@pytest.mark.parametrize("name", CHECKED)
def test_checked_values(name):
    network, data, training, excess, train = CHECKED[name]
    assert_checked_values(lib.solve(network, data, training), excess, train)


# Closed forms


@pytest.mark.parametrize("widths", [(2.0,), (0.3, 1.0), (4.0, 0.5, 0.7), (math.inf, 1.0)])
def test_initial_excess_loss(widths):
    theory = lib.solve(
        lib.Network(len(widths), widths, 0.7), lib.Data(), lib.GradientDescent(1, 0.1)
    )
    assert theory.excess_loss[0] == pytest.approx(1 + 1 / (0.7**2 * widths[-1]), rel=1e-14)
    assert theory.bias[0] == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_first_step_of_infinite_width(depth):
    """Each of the L+1 layers moves the function by eta: excess (1 - (L+1) eta)^2."""
    theory = lib.solve(
        lib.Network(depth, math.inf, 1.7), lib.Data(batch=1e14), lib.GradientDescent(1, 0.03)
    )
    assert theory.excess_loss[1] == pytest.approx((1 - (depth + 1) * 0.03) ** 2, rel=1e-12)


def marchenko_pastur(alpha, function):
    """Integral of function(mu) over the spectrum of X^T X / P for P = alpha D, without its atom."""
    low, high = (1 - alpha**-0.5) ** 2, (1 + alpha**-0.5) ** 2

    def integrand(angle):
        mu = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
        return function(mu) * alpha / (2 * np.pi * mu) * ((high - low) / 2 * np.sin(angle)) ** 2

    return quad(integrand, 0, np.pi, epsabs=1e-13, epsrel=1e-12, limit=200)[0]


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_lazy_training_follows_marchenko_pastur(alpha):
    eta, sigma, depth = 0.05, 0.4, 1
    theory = lib.solve(
        lib.Network(depth, math.inf, 1e-4),
        lib.Data(samples=alpha, noise=sigma),
        lib.GradientDescent(40, eta),
    )
    atom = max(0.0, 1 - alpha)
    for t in (1, 7, 40):

        def left(mu, t=t):
            return (1 - (depth + 1) * eta * mu) ** t

        excess = atom + marchenko_pastur(
            alpha, lambda mu: left(mu) ** 2 + sigma**2 * (1 - left(mu)) ** 2 / (alpha * mu)
        )
        train = (
            marchenko_pastur(alpha, lambda mu: mu * left(mu) ** 2)
            + sigma**2
            + sigma**2 / alpha * marchenko_pastur(alpha, lambda mu: left(mu) ** 2 - 1)
        )
        assert theory.excess_loss[t] == pytest.approx(excess, rel=1e-7)
        assert theory.train_loss[t] == pytest.approx(train, rel=1e-7)


def test_late_training_reaches_least_squares():
    alpha, sigma = 9.0, 0.3
    theory = lib.solve(
        lib.Network(2, 2.0), lib.Data(samples=alpha, noise=sigma), lib.GradientDescent(400, 0.08)
    )
    assert theory.excess_loss[-1] == pytest.approx(sigma**2 / (alpha - 1), rel=1e-8)
    assert theory.train_loss[-1] == pytest.approx(sigma**2 * (1 - 1 / alpha), rel=1e-8)


# Limits


def curves(network, data, training):
    return lib.solve(network, data, training).excess_loss


@pytest.mark.parametrize("many", [lib.Data(samples=1e8), lib.Data(batch=1e8)])
def test_many_samples_are_the_population(many):
    network, training = lib.Network(3, 0.7, 1.2), lib.GradientDescent(25, 0.05)
    np.testing.assert_allclose(
        curves(network, many, training), curves(network, lib.Data(), training), rtol=1e-5
    )


@pytest.mark.parametrize("large", [1e8, (1e8, 2.0, 1e8, 0.5)])
def test_infinite_widths_are_the_limit_of_large_ones(large):
    infinite = np.where(np.array(large) == 1e8, math.inf, large).tolist()
    data, training = lib.Data(samples=1.5, noise=0.2), lib.GradientDescent(20, 0.04)
    np.testing.assert_allclose(
        curves(lib.Network(4, infinite), data, training),
        curves(lib.Network(4, large), data, training),
        rtol=1e-6,
    )


def test_small_steps_tend_to_gradient_flow_at_first_order():
    network, data = lib.Network(2, 0.8), lib.Data(samples=1.5, noise=0.3)
    ends = [curves(network, data, lib.GradientDescent(n, 1.0 / n))[-1] for n in (80, 160, 320, 640)]
    ratios = np.diff(ends)[:-1] / np.diff(ends)[1:]
    np.testing.assert_allclose(ratios, 2, atol=0.25)
    assert abs(ratios[1] - 2) < abs(ratios[0] - 2)


def test_weight_decay_without_learning_only_shrinks():
    """eta -> 0 at fixed eta omega: all L+1 matrices shrink, g^0 by d^(L+1)."""
    network = lib.Network(2, 0.5)
    training = lib.GradientDescent(5, 1e-9, weight_decay=1e7)
    theory = lib.solve(network, lib.Data(), training)
    expected = 1 + 0.99 ** (6 * np.arange(6)) / 0.5
    np.testing.assert_allclose(theory.excess_loss, expected, rtol=1e-6)


def test_centered_networks_start_at_the_target_norm():
    theory = lib.solve(
        lib.Network(3, 0.4, 0.6, centered=True), lib.Data(), lib.GradientDescent(10, 0.05)
    )
    assert theory.excess_loss[0] == pytest.approx(1, rel=1e-14)
    assert theory.width_variance[0] == pytest.approx(0, abs=1e-14)
    assert theory.width_variance[5] > 1e-3


# Spectra


def test_centered_networks_do_not_see_a_constant_shift_of_their_function():
    problem = lib.Data(samples=1.5, noise=0.3), lib.GradientDescent(15, 0.05)
    centered, plain = (
        lib.solve(lib.Network(2, 0.7, centered=centered), *problem) for centered in (True, False)
    )
    shifted = plain.R_h[0].sum(axis=1)
    assert (np.abs(shifted) > 0.1).all()
    np.testing.assert_allclose(centered.R_h[0].sum(axis=1), 0, atol=1e-13)


def test_modes_of_equal_variance_are_one_mode():
    network, training = lib.Network(2, 0.7), lib.GradientDescent(15, 0.05)
    split = lib.Spectrum([1, 1, 1], [1.5, 0.5, 1.0], [0.25, 0.25, 0.5])
    np.testing.assert_allclose(
        curves(network, lib.Data(samples=2, spectrum=split), training),
        curves(network, lib.Data(samples=2), training),
        rtol=1e-12,
    )


@pytest.mark.parametrize("regime", ["samples", "batch", None])
def test_dimension_free_spectra_are_a_change_of_units(regime):
    """x / sqrt(D), gamma_0 / sqrt(D), eta D and counts in place of ratios: the same network."""
    dim, eigenvalues, power = 60, np.array([2.0, 0.5]), np.array([0.4, 2.2])
    size = {regime: 1.5} if regime else {}
    counts = {regime: 1.5 * dim} if regime else {}
    ratio = lib.solve(
        lib.Network(2, (0.5, 0.8), 1.1),
        lib.Data(**size, noise=0.3, spectrum=lib.Spectrum(eigenvalues, power, [0.3, 0.7])),
        lib.GradientDescent(20, 0.03),
    )
    count = lib.solve(
        lib.Network(2, (30, 48), 1.1 / math.sqrt(dim)),
        lib.Data(
            **counts,
            noise=0.3,
            spectrum=lib.Spectrum.trace_class(eigenvalues / dim, power, [18, 42]),
        ),
        lib.GradientDescent(20, 0.03 * dim),
    )
    np.testing.assert_allclose(count.excess_loss, ratio.excess_loss, rtol=1e-10)
    np.testing.assert_allclose(count.train_loss, ratio.train_loss, rtol=1e-10)


@pytest.mark.parametrize("source", [0.4, 1.5])
def test_binned_power_laws_are_all_their_modes(source, monkeypatch):
    spectrum = lib.Spectrum.power_law(600, 1.5, source)
    problem = (
        lib.Network(2, 256, 0.5, centered=True),
        lib.Data(samples=300, spectrum=spectrum),
        lib.GradientDescent(30, 0.2),
    )
    binned = lib.solve(*problem)
    assert len(binned.modes.mass) < 80
    monkeypatch.setattr("lib.problem.quadrature.EXACT_MODES", 10**6)
    exact = lib.solve(*problem)
    np.testing.assert_allclose(binned.excess_loss, exact.excess_loss, rtol=1e-8)
    np.testing.assert_allclose(binned.train_loss, exact.train_loss, rtol=1e-8)


def test_lazy_power_law_has_the_source_exponent():
    times = np.array([100, 400])
    theory = lib.solve(
        lib.Network(1, math.inf, 1e-3, centered=True),
        lib.Data(spectrum=lib.Spectrum.power_law(20_000, 1.5, 0.5)),
        lib.GradientDescent(400, 0.3),
    )
    slope = np.diff(np.log(theory.excess_loss[times])) / np.diff(np.log(times))
    assert slope[0] == pytest.approx(-0.5, abs=0.02)


# Identities


@st.composite
def problems(draw):
    depth = draw(st.integers(1, 4))
    width = st.sampled_from([0.3, 1.0, 2.5])
    network = lib.Network(
        depth,
        draw(st.one_of(st.just(math.inf), width, st.tuples(*[width] * depth))),
        draw(st.floats(0.2, 2.0)),
        centered=draw(st.booleans()),
    )
    size = draw(st.floats(0.3, 4.0))
    data = lib.Data(
        **draw(st.sampled_from([{}, {"samples": size}, {"batch": size}])),
        noise=draw(st.sampled_from([0.0, 0.5])),
        spectrum=draw(
            st.sampled_from(
                [lib.Spectrum.isotropic(), lib.Spectrum([2.0, 0.5], [0.3, 1.5], [0.4, 0.6])]
            )
        ),
    )
    momentum = draw(st.sampled_from([0.0, 0.5]))
    training = lib.GradientDescent(
        draw(st.integers(1, 10)),
        draw(st.floats(0.001, 0.05)),
        momentum=momentum,
        nesterov=momentum > 0 and draw(st.booleans()),
        weight_decay=draw(st.sampled_from([0.0, 0.3])),
    )
    return network, data, training


@settings(max_examples=60, deadline=None)
@given(problems())
def test_every_solution_is_causal_symmetric_positive_and_consistent(problem):
    assert_causal_symmetric_positive_and_consistent(lib.solve(*problem))


def test_infinite_width_and_data_leave_only_bias():
    theory = lib.solve(lib.Network(2, math.inf), lib.Data(noise=0.5), lib.GradientDescent(10, 0.1))
    np.testing.assert_allclose(theory.bias, theory.excess_loss, rtol=1e-14)


def test_a_sweep_is_its_members():
    networks = [lib.Network(2, 0.5, gamma, centered=gamma > 1) for gamma in (0.5, 1.0, 2.0)]
    trainings = [lib.GradientDescent(12, eta, momentum=0.3) for eta in (0.01, 0.03, 0.05)]
    data = lib.Data(samples=1.2, noise=0.2)
    sweep = lib.solve(networks, data, trainings)
    assert sweep.test_loss.shape == (3, 13) and sweep.C_h[1].shape == (3, 13, 13)
    assert [status.name for status in sweep.status] == ["COMPLETE"] * 3
    for k, (network, training) in enumerate(zip(networks, trainings, strict=True)):
        alone = lib.solve(network, data, training)
        np.testing.assert_allclose(sweep.train_loss[k], alone.train_loss, rtol=1e-12)
        np.testing.assert_allclose(sweep.C_g[2][k], alone.C_g[2], rtol=1e-11, atol=1e-14)
    one_axis = lib.solve(networks[0], data, trainings)
    assert one_axis.test_loss.shape == (3, 13)
    np.testing.assert_allclose(one_axis.test_loss[0], sweep.test_loss[0], rtol=1e-12)


def test_long_sweeps_are_split_to_fit_the_cache(monkeypatch):
    trainings = [lib.GradientDescent(8, eta) for eta in (0.01, 0.02, 0.03)]
    problem = lib.Network(2, 0.5), lib.Data(samples=1.2), trainings
    together = lib.solve(*problem)
    monkeypatch.setattr("lib.theory.assembly.BATCH_BYTES", 1)
    split = lib.solve(*problem)
    np.testing.assert_allclose(split.test_loss, together.test_loss, rtol=1e-13)
    np.testing.assert_allclose(split.R_h[1], together.R_h[1], rtol=1e-12, atol=1e-15)


# The optimizer's matrix


@pytest.mark.parametrize("nesterov", [False, True])
def test_memory_is_the_optimizer_unrolled(nesterov):
    rng = np.random.default_rng(0)
    steps, mu, omega = 9, 0.7, 0.2
    rates, gradients, start = rng.uniform(0, 0.3, steps), rng.normal(size=steps), 1.3
    training = lib.GradientDescent(steps, rates, momentum=mu, nesterov=nesterov, weight_decay=omega)
    memory = training.memory()
    weight, buffer, path = start, 0.0, [start]
    for rate, gradient in zip(rates, gradients, strict=True):
        buffer = mu * buffer + gradient
        kick = gradient + mu * buffer if nesterov else buffer
        weight = (1 - rate * omega) * weight - rate * kick
        path.append(weight)
    predicted = memory.decay * start - memory.K[:, :-1] @ gradients
    np.testing.assert_allclose(predicted, path, rtol=1e-13)
    assert not np.triu(memory.K).any()


# Verdicts


def test_divergence_is_inf_from_the_step_that_the_status_names():
    theory = lib.solve(
        lib.Network(3, 1.0, 2.0), lib.Data(samples=2.0, noise=0.1), lib.GradientDescent(60, 0.6)
    )
    assert theory.status.outcome is lib.Outcome.DIVERGED
    step = theory.status.step
    assert 0 < step < 60 and f"step {step}" in str(theory.status)
    for loss in (theory.test_loss, theory.excess_loss, theory.train_loss, theory.bias):
        assert np.isfinite(loss[:step]).all() and np.isposinf(loss[step:]).all()
    later = theory.at([0.5, step - 1, step, 60])
    assert np.isfinite(later.test_loss[:2]).all() and np.isposinf(later.test_loss[2:]).all()


def test_a_diverging_member_leaves_the_others_alone():
    data = lib.Data(samples=2.0)
    trainings = [lib.GradientDescent(60, eta) for eta in (0.6, 0.02)]
    sweep = lib.solve(lib.Network(3, 1.0, 2.0), data, trainings)
    assert [status.name for status in sweep.status] == ["DIVERGED", "COMPLETE"]
    alone = lib.solve(lib.Network(3, 1.0, 2.0), data, trainings[1])
    np.testing.assert_allclose(sweep.test_loss[1], alone.test_loss, rtol=1e-12)
    assert not np.isnan(sweep.test_loss).any()


def test_an_interrupted_march_keeps_its_rows():
    def stop_at_five(done, total):
        if done == 6:
            raise KeyboardInterrupt

    problem = lib.Network(2, 0.5), lib.Data(samples=2), lib.GradientDescent(20, 0.05)
    partial = lib.solve(*problem, progress=stop_at_five)
    whole = lib.solve(*problem)
    assert partial.status.outcome is lib.Outcome.INTERRUPTED
    step = partial.status.step
    np.testing.assert_allclose(partial.test_loss[:step], whole.test_loss[:step], rtol=1e-14)
    assert step >= 5 and np.isnan(partial.test_loss[step:]).all()


@pytest.mark.parametrize("times", ["x", None, [], [0.0, np.nan], [-1.0], [21.0]])
def test_times_outside_the_run_are_refused(times):
    solution = lib.solve(lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(20, 0.1))
    with pytest.raises(ValueError, match="times"):
        solution.at(times)


def test_values_at_one_time():
    solution = lib.solve(lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(20, 0.1))
    assert solution.at(3).test_loss == solution.test_loss[3]
    assert solution.at([[3, 4]]).test_loss.shape == (1, 2)


def test_values_at_other_times():
    theory = lib.solve(lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(39, 0.1))
    later = theory.at([3, 10.5, 39])
    np.testing.assert_array_equal(later.test_loss[[0, 2]], theory.test_loss[[3, 39]])
    assert theory.test_loss[11] < later.test_loss[1] < theory.test_loss[10]
    assert later.C_v is None
    for wrong in ([-1], [40], [math.nan], []):
        with pytest.raises(ValueError, match=r"between|at least one time"):
            theory.at(wrong)


def test_matrices_can_be_left_out():
    theory = lib.solve(
        lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(3, 0.1), keep_matrices=False
    )
    assert theory.C_v is None and theory.C_h is None and theory.test_loss.shape == (4,)


def test_theory_needs_neither_torch_nor_matplotlib():
    code = (
        "import sys; sys.modules.update(torch=None, matplotlib=None, IPython=None, tqdm=None)\n"
        "import lib\n"
        "print(lib.solve(lib.Network(1, 1.0), lib.Data(), lib.GradientDescent(3, 0.1)).test_loss[0])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0 and float(done.stdout) == pytest.approx(2) and done.stderr == ""


@pytest.mark.parametrize("grid", [lib.EveryStep(), lib.CompressedPast(), lib.Nodes()], ids=str)
def test_an_interrupt_ends_the_whole_sweep(grid, monkeypatch):
    """What is done is kept, what was at hand is kept as far as it came, and nothing else is begun."""
    monkeypatch.setattr("lib.theory.assembly.BATCH_BYTES", 1)
    calls = []

    def interrupt(done, total):
        calls.append(done)
        if len(calls) > 1 and calls[-1] < calls[-2]:  # the second one has begun
            raise KeyboardInterrupt

    networks = [lib.Network(1, 1.0, gamma) for gamma in (0.5, 1.0, 2.0)]
    problem = lib.Data(samples=2.0), lib.GradientDescent(80, 0.05)
    sweep = lib.solve(networks, *problem, grid=grid, progress=interrupt)
    assert [status.name for status in sweep.status] == ["COMPLETE", "INTERRUPTED", "INTERRUPTED"]
    assert sum(later < earlier for earlier, later in pairwise(calls)) == 1
    alone = lib.solve(networks[0], *problem, grid=grid)
    np.testing.assert_array_equal(sweep.test_loss[0], alone.test_loss)
    assert np.isnan(sweep.test_loss[1:, -1]).all() and np.isnan(sweep.test_loss[2]).all()
    assert np.isnan(sweep.at([3.0]).test_loss[2]) and "interrupted" in str(sweep.status[2])
    print(sweep)


@pytest.mark.parametrize("grid", [lib.EveryStep(), lib.CompressedPast(), lib.Nodes()], ids=str)
@pytest.mark.parametrize("width", [0.5, math.inf])
def test_a_centered_network_without_a_target_has_nothing_to_learn(grid, width):
    data = lib.Data(samples=2.0, spectrum=lib.Spectrum([1.0], [0.0], [1.0]))
    network = lib.Network(2, width, 3.0, centered=True)
    solved = lib.solve(network, data, lib.GradientDescent(90, 0.01), grid=grid)
    assert solved.status.name in ("COMPLETE", "STATIONARY")
    assert solved.test_loss.max() < 1e-14


CANCELLING = {
    "one number": (lib.Network(2, 1.5, 1e-5, centered=True), 1e-14 / 1e-10 / 1.5),
    "scales": (lib.Network(1, 0.5, 2e-5, centered=True, init_scale=(2.0, 3.0)), 1.8e-3),
    "rounded": (lib.Network(1, 9.4, 1e-6, centered=True), 1e-2 / 9.4),
    "one of several": (lib.Network(1, 1.0, 1e-6, outputs=2, centered=True), 1e-2),
}
"""Networks, and 1e-14 times the square of their first output over that of the target, by hand."""


@pytest.mark.parametrize("name", CANCELLING)
@pytest.mark.parametrize("grid", [None, lib.EveryStep(), lib.Nodes(), lib.CompressedPast()])
def test_a_richness_too_small_for_a_difference_is_refused(name, grid):
    """What is learned is then rounding error of what is subtracted; the sentence gives a richness that works."""
    network, cancelled = CANCELLING[name]
    data, training = lib.Data(samples=2.0, noise=0.1), lib.GradientDescent(30, 0.05)
    ordinary = replace(network, richness=1.0)
    networks = [ordinary, network] if name == "one of several" else network
    with pytest.raises(
        ValueError, match=r"richness \S+ is so small that .* width=math.inf"
    ) as told:
        lib.solve(networks, data, training, grid=grid)
    assert f"richness {network.richness:g} is" in str(told.value)
    least = float(re.search(r"at least (\S+),", str(told.value))[1])
    expected = network.richness * math.sqrt(cancelled / 1e-5)
    assert expected <= least <= 1.12 * expected
    if grid is None:
        lib.solve(replace(network, richness=least), data, lib.GradientDescent(1, 0.05))


def test_the_least_richness_is_lazy_and_what_is_not_subtracted_may_be_smaller():
    data, training = lib.Data(samples=2.0, noise=0.1), lib.GradientDescent(30, 0.05)
    with pytest.raises(ValueError, match="so small") as told:
        lib.solve(lib.Network(1, 1.0, 1e-6, centered=True), data, training)
    least = float(re.search(r"at least (\S+),", str(told.value))[1])
    there, above = (
        lib.solve(lib.Network(1, 1.0, gamma, centered=True), data, training)
        for gamma in (least, 30 * least)
    )
    off = np.abs(there.test_loss / above.test_loss - 1).max()
    assert off <= there.error + above.error + 1e-5  # richness changes losses by its square
    left = there.train_loss[-1] / there.train_loss[0]  # what cancellation costs the smallest loss
    assert there.status.name == "COMPLETE" and 1e-6 < there.error <= 1.01e-5 / left
    for network in (
        lib.Network(1, 1.0, 1e-6),
        lib.Network(1, math.inf, 1e-6, centered=True),
    ):
        assert lib.solve(network, data, training).status.name == "COMPLETE"
