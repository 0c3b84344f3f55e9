"""Power laws of any size: sums over modes that are never made, and what needs them one by one."""

import copy
import math
import pickle

import numpy as np
import pytest
from scipy.special import zeta

import lib
from lib import Data, GradientDescent, Network, Spectrum
from lib.problem import power_law, quadrature

HUGE = 10**12
EXPONENTS = [(1.5, 0.6), (0.3, 2.0), (3.0, 0.2), (0.05, 0.5), (1.0, 1.0)]
WIDE = [(decay, source) for decay, source in EXPONENTS if decay >= 1]


def made(spectrum):
    """Whether any of its modes have been made one by one."""
    return bool({"_numbers", "eigenvalues", "target_power", "mass"} & set(vars(spectrum)))


def explicit(modes, decay, source):
    """The same modes one by one, by the definition."""
    k = np.arange(1.0, modes + 1)
    share = k ** -(decay * source + 1)
    return Spectrum.trace_class(k**-decay, share / share.sum() * k**decay)


@pytest.mark.parametrize("first, last", [(1, 7), (1, 10**4), (37, 90_000), (1000, 1500)])
def test_whole_numbers_are_summed_by_few(first, last):
    k, weights = power_law.whole_numbers(first, last, 12)
    assert len(k) <= 12 * (2 + math.log2(last / first)) and (weights > 0).all()
    numbers = np.arange(first, last + 1.0)
    for degree in range(24):
        expected = np.sum((numbers / last) ** degree)
        assert weights @ (k / last) ** degree == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("exponent", [1.001, 1.9, 7.0])
def test_sums_of_powers_are_differences_of_zeta_functions(exponent):
    expected = zeta(exponent) - zeta(exponent, HUGE + 1)
    assert power_law.sum_of_powers(HUGE, exponent) == pytest.approx(expected, rel=1e-12)
    assert power_law.sum_of_powers(3, exponent) == pytest.approx(
        1 + 2**-exponent + 3**-exponent, rel=1e-15
    )


@pytest.mark.parametrize("exponents", EXPONENTS, ids=str)
@pytest.mark.parametrize("modes", [5, 1000, 10**6])
def test_modes_are_those_of_the_definition(modes, exponents):
    law, listed = Spectrum.power_law(modes, *exponents), explicit(modes, *exponents)
    for name in ("eigenvalues", "target_power", "mass"):
        np.testing.assert_allclose(getattr(law, name), getattr(listed, name), rtol=1e-13)
        with pytest.raises(ValueError, match="read-only"):
            getattr(law, name)[0] = 2.0
    assert law.eigenvalues @ law.target_power == pytest.approx(1, abs=1e-12)
    assert len(law) == law.modes == modes and law.dimension_free


@pytest.mark.parametrize("exponents", EXPONENTS, ids=str)
@pytest.mark.parametrize("modes", [100, 1000, 10**5])
@pytest.mark.parametrize("digits", [4.0, 9.0])
def test_rules_are_those_of_the_modes(modes, exponents, digits):
    law, listed, slow = Spectrum.power_law(modes, *exponents), explicit(modes, *exponents), 1e-3
    rule, other = (quadrature.few(spectrum.rule(2), digits, slow) for spectrum in (law, listed))
    assert not made(law) and len(rule.mass) == len(other.mass) < 100
    power = rule.power[:, 0, 0]
    np.testing.assert_array_equal(rule.power, power[:, None, None] * np.eye(2))
    x, modes_of = rule.eigenvalues, listed.eigenvalues
    for time in (0.0, 1.0, 1 / max(slow, modes_of[-1])):
        for kept, exact in ((rule.mass, listed.mass), (power, listed.target_power)):
            found = kept @ (x * np.exp(-x * time))
            expected = exact @ (modes_of * np.exp(-modes_of * time))
            assert found == pytest.approx(expected, rel=10**-digits)


@pytest.mark.parametrize("exponents", WIDE, ids=str)
def test_rules_of_more_modes_than_can_be_made(exponents):
    law, slow = Spectrum.power_law(HUGE, *exponents), 1e-4
    k, weights = power_law.whole_numbers(1, HUGE, 100)
    points, power = k ** -exponents[0], weights * law._target_power(k)
    for digits in (5.0, 10.0):
        rule = quadrature.few(law.rule(1), digits, slow)
        assert len(rule.mass) < 75
        for time in (0.0, 1.0, 100.0, 1 / slow):
            for kept, exact in ((rule.mass, weights), (rule.power[:, 0, 0], power)):
                found, expected = (
                    w @ (x * np.exp(-time * x))
                    for x, w in ((rule.eigenvalues, kept), (points, exact))
                )
                assert found == pytest.approx(expected, rel=10**-digits)


@pytest.mark.parametrize("exponents", EXPONENTS, ids=str)
def test_the_size_of_the_target(exponents):
    law, listed = (kind(5000, *exponents) for kind in (Spectrum.power_law, explicit))
    expected = np.full(2, listed.target_power.sum())
    np.testing.assert_allclose(law.target_size(2), expected, rtol=1e-12)
    np.testing.assert_allclose(listed.target_size(2), expected, rtol=1e-12)


PROBLEMS = {
    "population": (Network(2, math.inf), {}, GradientDescent(40, 0.1), 10**5),
    "samples": (Network(2, 64.0), {"samples": 100, "noise": 0.3}, GradientDescent(20, 0.1), 1000),
    "batch": (Network(1, 64.0, outputs=2), {"batch": 50}, GradientDescent(10, 0.1), 10**5),
}


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_solutions_are_those_of_the_modes(problem):
    network, size, training, modes = problem
    one_by_one, law = (
        lib.solve(network, Data(**size, spectrum=kind(modes, 1.5, 0.6)), training)
        for kind in (explicit, Spectrum.power_law)
    )
    assert len(one_by_one.modes.mass) == len(law.modes.mass)
    for name in ("excess_loss", "train_loss"):
        np.testing.assert_allclose(getattr(law, name), getattr(one_by_one, name), rtol=1e-11)


