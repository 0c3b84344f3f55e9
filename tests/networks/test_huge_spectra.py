"""Networks have an input for every mode, and say so where these do not fit."""

import pytest

import lib

HUGE = lib.Data(samples=10, spectrum=lib.Spectrum.power_law(10**12, 1.5, 0.5))
PROBLEM = lib.Network(1, 4.0), HUGE, lib.GradientDescent(2, 0.1)
SENTENCE = r"networks with 1000000000000 inputs, one for each mode, would take .* use fewer modes"


@pytest.mark.parametrize(
    "ask",
    [
        lambda: lib.simulate(*PROBLEM, seeds=1),
        lambda: lib.measured_outliers(*PROBLEM, times=[0], seeds=1),
        lambda: lib.hessian.network_sharpness(*PROBLEM, times=[0], seeds=1),
        lambda: lib.measured_rate_curves(PROBLEM[:1], *PROBLEM[1:], [0.1, 0.2], seeds=1),
    ],
    ids=["simulate", "outliers", "sharpness", "rates"],
)
def test_spectra_without_end_are_for_the_theory(ask):
    with pytest.raises(ValueError, match=SENTENCE):
        ask()


def test_a_dataset_is_not_taken_for_a_huge_spectrum():
    dataset = lib.Dataset([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [1.0, 2.0, 0.0])
    with pytest.raises(ValueError, match="differ in spectrum"):
        lib.simulate(*PROBLEM, dataset=dataset, seeds=1)
