"""Anderson acceleration of a fixed-point iteration x = G(x)."""

from collections import deque

import numpy as np


class Anderson:
    """Proposes the next x from the last `memory` changes of (x, G(x)).

    The combination of past iterates whose residuals G(x) - x cancel best, in the least-squares sense.
    Source: H. F. Walker and P. Ni, SIAM J. Numer. Anal. 49, 1715 (2011).
    """

    def __init__(self, memory):
        self.last = None
        self.images, self.residuals = deque(maxlen=memory), deque(maxlen=memory)

    def next(self, x, image):
        """The next x, from the present one and its `image` G(x), both [size]."""
        residual = image - x
        if self.last is not None:
            self.images.append(image - self.last[0])
            self.residuals.append(residual - self.last[1])
        self.last = image, residual
        if not self.residuals:
            return image
        weights = np.linalg.lstsq(np.array(self.residuals).T, residual, rcond=1e-12)[0]
        return image - weights @ np.array(self.images)
