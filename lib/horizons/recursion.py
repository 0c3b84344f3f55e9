"""An optimizer in steps, as one linear recursion; and what it makes of the gradients of all steps."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lib.horizons import schedules

MEMORY = 3.0
"""A momentum mu needs so many times 1 / (1 - mu) steps to forget."""


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

    def stable_curvatures(self):
        """Curvatures x of a quadratic loss, at which G = -x times the weights makes nothing grow; of a steady one."""
        A, f = self.at(0)
        size = np.abs(f).max()
        tried = np.geomspace(1e-3, 1e2, 200) / (size if size > 0 else 1.0)
        gains = np.outer(f, np.eye(len(f))[0])
        radii = np.abs(np.linalg.eigvals(A - tried[:, None, None] * gains)).max(-1)
        return tried[radii <= 1]

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

    def moved(self, steps):
        r"""How far a unit gradient at each of so many steps moves the weights, $\sum_s K(T, s)$."""
        if self.steady:
            A, f = self.at(0)
            both = np.block([[A, f[:, None]], [np.zeros(len(f)), 1.0]])
            return float(np.linalg.matrix_power(both, steps)[0, -1])
        if self.size == 1:
            left = np.cumprod(self.A[steps - 1 : 0 : -1, 0, 0])[::-1]
            return float(self.f[:steps, 0] @ np.append(left, 1.0)) if steps else 0.0
        x = np.zeros(self.size)
        for t in range(steps):
            A, f = self.at(t)
            x = A @ x + f
        return float(x[0])

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