def lazy_loss(modes, decay, source, rate, steps):
    r"""$\sum_k \lambda_k w_k^2 (1 - 2 \eta \lambda_k)^{2t}$ of a lazy network with two matrices.

    Mode by mode up to k = 10^5; beyond, where $4 \eta \lambda t \ll 1$, as sums of powers: zeta functions.
    """
    head, s = 10**5, decay * source + 1
    k = np.arange(1.0, head + 1)
    total = np.sum(k**-s * (1 - 2 * rate * k**-decay) ** (2 * steps))
    for j in range(12):
        exponent, factor = s + j * decay, math.comb(2 * steps, j) * (-2 * rate) ** j
        total += factor * (zeta(exponent, head + 1) - zeta(exponent, modes + 1))
    return total / (zeta(s) - zeta(s, modes + 1))


def test_a_lazy_network_on_a_million_million_modes():
    spectrum = Spectrum.power_law(HUGE, 1.5, 0.3)
    network = Network(1, math.inf, 1e-6, centered=True)
    for training in (GradientDescent(40, 0.2), GradientDescent(2000, 0.2)):
        found = lib.solve(network, Data(spectrum=spectrum), training, keep_matrices=False)
        for step in (0, 1, 40, training.steps):
            expected = lazy_loss(HUGE, 1.5, 0.3, 0.2, step)
            loss = float(found.at([step]).excess_loss[0])
            assert abs(loss / expected - 1) <= found.error + 1e-10
    assert found.error < 1e-6 and not made(spectrum)
    # Ten thousand times fewer modes end in another loss: the tail that is left out is seen.
    assert lazy_loss(10**8, 1.5, 0.3, 0.2, 2000) < 0.999 * lazy_loss(HUGE, 1.5, 0.3, 0.2, 2000)


def test_a_power_law_is_three_numbers():
    spectrum = Spectrum.power_law(HUGE, 1.5, 0.6)
    assert len(pickle.dumps(spectrum)) < 200
    for again in (
        Spectrum.power_law(np.int64(HUGE), 1.5, 0.6),
        pickle.loads(pickle.dumps(spectrum)),
        copy.deepcopy(spectrum),
    ):
        assert again == spectrum and hash(again) == hash(spectrum)
        assert Data(batch=3, spectrum=again) == Data(batch=3, spectrum=spectrum)
    for other in ((HUGE - 1, 1.5, 0.6), (HUGE, 1.6, 0.6), (HUGE, 1.5, 0.5)):
        assert Spectrum.power_law(*other) != spectrum
    assert repr(spectrum) == "Spectrum.power_law(modes=1000000000000, decay=1.5, source=0.6)"
    assert not made(spectrum)
    small = Spectrum.power_law(200, 1.5, 0.6)
    assert len(small.eigenvalues) == 200
    assert len(pickle.dumps(small)) < 200 and pickle.loads(pickle.dumps(small)) == small


def test_results_on_huge_spectra_print_themselves():
    data = Data(spectrum=Spectrum.power_law(HUGE, 0.1, 0.6))
    assert "1000000000000 modes" in repr(
        lib.solve(Network(1, math.inf), data, GradientDescent(1, 0.1))
    )
    assert not made(data.spectrum)


@pytest.mark.parametrize("name", ["eigenvalues", "target_power", "mass"])
def test_modes_that_do_not_fit_the_memory_are_refused(name):
    with pytest.raises(ValueError, match=r"modes .* one by one would take .* memory.* fewer modes"):
        getattr(Spectrum.power_law(HUGE, 1.5, 0.6), name)


@pytest.mark.parametrize(
    "refused, message",
    [
        ((2**53 + 1, 1.5, 0.5), "2\\*\\*53"),
        ((HUGE, 30.0, 0.5), r"eigenvalues\[999999999999\].*> 0"),
        ((HUGE, 20.0, 1e-9), r"target_power\[999999999999\].*below 1e\+100"),
    ],
)
def test_numbers_that_no_float_holds_are_refused(refused, message):
    with pytest.raises(ValueError, match=message):
        Spectrum.power_law(*refused)


@pytest.mark.parametrize("how", ["arrays", "lists", "single precision", "power law"])
def test_many_modes_are_checked_as_arrays(how, monkeypatch):
    called = []
    number = lib.checks.number
    monkeypatch.setattr(lib.checks, "number", lambda *a, **k: called.append(a) or number(*a, **k))
    modes = 3000
    values = np.linspace(1, 2, modes)
    if how == "lists":
        values = values.tolist()
    if how == "single precision":
        values = values.astype(np.float32)
    if how == "power law":
        Spectrum.power_law(modes, 1.5, 0.6).eigenvalues  # noqa: B018
    else:
        Spectrum(values, values, np.full(modes, 1 / modes))
        Spectrum.trace_class(values, values, np.arange(1, modes + 1))
    assert len(called) < 10


@pytest.mark.parametrize("kind", [list, np.array, tuple])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0, 0.0, 1e100])
def test_the_one_wrong_mode_of_many_is_named(wrong, kind):
    values = [1.0] * 500
    values[371] = wrong
    with pytest.raises(ValueError, match=r"eigenvalues\[371\]"):
        Spectrum.trace_class(kind(values), np.ones(500))
    if wrong == 0.0:
        Spectrum.trace_class(np.ones(500), kind(values))
