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

    For $W(t) = d(t) W(0) + \gamma_0 r \sum_s K(t,s)\, g(s) h(s)^\top/\sqrt N$ with initial entries of
    variance $\sigma^2$, acting on a field with correlation C and response R, the image is $\xi + F g$ with

    $$ F = \sigma^2 d d^\top * R + \gamma_0 r K * C, \qquad \mathrm{Cov}\,\xi = \sigma^2 d d^\top * C . $$

    Arrays are [batch, n, n]; `start` is sigma^2 and `kick` gamma_0 r, [batch, 1, 1] each. All matrices
    of a network share K and decay, the same arrays.
    """

    K: np.ndarray
    decay: np.ndarray
    start: np.ndarray
    kick: np.ndarray

    def response(self, R, C, now):
        """Rows `now` of F, up to and including their own time: [batch, rows, now.stop]."""
        block = (slice(None), now, slice(0, now.stop))
        kept = self.start * (self._shared(self.decay[block]) * R[block])
        return kept + self.kick * self._shared(self.K[block]) * C[block]

    def noise(self, C, now):
        """Rows `now` of Cov xi."""
        block = (slice(None), now, slice(0, now.stop))
        return self.start * (self._shared(self.decay[block]) * C[block])

    def _shared(self, rows):
        """Rows of K or decay, one for each matrix of the batch."""
        return rows


def transpose(matrix):
    return np.swapaxes(matrix, -1, -2)


def write_symmetric(matrix, now, rows):
    """Write `rows` [..., rows, now.stop] into `matrix` and their mirror image into its columns."""
    matrix[..., now, : now.stop] = rows
    matrix[..., : now.start, now] = transpose(rows[..., : now.start])


def write_causal(matrix, now, rows):
    """Write `rows` [..., rows, now.stop] into `matrix`: nothing depends on later times."""
    matrix[..., now, : now.stop] = rows
    matrix[..., now, now.stop :] = 0


def identity_rows(now):
    """Rows `now` of the identity, up to and including their own time."""
    return np.eye(now.stop - now.start, now.stop, now.start)


def extend(correlation, response, now, last):
    """First guess for the rows `now`: nothing has changed since the rows `last` before (one for each)."""
    past = slice(0, now.start)
    correlation[:, now, past] = correlation[:, last, past]
    correlation[:, past, now] = transpose(correlation[:, now, past])
    correlation[:, now, now] = correlation[:, last][:, :, last]
    response[:, now, past] = response[:, last, past]
    own = response[:, last][:, :, last] * np.eye(now.stop - now.start)
    response[:, now, last] = 0
    response[:, now, now] = own


def inverse_rows(loop, rows):
    """(1 - loop)^-1 rows for the part `loop` [..., m, m] of a matrix inside a block of m rows."""
    if not loop.any():
        return rows
    return np.linalg.inv(np.eye(loop.shape[-1]) - loop) @ rows


class Pair:
    r"""The responses of two fields that drive each other, $h = \xi + F g$ and $g = \zeta + \kappa B h$.

    $$ \frac{dh}{d\xi} = 1 + \kappa F \frac{dg}{d\xi}, \quad \frac{dh}{d\zeta} = F \frac{dg}{d\zeta}, \qquad
       \frac{dg}{d\zeta} = 1 + \kappa B \frac{dh}{d\zeta}, \quad \frac{dg}{d\xi} = B \frac{dh}{d\xi} $$

    (`dg_dxi` is stored without its factor $\kappa$). New rows of an operator give the rows of its
    own field's responses. Inside the block, F is that of the last sweep when B is set.
    """

    def __init__(self, kappa, batch, n):
        self.kappa = kappa
        self.F, self.dh_dxi, self.dh_dzeta = np.zeros((3, batch, n, n))
        self.dg_dxi, self.dg_dzeta = np.zeros((2, batch, n, n))

    @property
    def matrices(self):
        return [self.F, self.dh_dxi, self.dh_dzeta, self.dg_dxi, self.dg_dzeta]

    def set_B(self, now, B):
        """Rows `now` of B, and of the responses of g."""
        past, upto, kappa = slice(0, now.start), slice(0, now.stop), self.kappa
        self._B, one = B[..., now], identity_rows(now)
        self._B_xi = B[..., past] @ self.dh_dxi[:, past, upto]
        self._B_zeta = B[..., past] @ self.dh_dzeta[:, past, upto]
        write_causal(self.dg_dxi, now, self._B_xi)
        write_causal(self.dg_dzeta, now, one + kappa * self._B_zeta)
        if self._B.any():
            F, F_past = self.F[:, now, now], self.F[:, now, past]
            loop = kappa * self._B @ F
            F_xi, F_zeta = (F_past @ R[:, past, upto] for R in (self.dg_dxi, self.dg_dzeta))
            self.dg_dxi[:, now, upto] = inverse_rows(
                loop, self._B_xi + self._B @ (one + kappa * F_xi)
            )
            self.dg_dzeta[:, now, upto] = inverse_rows(
                loop, one + kappa * (self._B_zeta + self._B @ F_zeta)
            )

    def set_F(self, now, F):
        """Rows `now` of F, and of the responses of h; B must have been set."""
        past, upto, kappa = slice(0, now.start), slice(0, now.stop), self.kappa
        write_causal(self.F, now, F)
        own, one = F[..., now], identity_rows(now)
        F_xi = F[..., past] @ self.dg_dxi[:, past, upto]
        F_zeta = F[..., past] @ self.dg_dzeta[:, past, upto]
        loop = kappa * own @ self._B
        dh_dxi = inverse_rows(loop, one + kappa * (F_xi + own @ self._B_xi))
        dh_dzeta = inverse_rows(loop, F_zeta + own @ (one + kappa * self._B_zeta))
        write_causal(self.dh_dxi, now, dh_dxi)
        write_causal(self.dh_dzeta, now, dh_dzeta)
