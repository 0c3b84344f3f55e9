"""Small pieces every layer is made of: a trained random matrix, a closed pair, bookkeeping in time.

Matrices over time are [batch, n, n]; rows and columns are times (times and outputs, (t, c) at
t * C + c, if a network has C outputs). A block `now` of rows is filled from all earlier rows. Inside
the block the equations may be implicit: then what is not yet known is taken from the last sweep
over the block, and the sweep is repeated. Blocks in which the optimizer acts strictly backwards in
time, single steps above all, are exact after one sweep.
"""

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


def transpose(matrix):
    return np.swapaxes(matrix, -1, -2)


def write_symmetric(matrix, now, rows):
    """Write `rows` [..., rows, now.stop] into `matrix` and their mirror image into its columns."""
    matrix[..., now, : now.stop] = rows
    matrix[..., : now.start, now] = transpose(rows[..., : now.start])


def identity_rows(now):
    """Rows `now` of the identity, up to and including their own time."""
    return np.eye(now.stop)[now]


def inverse_rows(loop, rows):
    """(1 - loop)^-1 rows for the part `loop` [..., m, m] of a matrix inside a block of m rows."""
    if not loop.any():
        return rows
    return np.linalg.solve(np.eye(loop.shape[-1]) - loop, rows)


class Pair:
    r"""The responses of two fields that drive each other, $h = \xi + F g$ and $g = \zeta + \kappa B h$.

    $$ \frac{dh}{d\xi} = 1 + \kappa F \frac{dg}{d\xi}, \quad \frac{dh}{d\zeta} = F \frac{dg}{d\zeta}, \qquad
       \frac{dg}{d\zeta} = 1 + \kappa B \frac{dh}{d\zeta}, \quad \frac{dg}{d\xi} = B \frac{dh}{d\xi} $$

    (`dg_dxi` is stored without its factor $\kappa$). New rows of an operator give the rows of its
    own field's responses; inside the block the other operator is that of the last sweep.
    """

    def __init__(self, kappa, batch, n):
        self.kappa = kappa
        self.dh_dxi, self.dh_dzeta, self.dg_dxi, self.dg_dzeta = np.zeros((4, batch, n, n))
        self._open(slice(0, 0))

    def _open(self, now):
        """Start a block: nothing is known of its rows."""
        batch, rows = len(self.dh_dxi), now.stop - now.start
        self._now = now
        self._F, self._B = np.zeros((2, batch, rows, rows))
        self._F_xi, self._F_zeta, self._B_xi, self._B_zeta = np.zeros((4, batch, rows, now.stop))

    def set_B(self, now, B):
        """Rows `now` of B, and of the responses of g."""
        if now != self._now:
            self._open(now)
        past, upto, kappa = slice(0, now.start), slice(0, now.stop), self.kappa
        self._B, one = B[..., now], identity_rows(now)
        self._B_xi = B[..., past] @ self.dh_dxi[:, past, upto]
        self._B_zeta = B[..., past] @ self.dh_dzeta[:, past, upto]
        loop = kappa * self._B @ self._F
        self.dg_dzeta[:, now, upto] = inverse_rows(
            loop, one + kappa * (self._B_zeta + self._B @ self._F_zeta)
        )
        self.dg_dxi[:, now, upto] = inverse_rows(
            loop, self._B_xi + self._B @ (one + kappa * self._F_xi)
        )

    def set_F(self, now, F):
        """Rows `now` of F, and of the responses of h."""
        if now != self._now:
            self._open(now)
        past, upto, kappa = slice(0, now.start), slice(0, now.stop), self.kappa
        self._F, one = F[..., now], identity_rows(now)
        self._F_xi = F[..., past] @ self.dg_dxi[:, past, upto]
        self._F_zeta = F[..., past] @ self.dg_dzeta[:, past, upto]
        loop = kappa * self._F @ self._B
        self.dh_dxi[:, now, upto] = inverse_rows(
            loop, one + kappa * (self._F_xi + self._F @ self._B_xi)
        )
        self.dh_dzeta[:, now, upto] = inverse_rows(
            loop, self._F_zeta + self._F @ (one + kappa * self._B_zeta)
        )
