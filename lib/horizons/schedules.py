"""Where a schedule of learning rates is smooth, and where a panel has to end for it.

The march on nodes takes gradients to be polynomials on a panel. They follow the weights, and these follow the
rates: on a panel that reaches across a jump of the rate they are no polynomials, whether or not a node
tells. So the rates are asked themselves, at every step.
"""

import numpy as np
from numpy.polynomial import legendre

COEFFICIENTS = 12
"""Polynomials on a panel that a schedule may use: fewer than the panel's nodes, for what follows from it."""

AROUND = 16
"""Steps on both sides of a place that tell whether the schedule is smooth there."""


def smooth_until(rates, start, stop, tolerance):
    """The last step <= `stop` up to which the rates from `start` on are smooth, within `tolerance`."""
    if _roughness(rates[start:stop]) <= tolerance:
        return stop
    smooth, rough = start + 1, stop
    while rough - smooth > 1:
        middle = (smooth + rough) // 2
        if _roughness(rates[start:middle]) <= tolerance:
            smooth = middle
        else:
            rough = middle
    return smooth


def breaks(rates, step, tolerance):
    """Whether the rates before and from `step` on belong to different smooth pieces."""
    here = rates[max(step - AROUND, 0) : step + AROUND]
    return _roughness(here) > tolerance


def _roughness(rates):
    """How far sums of the rates are from sums of a polynomial, as a part of the sum of all."""
    rates = np.abs(rates)
    total = rates.sum()
    if total == 0 or (rates == rates[0]).all():
        return 0.0
    length = len(rates)
    x = (2 * np.arange(length) + 1) / length - 1
    basis, _ = np.linalg.qr(legendre.legvander(x, max(min(COEFFICIENTS, length // 2) - 1, 0)))
    left = rates - basis @ (rates @ basis)
    return np.abs(np.cumsum(left)).max() / total
