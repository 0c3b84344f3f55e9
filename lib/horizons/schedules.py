"""Where a schedule of learning rates is smooth, and where a panel or a stretch has to end for it.

The march on nodes takes gradients to be polynomials on a panel. They follow the weights, and these follow the
rates: on a panel that reaches across a jump of the rate they are no polynomials, whether or not a node
tells. So the rates are asked themselves, at every step. A compressed past looks at its rows, and needs to know
of jumps only to keep to one side of them.
"""

import numpy as np
from numpy.polynomial import legendre

COEFFICIENTS = 12
"""Polynomials on a panel that a schedule may use: fewer than the panel's nodes, for what follows from it."""

AROUND = 16
"""Steps on both sides of a place that tell whether the schedule is smooth there."""


CHUNK = 4096
"""Windows that are looked at together."""


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


def cuts(rates, tolerance, most):
    """Steps at which a smooth piece of the `rates` begins, without the first; None if more than `most`."""
    found, start, wide = [], 0, 2 * AROUND
    rough = _rough_windows(rates, wide, tolerance)
    while len(found) <= most:
        later = np.searchsorted(rough, start)
        first = max(rough[later] if later < len(rough) else len(rates) - wide, start)
        start = smooth_until(rates, first, min(first + wide, len(rates)), tolerance)
        if start == len(rates):
            return found
        found.append(int(start))
    return None


def _rough_windows(rates, length, tolerance):
    """First steps of the windows of `length` steps in which the rates are not smooth."""
    if len(rates) < length:
        return np.zeros(0, int)
    windows = np.lib.stride_tricks.sliding_window_view(rates, length)
    found = [
        first + np.flatnonzero(_roughness(windows[first : first + CHUNK]) > tolerance)
        for first in range(0, len(windows), CHUNK)
    ]
    return np.concatenate(found)


def _roughness(rates):
    """How far sums of the rates [.., steps] are from sums of a polynomial, as a part of the sum of all."""
    rates = np.abs(rates)
    total = rates.sum(-1)
    length = rates.shape[-1]
    x = (2 * np.arange(length) + 1) / length - 1
    basis, _ = np.linalg.qr(legendre.legvander(x, max(min(COEFFICIENTS, length // 2) - 1, 0)))
    away = rates - rates[..., :1]
    left = away - (away @ basis) @ basis.T
    return np.abs(np.cumsum(left, axis=-1)).max(-1) / np.where(total > 0, total, 1)
