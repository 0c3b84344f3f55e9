"""Anderson acceleration of a fixed-point iteration x = G(x)."""

import numpy as np

SLOWEST, WATCHED = 0.3, 12
"""Changes that are falling fall by this factor in so many sweeps."""


class Anderson:
    """Proposes the next x from the last `memory` changes of (x, G(x)).

    The combination of past iterates whose residuals G(x) - x cancel best, in the least-squares sense.
    Changes of the residual are kept orthonormal, each beside what it did to the image, so that the best
    combination is a projection.
    Source: H. F. Walker and P. Ni, SIAM J. Numer. Anal. 49, 1715 (2011).
    """

    def __init__(self, memory):
        self.memory, self.changes, self.last = memory, 0, None

    def next(self, x, image):
        """The next x, from the present one and its `image` G(x), both [size]."""
        if self.last is None:
            self.images, self.residuals = np.zeros((2, self.memory, len(x)))
            self.last = image, image - x
            return image
        kept = min(self.changes, self.memory)
        image, residual = self._without(slice(0, kept), image, image - x)
        oldest = slice(self.changes % self.memory, self.changes % self.memory + 1)
        change = residual - self.last[1]
        size = np.linalg.norm(change)
        if size > 0:
            self.images[oldest] = (image - self.last[0]) / size
            self.residuals[oldest] = change / size
            self.changes += 1
            image, residual = self._without(oldest, image, residual)
        self.last = image, residual
        return image

    def _without(self, changes, image, residual):
        """Both less the combination of `changes` that leaves the smallest residual."""
        weights = self.residuals[changes] @ residual
        return image - weights @ self.images[changes], residual - weights @ self.residuals[changes]


class AndersonAnew:
    """Anderson acceleration of `problems` at once, that is begun anew where it no longer gets on.

    Iterates of long ago, far from the solution, can hold it fast at another point. If it stops a second
    time, it is for rounding errors.
    """

    def __init__(self, problems, memory):
        self.sizes, self.begun = (problems, memory), 0
        self.begin()

    def begin(self):
        problems, memory = self.sizes
        self.methods, self.changes = [Anderson(memory) for _ in range(problems)], []
        self.begun += 1

    def stirs(self, change):
        """Whether a sweep's largest `change` is taken for rounding errors."""
        self.changes.append(change)
        before, latest = self.changes[:-WATCHED], self.changes[-WATCHED:]
        stopped = bool(before) and min(latest) > SLOWEST * min(before)
        if stopped and self.begun == 1:
            self.begin()
            return False
        return stopped

    def next(self, x, image):
        """The next x of each problem, [problems, size], as `Anderson.next` has it."""
        return np.stack(
            [method.next(*pair) for method, *pair in zip(self.methods, x, image, strict=True)]
        )
