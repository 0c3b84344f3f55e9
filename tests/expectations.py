"""What every solution and every pair of theory and networks must satisfy."""

import numpy as np

import lib

CHECKED_STEPS = [0, 3, 10, 20, 39]


def assert_checked_values(theory, excess, train):
    """Losses at `CHECKED_STEPS` to all printed digits, and a verdict to match."""
    np.testing.assert_allclose(theory.excess_loss[CHECKED_STEPS], excess, rtol=0, atol=1e-10)
    np.testing.assert_allclose(theory.train_loss[CHECKED_STEPS], train, rtol=0, atol=1e-10)
    floor = theory.data.noise**2
    np.testing.assert_allclose(theory.test_loss, theory.excess_loss + floor, rtol=1e-15)
    np.testing.assert_array_equal(theory.times, np.arange(40))
    assert theory.residual < 1e-13
    assert theory.status.name == "COMPLETE"


def assert_causal_symmetric_positive_and_consistent(theory):
    for C in (theory.C_v, theory.C_Delta, *theory.C_h.values(), *theory.C_g.values()):
        np.testing.assert_array_equal(C, C.T)
        assert np.linalg.eigvalsh(C).min() > -1e-10 * max(1.0, np.abs(C).max())
    for R in (*theory.R_g.values(), theory.R_vu):
        assert not np.triu(R).any()
    for R in (*theory.R_h.values(), theory.R_Delta):
        assert not np.triu(R, 1).any()
    layers = set(range(1, theory.network.depth + 1))
    assert set(theory.C_h) == {0} | layers and set(theory.C_g) == layers
    assert theory.residual < 1e-11
    parts = theory.bias + theory.width_variance + theory.data_variance
    np.testing.assert_allclose(parts, theory.excess_loss, rtol=1e-9)
    # From the step on where it diverged, a loss is inf.
    reached = np.isfinite(theory.excess_loss)
    assert reached.all() or theory.status.name == "DIVERGED"
    for C, loss in ((theory.C_v, theory.excess_loss), (theory.C_Delta, theory.train_loss)):
        np.testing.assert_allclose(np.diag(C)[reached], loss[reached], rtol=1e-12)


def assert_agrees(
    theory, runs, *, losses=("excess_loss", "train_loss"), catches=0.09, middle="mean"
):
    """Networks agree with the theory, beyond what finite size does, in a test that has power.

    `catches` is the relative error of the theory that must be noticed with probability 0.9: a fifth above
    the largest that was seen with three sets of seeds.
    """
    for loss in losses:
        finite = lib.agreement.finite_size(getattr(theory, loss), theory.network, theory.data)
        allowance = finite / runs.dim
        check = lib.agree(theory, runs, loss=loss, allowance=allowance, middle=middle)
        assert check, (loss, check)
        assert check.catches < catches, f"too few seeds to say anything: {check}"
