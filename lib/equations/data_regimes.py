r"""The data regimes: rules for the error signal u given the weight error v.

With residuals $\Delta = X v/\sqrt D + \sigma\epsilon$ and $u = X^\top \Delta / (\alpha \sqrt D)$, a mode of
variance $\lambda$ obeys (equation {eq}`deep-input` of the book)

$$ u = \zeta_u + \lambda R_\Delta v, \qquad \mathrm{Cov}\,\zeta_u = \lambda Q . $$

A regime says what $R_\Delta$, $C_\Delta$ and $Q$ are, block by block, from $C_v$ and $R_{vu}$.
"""

import numpy as np

from lib.equations.linear_gaussian import (
    identity_rows,
    inverse_rows,
    transpose,
    write_causal,
    write_symmetric,
)


class Population:
    r"""Infinite data: $R_\Delta = 1$, $Q = 0$; the residuals see $C_\Delta = C_v + \sigma^2$."""

    def __init__(self, noise, axis, batch):
        self.axis = axis
        self.floor = noise**2
        self.R_Delta, self.C_Delta, self.Q = np.zeros((3, batch, axis.n, axis.n))

    @property
    def matrices(self):
        return [self.R_Delta, self.C_Delta, self.Q]

    def label_noise(self, now):
        """Rows `now` of the covariance of the label noise."""
        return self.floor * self.axis.same_output[now, : now.stop]

    def advance(self, now, C_v, R_vu):
        upto = slice(0, now.stop)
        write_causal(self.R_Delta, now, identity_rows(now))
        write_symmetric(self.C_Delta, now, C_v[:, now, upto] + self.label_noise(now))


class OnePass(Population):
    r"""Fresh batches: as the population, plus noise that is white in time, $Q = \delta_{ts} C_\Delta/\alpha_B$."""

    def __init__(self, size, noise, axis, batch):
        super().__init__(noise, axis, batch)
        self.size = size

    def advance(self, now, C_v, R_vu):
        super().advance(now, C_v, R_vu)
        own = (slice(None), now, now)
        times = (now.stop - now.start) // self.axis.outputs
        self.Q[own] = self.axis.expand(np.eye(times)) * self.C_Delta[own] / self.size


class Repeated(Population):
    r"""A fixed training set remembers: $R_\Delta = (1 - R_{vu}/\alpha)^{-1}$,
    $C_\Delta = R_\Delta (C_v + \sigma^2) R_\Delta^\top$, $Q = C_\Delta/\alpha$."""

    def __init__(self, size, noise, axis, batch):
        super().__init__(noise, axis, batch)
        self.size = size

    def advance(self, now, C_v, R_vu):
        past, upto = slice(0, now.start), slice(0, now.stop)
        remembered = R_vu[:, now, upto] / self.size
        R_Delta = inverse_rows(
            remembered[..., now],
            identity_rows(now) + remembered[..., past] @ self.R_Delta[:, past, upto],
        )
        write_causal(self.R_Delta, now, R_Delta)
        R = self.R_Delta[:, upto, upto]
        rows = R[:, now] @ (C_v[:, upto, upto] + self.label_noise(upto)) @ transpose(R)
        write_symmetric(self.C_Delta, now, rows)
        write_symmetric(self.Q, now, rows / self.size)
