"""Two small pieces every layer is made of: a trained random matrix, and bookkeeping in time."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrainedMatrix:
    r"""What one side of a trained weight matrix does to the fields on the other side.

    For $W(t) = d(t) W(0) + \gamma_0 \sum_s K(t,s)\, g(s) h(s)^\top/\sqrt N$ acting on a field with
    correlation C and response R, the image is $\xi + F g$ with

    $$ F = d d^\top * R + \gamma_0 K * C, \qquad \mathrm{Cov}\,\xi = d d^\top * C . $$

    Arrays are [batch, n, n]; `richness` is gamma_0, [batch, 1, 1].
    """

    K: np.ndarray
    decay: np.ndarray
    richness: np.ndarray

    def response(self, R, C, now):
        """Rows `now` of F, up to and including their own time: [batch, rows, now.stop]."""
        block = (slice(None), now, slice(0, now.stop))
        return self.decay[block] * R[block] + self.richness * self.K[block] * C[block]

    def noise(self, C, now):
        """Rows `now` of Cov xi."""
        block = (slice(None), now, slice(0, now.stop))
        return self.decay[block] * C[block]


def write_symmetric(matrix, now, rows):
    """Write `rows` [..., rows, now.stop] into `matrix` and their mirror image into its columns."""
    matrix[..., now, : now.stop] = rows
    matrix[..., : now.stop, now] = np.swapaxes(rows, -1, -2)


def identity_rows(now):
    """Rows `now` of the identity, up to and including their own time."""
    return np.eye(now.stop)[now]
