"""Anderson acceleration of a fixed-point iteration x = G(x)."""

import numpy as np


class Anderson:
    """Proposes the next x from the last `memory` pairs (x, G(x)).

    The combination of past iterates whose residuals G(x) - x cancel best, in the least-squares sense.
    Source: H. F. Walker and P. Ni, SIAM J. Numer. Anal. 49, 1715 (2011).
    """

    def __init__(self, memory):
        self.memory = memory
        self.images, self.residuals = [], []

    def next(self, x, image):
        self.images.append(image)
        self.residuals.append(image - x)
        del self.images[: -self.memory - 1], self.residuals[: -self.memory - 1]
        if len(self.images) == 1:
            return image
        differences = np.diff(self.residuals, axis=0)
        weights = np.linalg.lstsq(differences.T, self.residuals[-1], rcond=1e-12)[0]
        return image - weights @ np.diff(self.images, axis=0)
