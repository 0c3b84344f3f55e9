r"""K(t, s) on few nodes in time, grown panel by panel.

A field is known at nodes; between them it is a polynomial on each panel. K on nodes says what the
gradient at a node, standing for its share of the panel, has moved the weights by a later node:
`sample` the polynomial at every step, run the optimizer's recursion over the steps, keep the nodes. In
continuous time the recursion is an integral.
"""

from dataclasses import dataclass, replace

import numpy as np

from lib.horizons.nodes import panel, panel_of_steps
from lib.horizons.schedules import breaks, smooth_until


@dataclass(frozen=True)
class Flow:
    """Continuous time: the weights are the integral of the gradients."""

    weight: np.ndarray

    make_panel = staticmethod(panel)
    in_steps, steady = False, True

    def smooth_until(self, stop, tolerance):
        """How far a panel may reach towards `stop`, and whether what follows is another beginning."""
        return stop, False

    def rows(self, panel):
        """K [m, columns + m] and decay [m] at the panel's nodes, and the accumulation after it."""
        m = len(panel.nodes)
        integrals = panel.integrals()
        K = np.hstack([np.broadcast_to(self.weight, (m, len(self.weight))), integrals])
        return K, np.ones(m), Flow(K[-1])


@dataclass(frozen=True)
class Steps:
    """Gradient descent in steps, after `time` of them.

    Attributes
    ----------
    training : GradientDescent
    time : int
    weight, buffer : [columns]
        What a unit gradient in each column has done to the weights and to the momentum so far.
    decay : float
        d(time).
    """

    training: object
    time: int
    weight: np.ndarray
    buffer: np.ndarray
    decay: float

    make_panel = staticmethod(panel_of_steps)
    in_steps = True

    @property
    def steady(self):
        """Whether the steps to come are like the last one."""
        return np.ndim(self.training.learning_rate) == 0

    def at_present_rate(self):
        """The same, if the rate of the last step were that of all to come."""
        training = self.training
        if self.steady:
            return self
        rate = float(training.rates[max(self.time - 1, 0)])
        return replace(self, training=replace(training, learning_rate=rate))

    def smooth_until(self, stop, tolerance):
        """How far a panel may reach towards `stop`, and whether what follows is another beginning."""
        stop = round(stop)
        if self.steady:
            return stop, False
        rates = self.training.rates
        smooth = smooth_until(rates, self.time, stop, tolerance)
        return smooth, smooth < stop and breaks(rates, smooth, tolerance)

    def rows(self, panel):
        """K [m, columns] and decay [m] at the panel's nodes, and the accumulation after it.

        A panel of a single step reads the gradient of the row before, so that nothing is
        interpolated; any other brings columns of its own.
        """
        steps = np.arange(panel.start, panel.stop)
        if len(steps) == 1:
            columns = np.append(self.weight, 0.0), np.append(self.buffer, 0.0)
            sample, kicked = np.ones((1, 1)), slice(len(self.weight) - 1, len(self.weight))
        else:
            m = len(panel.nodes)
            columns = tuple(np.append(c, np.zeros(m)) for c in (self.weight, self.buffer))
            sample, kicked = panel.sample(steps), slice(-m, None)
        offsets = (panel.nodes - panel.start).astype(int)
        if np.ndim(self.training.learning_rate) == 0:
            weight, buffer, decay = self._powers(*columns, sample, kicked, offsets)
        else:
            weight, buffer, decay = self._recursion(*columns, sample, kicked, offsets)
        after = replace(
            self, time=int(panel.stop), weight=weight[-1], buffer=buffer, decay=decay[-1]
        )
        return weight, decay, after

    def _powers(self, weight, buffer, sample, kicked, offsets):
        """A constant rate: impulse responses and powers of one step."""
        training, length = self.training, len(sample)
        rate, mu = training.learning_rate, training.momentum
        shrink = 1 - rate * training.weight_decay
        old = mu if training.nesterov else 1.0
        step = np.array([[shrink, rate * old * mu], [0.0, mu]])
        first = np.array([rate * (1 + mu if training.nesterov else 1), 1.0])
        in_weight, in_buffer = _orbit(step, first, length)
        weights = np.empty((len(offsets), len(weight)))
        for row, offset in zip(weights, offsets, strict=True):
            power = np.linalg.matrix_power(step, int(offset))
            row[:] = power[0, 0] * weight + power[0, 1] * buffer
            row[kicked] += in_weight[:offset][::-1] @ sample[:offset]
        buffer = mu ** float(length) * buffer
        buffer[kicked] += in_buffer[::-1] @ sample
        return weights, buffer, self.decay * shrink ** offsets.astype(float)

    def _recursion(self, weight, buffer, sample, kicked, offsets):
        """Any schedule: the recursion itself, step by step."""
        weights, decays = [], []
        kept = set(offsets)
        run = descend(self.training, self.time, weight, buffer, self.decay, sample, kicked)
        for done, state in enumerate(run, start=1):
            if done in kept:
                weights.append(state[0])
                decays.append(state[2])
        return np.array(weights), state[1], np.array(decays)


def descend(training, time, weight, buffer, decay, gradients, columns):
    """Weights, momentum and d after each step from `time` on.

    Every step adds the next row of `gradients` to the gradient in `columns`.
    """
    rates = training.rates[time : time + len(gradients)]
    for rate, gradient in zip(rates, gradients, strict=True):
        buffer = training.momentum * buffer
        buffer[columns] += gradient
        kick = buffer
        if training.nesterov:
            kick = training.momentum * buffer
            kick[columns] += gradient
        shrink = 1 - rate * training.weight_decay
        weight, decay = shrink * weight + rate * kick, shrink * decay
        yield weight, buffer, decay


def _orbit(step, first, length):
    """first, step @ first, step @ step @ first, ..: [2, length]."""
    orbit, power = first[:, None], step
    while orbit.shape[1] < length:
        orbit, power = np.hstack([orbit, power @ orbit]), power @ power
    return orbit[:, :length]
