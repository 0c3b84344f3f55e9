r"""K(t, s) on few nodes in time, grown panel by panel.

A field is known at nodes; between them it is a polynomial on each panel. K on nodes says what the
gradient at a node, standing for its share of the panel, has moved the weights by a later node:
`sample` the polynomial at every step, run the optimizer's recursion over the steps, keep the nodes. In
continuous time the recursion is an integral.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lib.horizons import schedules
from lib.horizons.nodes import panel, panel_of_steps

MEMORY = 3.0
"""A momentum mu needs so many times 1 / (1 - mu) steps to forget."""

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


@dataclass(frozen=True, eq=False)
class Recursion:
    r"""An optimizer in steps: all that the theory and networks ask of it.

    Each entry of a weight matrix is the first of k numbers x, and a gradient G makes of them

    $$ x \leftarrow A_t\, x + f_t\, G . $$

    Without a gradient the initial weights follow the same recursion from x = (W(0), 0, ..).

    Attributes
    ----------
    A : [T, k, k] or [1, k, k]
        One for each step, or one for all of them.
    f : [T, k] or [1, k]
        In units of the learning rate.
    """

    A: np.ndarray
    f: np.ndarray

    def __post_init__(self):
        length = max(len(self.A), len(self.f))
        for name in ("A", "f"):
            value = np.asarray(getattr(self, name), float)
            object.__setattr__(self, name, np.broadcast_to(value, (length, *value.shape[1:])))

    @property
    def steady(self):
        """Whether all steps are alike."""
        return len(self.A) == 1

    @property
    def size(self):
        """k"""
        return self.A.shape[-1]

    def at(self, step):
        """A and f of one step."""
        place = 0 if self.steady else step
        return self.A[place], self.f[place]

    def as_in(self, step):
        """The same for ever as in one step."""
        A, f = self.at(step)
        return Recursion(A[None], f[None])

    @property
    def memory(self):
        """About how many steps it takes to forget what is not the weights."""
        rest = self.A[0, 1:, 1:]
        slowest = np.abs(np.linalg.eigvals(rest)).max(initial=0.0)
        return round(MEMORY / max(1 - slowest, 1e-3)) + max(self.size - 2, 0)

    @property
    def keeps(self):
        """Whether initial weights stay as they are."""
        return bool((self.A[:, :, 0] == np.eye(self.size)[0]).all())

    def no_harder_after(self, step):
        """Whether no later step moves the weights by more than those of the eighth before `step` did."""
        if self.steady:
            return True
        recent = slice(step - max(step // 8, 1), step)
        return all(
            (np.abs(part[step:]) <= np.abs(part[recent]).min(0)).all() for part in (self.A, self.f)
        )

    @cached_property
    def schedules(self):
        """What changes from step to step, [T] each, without those that say the same."""
        entries = [*self.f.T, *self.A.reshape(len(self.A), -1).T]
        found, shapes = [], []
        for entry in entries:
            away = np.abs(entry - entry[0])
            if not away.any():
                continue
            shape = (entry - entry[0]) / (entry - entry[0])[away.argmax()]
            if not any(np.allclose(shape, other, rtol=0, atol=1e-12) for other in shapes):
                found.append(entry)
                shapes.append(shape)
        return found

    def cuts(self, tolerance, most):
        """Steps at which it jumps or bends (see `schedules.cuts`); None if any schedule does more than `most` times."""
        found = [schedules.cuts(rates, tolerance, most) for rates in self.schedules]
        return None if None in found else sorted({step for steps in found for step in steps})


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
        rates = np.abs(self.recursion.f[self.time : int(panel.stop)]).max(-1)
        fastest = self.time + int(rates.argmax()) if len(rates) else self.time
        alike = replace(self, recursion=self.recursion.as_in(fastest))
        kappa = np.linalg.eigvals(alike.rows(panel)[0][:, -len(panel.nodes) :])
        kappa = kappa[kappa.real < 0]
        return bool((np.abs(kappa.imag) >= NEAREST * np.abs(kappa)).all())

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


def every_step(recursion, steps):
    """K [T + 1, T + 1] and d [T + 1] of all steps 0 .. T."""
    K, decay = np.zeros((steps + 1, steps + 1)), np.ones(steps + 1)
    columns, initial = np.zeros((recursion.size, steps)), np.eye(recursion.size)[0]
    for t in range(steps):
        A, f = recursion.at(t)
        columns[:, : t + 1] = A @ columns[:, : t + 1]
        columns[:, t] += f
        initial = A @ initial
        K[t + 1, :-1], decay[t + 1] = columns[0], initial[0]
    return K, decay


def _orbit(step, first, length):
    """first, step @ first, step @ step @ first, ..: [k, length]."""
    orbit, power = first[:, None], step
    while orbit.shape[1] < length:
        orbit, power = np.hstack([orbit, power @ orbit]), power @ power
    return orbit[:, :length]
