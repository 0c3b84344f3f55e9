r"""The data regimes: rules for the error signal u given the weight error v.

With residuals $\Delta = X v/\sqrt D + \sigma\epsilon$ and $u = X^\top \Delta / (\alpha \sqrt D)$, a mode of
variance $\lambda$ obeys (equation {eq}`deep-input` of the book)

$$ u = \zeta_u + \lambda R_\Delta v, \qquad \mathrm{Cov}\,\zeta_u = \lambda Q . $$

A regime says what $R_\Delta$, $C_\Delta$ and $Q$ are, block by block, from $C_v$ and $R_{vu}$.
"""

import numpy as np

from lib.equations.linear_gaussian import (
    add_identity,
    identity,
    inverse_rows,
    square,
    transpose,
    write_causal,
    write_symmetric,
)


class Population:
    r"""Infinite data: $R_\Delta = 1$, $Q = 0$; the residuals see $C_\Delta = C_v + \sigma^2$."""

    def __init__(self, noise, axis, batch):
        self.axis = axis
        self.floor = noise**2
        self.R_Delta, self.C_Delta, self.Q = square(3, batch, axis.n)

    @property
    def matrices(self):
        return [self.R_Delta, self.C_Delta, self.Q]

    columns = halfway = ()

    white = False
    """Whether noise is new at every time, and excites anew what has been forgotten."""

    def felt(self, rows):
        """`rows` of what acts on u, as acting on v: rows @ R_Delta."""
        return rows

    def response(self, now, matrix):
        """Rows `now` of R_Delta @ `matrix`."""
        return matrix[:, now, : now.stop]

    def correlation(self, now, matrix):
        """Rows `now` of R_Delta @ `matrix` @ R_Delta^T."""
        return matrix[:, now, : now.stop]

    def label_noise(self, now):
        """Rows `now` of the covariance that the label noise has in the residuals."""
        return self.floor * self.axis.same_output[now, : now.stop]

    def advance(self, now, C_v, R_vu):
        self.R_Delta[:, now, now] = identity(now.stop - now.start)
        write_symmetric(self.C_Delta, now, C_v[:, now, : now.stop] + self.label_noise(now))


class OnePass(Population):
    r"""Fresh batches: as the population, plus noise that is white in time, $Q = \delta_{ts} C_\Delta/\alpha_B$."""

    white = True

    def __init__(self, size, noise, axis, batch):
        super().__init__(noise, axis, batch)
        self.size = size

    def advance(self, now, C_v, R_vu):
        super().advance(now, C_v, R_vu)
        own = (slice(None), now, now)
        self.Q[own] = self.axis.same_time(now.stop - now.start) * self.C_Delta[own] / self.size


class Repeated(Population):
    r"""A fixed training set remembers: $R_\Delta = (1 - R_{vu}/\alpha)^{-1}$,
    $C_\Delta = R_\Delta (C_v + \sigma^2) R_\Delta^\top$, $Q = C_\Delta/\alpha$."""

    def __init__(self, size, noise, axis, batch):
        super().__init__(noise, axis, batch)
        self.size = size
        self.label = np.zeros((batch, axis.n, axis.outputs))
        self.halfway = []

    @property
    def columns(self):
        return [self.label]

    def felt(self, rows):
        upto = slice(0, rows.shape[-1])
        return rows @ self.R_Delta[:, upto, upto]

    def response(self, now, matrix):
        upto = slice(0, now.stop)
        return self.R_Delta[:, now, upto] @ matrix[:, upto, upto]

    def correlation(self, now, matrix):
        upto, rows = slice(0, now.stop), self.response(now, matrix)
        self.halfway.append(rows)
        return rows @ transpose(self.R_Delta[:, upto, upto])

    def label_noise(self, now):
        """Rows `now` of what R_Delta makes of it: of each output's, the same at all times, one column."""
        upto = slice(0, now.stop)
        self.label[:, now] = self.R_Delta[:, now, upto] @ self.axis.output[upto]
        return self.floor * (self.label[:, now] @ transpose(self.label[:, upto]))

    def advance(self, now, C_v, R_vu):
        past, upto = slice(0, now.start), slice(0, now.stop)
        self.halfway = []
        remembered = R_vu[:, now, upto] / self.size
        rows = add_identity(remembered[..., past] @ self.R_Delta[:, past, upto], now)
        write_causal(self.R_Delta, now, inverse_rows(remembered[..., now], rows))
        rows = self.correlation(now, C_v) + self.label_noise(now)
        write_symmetric(self.C_Delta, now, rows)
        write_symmetric(self.Q, now, rows / self.size)
