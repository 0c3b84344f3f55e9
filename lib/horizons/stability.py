r"""Whether steps are stable along a smooth solution: a look that nodes and moments themselves cannot take.

Where training makes the kernel grow, or a schedule the rate, the edge of stability may be crossed late, when
the strong modes have long decayed. The smooth solution still solves the equations then, but a deviation from
it, however small, is multiplied at every step by a number below -1, and in the end takes over. So now and then
a few steps are taken one by one, once as they are and once with a small change of the target, which all modes
feel: what they do with it, and what the responses H make of noise, grows from step to step if steps are
unstable.
"""

import math

import numpy as np

from lib.equations.input_layer import NoiselessInputLayer
from lib.horizons.block import forget

STEPS = 24
"""Steps that are taken to see a deviation grow; a momentum needs some more to forget."""

MOST_STEPS = 64

SIZE = 1e-7
"""The change of the target, relative."""

LINEAR = 1e3
"""Deviations that have grown by this factor are looked at no further."""

SEEN = 1e-5
"""A part of a deviation that alternates and is smaller than this, relative to the first, is rounding."""

LATEST = 4
"""Steps over which it must grow, each time by the same factor or more."""

AMPLIFIED = 10.0
"""Factor by which errors may have been amplified in all before the march ends."""


class Stability:
    """Watches a march in steps: its `count` rows, its `accumulations`, and its `step(time)`, which adds a row.

    Attributes
    ----------
    growth : float
        Logarithm of the factor per step at the last look, 0 where deviations do not grow.
    total : float
        What it sums to, step after step.
    """

    def __init__(self, march):
        self.march, self.growth, self.total = march, 0.0, 0.0

    def keeps(self, steps):
        """Whether the solution is stable enough to keep the last `steps`, which have been solved since the last look."""
        growth = self._look()
        total = self.total + max(growth, self.growth) * steps
        if total > math.log(AMPLIFIED):
            return False
        self.growth, self.total = growth, total
        return True

    @property
    def amplified(self):
        """What earlier errors have been multiplied by."""
        return math.exp(self.total)

    def lasts(self, steps):
        """Whether it would still be so after so many more steps."""
        return self.total + self.growth * steps <= math.log(AMPLIFIED)

    def _look(self):
        """Logarithm of the largest factor by which a deviation is multiplied at a step, at least 0."""
        march, axis = self.march, self.march.axis
        start, count, output = march.accumulations, march.count, axis.output.copy()
        halted = [accumulation.at_present_rate() for accumulation in start]
        steps = STEPS + halted[0].recursion.memory
        steps = min(steps, MOST_STEPS, axis.nodes - count)
        rows, means = axis.rows(count, count + steps), []
        for change in (0.0, SIZE):
            march.accumulations, march.count = halted, count
            axis.output[rows] = (1 + change) * output[rows]
            for step in range(steps):
                march.step(halted[0].time + step)
            means.append(march.inputs.mean[:, :, rows].copy())
            if change == 0.0:
                responses = self._responses(rows)
        forget(march.stack, march.inputs, rows)
        march.accumulations, march.count, axis.output[:] = start, count, output
        moved = (means[1] - means[0]) / SIZE
        inputs = march.inputs
        together = np.einsum("k,kdc,bktd->btc", inputs.eigenvalues, inputs.power, moved)
        curves = [_own(together, axis), _own(moved, axis), *responses]
        return _growth(np.concatenate([curve.reshape(-1, steps) for curve in curves]))

    def _responses(self, rows):
        """What a noise in v, from the first of `rows` on, makes of v, mode by mode; none without noise."""
        inputs = self.march.inputs
        if isinstance(inputs, NoiselessInputLayer):
            return []
        return [_own(inputs.H[:, :, rows, rows] @ inputs.axis.output[rows], inputs.axis)]


def _own(values, axis):
    """Values [.., rows, C] of each output with itself, [.., C, times]."""
    by_time = values.reshape(*values.shape[:-2], -1, axis.outputs, axis.outputs)
    return np.moveaxis(np.einsum("...tcc->...tc", by_time), -1, -2)


def _growth(curves):
    """Logarithm of the largest factor per step of the alternating part of any of `curves` [.., steps], or 0.

    Second differences take away what hardly changes from one step to the next.
    """
    first = np.abs(curves[:, :1])
    parts = curves[:, :-2] - 2 * curves[:, 1:-1] + curves[:, 2:]
    parts = parts * (-1.0) ** np.arange(parts.shape[1])
    largest = 0.0
    for part, size in zip(parts, first[:, 0], strict=True):
        beyond = ~(np.abs(part) < LINEAR * size)
        part = part[: int(np.argmax(beyond))] if beyond.any() else part
        last = part[-LATEST:]
        if (
            len(last) == LATEST
            and (np.abs(last) > SEEN * size).all()
            and (last[0] * last > 0).all()
        ):
            largest = max(largest, float(np.min(np.log(last[1:] / last[:-1]))))
    return largest
