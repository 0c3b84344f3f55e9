r"""K(t, s) on few nodes in time, grown panel by panel.

A field is known at nodes; between them it is a polynomial on each panel. K on nodes says what the
gradient at a node, standing for its share of the panel, has moved the weights by a later node:
`sample` the polynomial at every step, run the optimizer's recursion over the steps, keep the nodes. In
continuous time the recursion is an integral.
"""

from dataclasses import dataclass, replace

import numpy as np

from lib.horizons import schedules
from lib.horizons.nodes import panel, panel_of_steps
from lib.horizons.recursion import Recursion

NEAREST = 0.5
r"""Sound panels keep $|1 + x \kappa|$ above this for all x > 0; those of plain gradient descent do."""

FEWEST = 6
"""Nodes of a panel of steps, at least: fewer resolve next to nothing."""


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
    """What has become of the weights, after `time` steps of a `Recursion`.

    Attributes
    ----------
    recursion : Recursion
    time : int
    columns : [k, columns]
        What a unit gradient in each column has done to x so far; the first row is K.
    initial : [k]
        What a unit of the initial weights has become; the first entry is d(time).
    """

    recursion: Recursion
    time: int
    columns: np.ndarray
    initial: np.ndarray

    in_steps = True

    @classmethod
    def before(cls, recursion):
        """At step 0, whose gradient has done nothing yet."""
        return cls(recursion, 0, np.zeros((recursion.size, 1)), np.eye(recursion.size)[0])

    @property
    def steady(self):
        """Whether the steps to come are like the last one."""
        return self.recursion.steady

    def at_present_rate(self):
        """The same, if the last step were like all to come."""
        return replace(self, recursion=self.recursion.as_in(max(self.time - 1, 0)))

    def smooth_until(self, stop, tolerance):
        """How far a panel may reach towards `stop`, and whether what follows is another beginning."""
        stop = round(stop)
        if self.steady:
            return stop, False
        varying = self.recursion.schedules
        smooth = min(
            [schedules.smooth_until(rates, self.time, stop, tolerance) for rates in varying],
            default=stop,
        )
        new = smooth < stop and any(schedules.breaks(r, smooth, tolerance) for r in varying)
        return smooth, new

    def make_panel(self, start, stop, count):
        """The steps after `start` up to `stop` on `count` nodes, or on fewer if only so it is sound, or None."""
        for nodes in range(count, FEWEST - 1, -1):
            stretch = panel_of_steps(start, stop, nodes)
            if self.sound(stretch):
                return stretch
        return None

    def sound(self, panel):
        r"""Whether a panel that starts now has no spurious solutions, and no poles.

        Steps find $v = (1 + x K)^{-1} y$ for every curvature x > 0, as K is strictly causal. On the nodes of a
        panel it is not: with a momentum and few steps to a node it has eigenvalues $\kappa$ that are negative,
        or nearly so, and $1 + x \kappa$ comes close to 0 at some x. A spectrum that reaches there leaves the
        equations without a solution, and one that lies beyond with solutions that grow along the panel.
        """
        kappa = np.linalg.eigvals(self._at_fastest(panel)._within(panel))
        kappa = kappa[kappa.real < 0]
        return bool((np.abs(kappa.imag) >= NEAREST * np.abs(kappa)).all())

    def growth(self, panel):
        r"""Largest factor by which nodes of a panel amplify an error, over the curvatures that steps bear.

        The norm of $(1 + x K)^{-1}$. 1 without a momentum: there an error is largest where it arises (measured).
        """
        if self.recursion.size == 1:
            return 1.0
        steady = self._at_fastest(panel)
        own = steady._within(panel)
        curvatures = steady.recursion.stable_curvatures()[:, None, None]
        inverse = np.linalg.inv(np.eye(len(own)) + curvatures * own)
        return float(np.abs(inverse).sum(-1).max())

    def _within(self, panel):
        """K from the nodes of a panel to themselves, [m, m]."""
        return self.rows(panel)[0][:, -len(panel.nodes) :]

    def _at_fastest(self, panel):
        """The same, if all steps were like that of the panel with the largest rate."""
        rates = np.abs(self.recursion.f[self.time : int(panel.stop)]).max(-1)
        fastest = self.time + int(rates.argmax()) if len(rates) else self.time
        return replace(self, recursion=self.recursion.as_in(fastest))

    def step(self):
        """After one step more, with a new last column for its own time."""
        A, f = self.recursion.at(self.time)
        size, count = self.columns.shape
        columns = np.zeros((size, count + 1))
        columns[:, :-1] = A @ self.columns
        columns[:, -2] += f
        return replace(self, time=self.time + 1, columns=columns, initial=A @ self.initial)

    def rows(self, panel):
        """K [m, columns] and decay [m] at the panel's nodes, and the accumulation after it.

        A panel of a single step reads the gradient of the row before, so that nothing is
        interpolated; any other brings columns of its own.
        """
        steps = np.arange(panel.start, panel.stop)
        if len(steps) == 1:
            after = self.step()
            return after.columns[:1], after.initial[:1], after
        m = len(panel.nodes)
        columns = np.hstack([self.columns, np.zeros((len(self.columns), m))])
        offsets = (panel.nodes - panel.start).astype(int)
        run = self._powers if self.steady else self._recursion
        weights, decay, columns, initial = run(columns, panel.sample(steps), offsets)
        return (
            weights,
            decay,
            replace(self, time=int(panel.stop), columns=columns, initial=initial),
        )

    def _powers(self, columns, sample, offsets):
        """Steps that are all alike: impulse responses and powers of one step."""
        A, f = self.recursion.at(0)
        m, length = len(offsets), len(sample)
        orbit = _orbit(A, f, length)
        weights, decay = np.empty((m, columns.shape[1])), np.empty(m)
        for row, offset in enumerate(offsets):
            power = np.linalg.matrix_power(A, int(offset))
            weights[row] = power[0] @ columns
            weights[row, -m:] += orbit[0, :offset][::-1] @ sample[:offset]
            decay[row] = power[0] @ self.initial
        power = np.linalg.matrix_power(A, length)
        columns = power @ columns
        columns[:, -m:] += orbit[:, ::-1] @ sample
        return weights, decay, columns, power @ self.initial

    def _recursion(self, columns, sample, offsets):
        """Any schedule: the recursion itself, step by step."""
        weights, decay, m, initial = [], [], len(offsets), self.initial
        kept = set(offsets)
        for done, gradient in enumerate(sample, start=1):
            A, f = self.recursion.at(self.time + done - 1)
            columns, initial = A @ columns, A @ initial
            columns[:, -m:] += np.outer(f, gradient)
            if done in kept:
                weights.append(columns[0])
                decay.append(initial[0])
        return np.array(weights), np.array(decay), columns, initial


def _orbit(step, first, length):
    """first, step @ first, step @ step @ first, ..: [k, length]."""
    orbit, power = first[:, None], step
    while orbit.shape[1] < length:
        orbit, power = np.hstack([orbit, power @ orbit]), power @ power
    return orbit[:, :length]
