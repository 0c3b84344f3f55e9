"""Small pieces every layer is made of: a trained random matrix, a closed pair, bookkeeping in time.

Matrices over time are [batch, n, n]; rows and columns are times (times and outputs, (t, c) at
t * C + c, if a network has C outputs). A block `now` of rows is filled from all earlier rows. Inside
the block the equations may be implicit: then what is not yet known is taken from the last sweep
over the block, and the sweep is repeated. Blocks in which the optimizer acts strictly backwards in
time, single steps above all, are exact after one sweep.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

PANEL = 2**16
"""Numbers of a panel that are worth a product of their own."""

SHORTEST = 48
"""Rows of a panel, at least."""


@dataclass(frozen=True)
class TrainedMatrix:
    r"""What one side of a trained weight matrix does to the fields on the other side.

    For $W(t) = d(t) W(0) + \gamma_0 r \sum_s K(t,s)\, g(s) h(s)^\top/\sqrt N$ with initial entries of
    variance $\sigma^2$, acting on a field with correlation C and response R, the image is $\xi + F g$ with

    $$ F = \sigma^2 d d^\top * R + \gamma_0 r K * C, \qquad \mathrm{Cov}\,\xi = \sigma^2 d d^\top * C . $$

    Arrays are [batch, n, n]; `start` is sigma^2 and `kick` gamma_0 r, [batch, 1, 1] each. All matrices
    of a network share K and decay, the same arrays. `keeps` tells that sigma and d are 1: then Cov xi is C.
    """

    K: np.ndarray
    decay: np.ndarray
    start: np.ndarray
    kick: np.ndarray
    keeps: bool = False

    def response(self, R, C, now):
        """Rows `now` of F, up to and including their own time: [batch, rows, now.stop]."""
        block = (slice(None), now, slice(0, now.stop))
        kept = R[block] if self.keeps else self.start * (self._each(self.decay[block]) * R[block])
        return kept + self.kick * self._each(self.K[block]) * C[block]

    def noise(self, C, now):
        """Rows `now` of Cov xi."""
        block = (slice(None), now, slice(0, now.stop))
        return C[block] if self.keeps else self.start * (self._each(self.decay[block]) * C[block])

    def covariance(self, C, now, stored):
        """Cov xi: C itself, or `stored` with its rows `now`, and their columns, renewed."""
        if self.keeps:
            return C
        write_symmetric(stored, now, self.noise(C, now))
        return stored

    def _each(self, rows):
        """Rows of K or decay, for each matrix of the batch."""
        return rows


def square(*shape):
    """Zeros [*shape, n] for a last n of `shape`, an odd number of cache lines from row to row.

    Rows a power of two apart would displace each other in a cache.
    """
    columns = 16 * (shape[-1] // 16) + 24
    return np.zeros((*shape, columns))[..., : shape[-1]]


def transpose(matrix):
    return matrix.swapaxes(-1, -2)


def write_symmetric(matrix, now, rows):
    """Write `rows` [..., rows, now.stop] into `matrix` and their mirror image into its columns."""
    matrix[..., now, : now.stop] = rows
    matrix[..., : now.start, now] = transpose(rows[..., : now.start])


def write_causal(matrix, now, rows):
    """Write `rows` [..., rows, now.stop] into `matrix`, which is zero in later columns."""
    matrix[..., now, : now.stop] = rows


@lru_cache(maxsize=64)
def identity(size):
    one = np.eye(size)
    one.flags.writeable = False
    return one


def add_identity(rows, now):
    """Add the identity to `rows` [.., rows, now.stop], in place."""
    rows[..., now] += identity(now.stop - now.start)
    return rows


def after_transposed(rows, matrix, reach):
    """rows @ matrix^T for `matrix` [.., n, n] whose rows end `reach` columns beyond the diagonal, at most.

    Panel by panel of its rows, so that zeros beyond are not read.
    """
    *_, size, _ = matrix.shape
    height = max(SHORTEST, PANEL * size // max(matrix.size, 1))
    if height >= size:
        return rows @ transpose(matrix)
    products = []
    for start in range(0, size, height):
        end = start + height + reach
        products.append(rows[..., :end] @ transpose(matrix[..., start : start + height, :end]))
    return np.concatenate(products, axis=-1)


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


def within_block(loop):
    """(1 - loop)^-1 for the part `loop` [..., m, m] of a matrix inside a block of m rows."""
    return np.linalg.inv(identity(loop.shape[-1]) - loop)


def inverse_rows(loop, rows):
    """(1 - loop)^-1 rows for the part `loop` [..., m, m] of a matrix inside a block of m rows."""
    if not loop.any():
        return rows
    return within_block(loop) @ rows


class Pair:
    r"""The responses of two fields that drive each other, $h = \xi + F g$ and $g = \zeta + \kappa B h$.

    $$ \frac{dh}{d\xi} = 1 + \kappa F \frac{dg}{d\xi}, \quad \frac{dh}{d\zeta} = F \frac{dg}{d\zeta}, \qquad
       \frac{dg}{d\zeta} = 1 + \kappa B \frac{dh}{d\zeta}, \quad \frac{dg}{d\xi} = B \frac{dh}{d\xi} $$

    (`dg_dxi` is stored without its factor $\kappa$). New rows of an operator give the rows of its
    own field's responses. Inside the block, F is that of the last sweep when B is set.
    """

    def __init__(self, kappa, batch, n):
        self.kappa = kappa
        self.F, self.dh_dxi, self.dh_dzeta = square(3, batch, n)
        self.dg_dxi, self.dg_dzeta = square(2, batch, n)

    @property
    def matrices(self):
        return [self.F, self.dh_dxi, self.dh_dzeta, self.dg_dxi, self.dg_dzeta]

    def set_B(self, now, B):
        """Rows `now` of B, and of the responses of g."""
        past, upto, kappa = slice(0, now.start), slice(0, now.stop), self.kappa
        self._B = B[..., now]
        self._implicit = self._B.any()
        dg_dxi = B[..., past] @ self.dh_dxi[:, past, upto]
        dg_dzeta = kappa * (B[..., past] @ self.dh_dzeta[:, past, upto])
        self._known = dg_dxi, add_identity(dg_dzeta, now)  # all but what comes back through F
        if self._implicit:
            F, F_past = self.F[:, now, now], self.F[:, now, past]
            inverse = within_block(kappa * self._B @ F)
            dh_dxi = add_identity(kappa * (F_past @ self.dg_dxi[:, past, upto]), now)
            dh_dzeta = kappa * (F_past @ self.dg_dzeta[:, past, upto])
            dg_dxi = inverse @ (dg_dxi + self._B @ dh_dxi)
            dg_dzeta = inverse @ (dg_dzeta + self._B @ dh_dzeta)
        write_causal(self.dg_dxi, now, dg_dxi)
        write_causal(self.dg_dzeta, now, dg_dzeta)

    def set_F(self, now, F):
        """Rows `now` of F, and of the responses of h; B must have been set."""
        past, upto, kappa = slice(0, now.start), slice(0, now.stop), self.kappa
        write_causal(self.F, now, F)
        if self._implicit:
            dh_dxi, dh_dzeta = (
                F[..., past] @ response[:, past, upto] + F[..., now] @ known
                for response, known in zip((self.dg_dxi, self.dg_dzeta), self._known, strict=True)
            )
        else:
            dh_dxi, dh_dzeta = F @ self.dg_dxi[:, upto, upto], F @ self.dg_dzeta[:, upto, upto]
        dh_dxi = add_identity(kappa * dh_dxi, now)
        if self._implicit:
            inverse = within_block(kappa * F[..., now] @ self._B)
            dh_dxi, dh_dzeta = inverse @ dh_dxi, inverse @ dh_dzeta
        write_causal(self.dh_dxi, now, dh_dxi)
        write_causal(self.dh_dzeta, now, dh_dzeta)
