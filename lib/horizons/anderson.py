"""Anderson acceleration of a fixed-point iteration x = G(x)."""

import numpy as np


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
