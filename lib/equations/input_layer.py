r"""The input layer: error of the weights v, error signal u, mode by mode.

$$ v = \beta^* - \tfrac{1}{\gamma_0}\,(\tilde\zeta_0 + \tilde B_0 u), \qquad u = \zeta_u + \lambda R_\Delta v , $$
$$ \tilde B_0 = d d^\top * \tilde R_g^1 + \gamma_0 K * \tilde C_g^1, \qquad
   \mathrm{Cov}\,\tilde\zeta_0 = d d^\top * \tilde C_g^1 / \nu_L $$

(equation {eq}`deep-input` of the book; tildes as in `lib.equations.layers`). With $X = -\tilde B_0/\gamma_0$ every mode
has $v = H(\beta^* + \zeta + X\zeta_u)$, $H = (1 - \lambda X R_\Delta)^{-1}$, so that only H is kept per mode.
`trained` is the matrix W^0: its initial scale and rate factor stand in front of $d d^\top$ and K.
A centered network reads $\zeta$ through $E = 1 - \mathbf{1} e_0^\top$, which subtracts step 0.
"""

import numpy as np

from lib.equations.consistency import input_residual, noiseless_input_residual
from lib.equations.linear_gaussian import (
    add_identity,
    after_transposed,
    extend,
    inverse_rows,
    square,
    transpose,
    write_causal,
    write_symmetric,
)


class InputLayer:
    """Weight error and error signal, filled block by block.

    Attributes
    ----------
    C_v, C_h : [batch, n, n]
        Correlations of v (weighted by lambda: its diagonal is the excess loss) and of u = h^0.
    R_vu, R_h : [batch, n, n]
        Responses of v to the noise of u (weighted by lambda), and of u to zeta_0.
    bias, width_variance, data_variance : [batch, n]
        The three parts of the excess loss.
    """

    rounding = 1e-12
    """Losses are known to this fraction of the first loss, and no better."""

    cancelled = 0.0
    """The same for what is left of a centered network, a difference of two outputs: set where it is assembled."""

    stirred = 0.0
    """And what sweeps that repeat themselves make of that."""

    def __init__(self, modes, regime, trained, richness, inverse_width, centered, axis, batch):
        n = axis.n
        self.eigenvalues, self.mass, self.power = modes.eigenvalues, modes.mass, modes.power
        self.axis, self.regime, self.trained = axis, regime, trained
        self.richness, self.inverse_width = richness, inverse_width
        self.centered = np.array(centered, float)[:, None, None]
        self.C_v, self.C_h, self.R_vu, self.R_h = square(4, batch, n)
        (self.X,) = square(1, batch, n)
        self.beside = np.zeros((batch, n, len(self.mass) * axis.outputs))
        self.bias, self.width_variance, self.data_variance = np.zeros((3, batch, n))
        self._halfway = []
        self._allocate_responses(batch, n)

    @property
    def halfway(self):
        """What the last sweep met on its way to the rows of `matrices`, [.., rows, upto] each."""
        return [*self._halfway, *self.regime.halfway]

    @property
    def matrices(self):
        """All that later rows ask for, [.., n, n]; `columns` go with them."""
        own = [self.C_v, self.C_h, self.R_vu, self.R_h, self.X, *self.regime.matrices]
        return [*own, *self._responses]

    @property
    def columns(self):
        """All that later rows ask for with a row for each row and no more columns for later ones, [.., n, any]."""
        return [self.beside, *self.regime.columns]

    def losses(self, now):
        """The losses and their parts in the rows `now`, [batch, rows] each."""
        return {
            "excess_loss": np.einsum("bii->bi", self.C_v[:, now, now]),
            "train_loss": np.einsum("bii->bi", self.regime.C_Delta[:, now, now]),
            "bias": self.bias[:, now],
            "width_variance": self.width_variance[:, now],
            "data_variance": self.data_variance[:, now],
        }

    @property
    def _responses(self):
        symmetric = [self.S, self.raw_S, self.vv_sum2]
        return [*symmetric, self.U, self.H_sum, self.H_sum2, self.H]

    def _allocate_responses(self, batch, n):
        self.S, self.raw_S, self.U = square(3, batch, n)
        self.H_sum, self.H_sum2, self.vv_sum2 = square(3, batch, n)
        self.noisy = np.flatnonzero(self.mass)
        scales = self.eigenvalues[self.noisy]
        self.scales = scales[:, None, None]
        self.sums = self.mass[self.noisy] * np.array([scales, scales**2])
        self.H = square(batch, len(self.noisy), n)

    @property
    def mean(self):
        """Mean of v for a unit target, [batch, modes, n, C]: all modes and outputs side by side in memory."""
        shape = (*self.beside.shape[:2], len(self.mass), self.axis.outputs)
        return self.beside.reshape(shape).swapaxes(1, 2)

    def over_modes(self, values):
        r"""$\sum_k m_k \lambda_k$ and $\sum_k m_k \lambda_k^2$ of `values` [batch, noisy, ..], one after the other."""
        batch, modes, *rest = values.shape
        sums = self.sums @ values.reshape(batch, modes, -1)
        return [sums[:, order].reshape(batch, *rest) for order in (0, 1)]

    @property
    def carried(self):
        """What a sweep over a block takes over from the last one: operators, and correlations."""
        return [self.regime.R_Delta], [self.regime.Q]

    def extend(self, now):
        """First guess for what is carried."""
        extend(self.regime.Q, self.regime.R_Delta, now, self.axis.before(now))

    def advance(self, now, first):
        """Rows `now` of v, Delta and u, from the first hidden layer's backward rows."""
        self._weight_error_correlations(now, *self._weight_error_responses(now, first))
        self.regime.advance(now, self.C_v, self.R_vu)
        self._error_signal(now)

    def residual(self, first, rows):
        """Largest violation of the equations in the first `rows` rows, [batch]."""
        return input_residual(self, first, rows)

    def _means(self, now, A):
        """Rows `now` of the mean, and those of what it adds to C_v and vv_sum2."""
        past, scales = slice(0, now.start), self.eigenvalues[:, None, None]
        moved = A[..., past] @ self.beside[:, past]
        moved = moved.reshape(*moved.shape[:2], len(self.mass), self.axis.outputs).swapaxes(1, 2)
        known = self.axis.output[now] + scales * moved
        mean = self.mean[:, :, now] = inverse_rows_of_modes(scales, A[..., now], known)
        once = scales * (mean @ self.power)
        self.bias[:, now] = (once * mean).sum((1, 3))
        every = transpose(self.beside[:, : now.stop])
        weighted = [rows.swapaxes(1, 2) for rows in (once, scales * once)]
        return [rows.reshape(*rows.shape[:2], -1) @ every for rows in weighted]

    def _weight_error_responses(self, now, first):
        past, upto = slice(0, now.start), slice(0, now.stop)
        gamma = self.richness
        X = -self.trained.response(first.R_g, first.C_g, now) / gamma
        write_causal(self.X, now, X)
        A = self.regime.felt(X)
        known = add_identity(self.scales * (A[:, None, :, past] @ self.H[:, :, past, upto]), now)
        H = inverse_rows_of_modes(self.scales, A[..., now], known)
        write_causal(self.H, now, H)
        for matrix, rows in zip((self.H_sum, self.H_sum2), self.over_modes(H), strict=True):
            write_causal(matrix, now, rows)
        write_causal(self.R_vu, now, self.H_sum[:, now, upto] @ self.X[:, upto, upto])

        noise = self.trained.noise(first.C_g, now) * self.inverse_width / gamma**2
        write_symmetric(self.raw_S, now, noise)
        if self.centered.any():
            start, output = slice(0, self.axis.outputs), self.axis.output
            noise = noise - self.centered * (output[now] @ self.raw_S[:, start, upto])
            noise -= self.centered * (noise[..., start] @ transpose(output[upto]))
        write_symmetric(self.S, now, noise)
        return A, H

    def _weight_error_correlations(self, now, A, H):
        upto = slice(0, now.stop)
        rows = H.reshape(len(H), -1, now.stop)
        from_width = (rows @ self.S[:, upto, upto]).reshape(H.shape)
        # X may be large where H is small: X Q X^T on its own would square the rounding errors of X.
        X = self.X[:, upto, upto]
        with_X = rows @ X
        with_Q = with_X @ self.regime.Q[:, upto, upto]
        from_data = self.scales * (with_Q @ transpose(X)).reshape(H.shape)
        self._halfway = [A, from_width, with_X, with_Q, from_data]
        variance = after_transposed(
            from_width + from_data, self.H[:, :, upto, upto], self.axis.reach
        )
        parts = self._means(now, A), self.over_modes(variance)
        for correlation, mean, fluctuating in zip((self.C_v, self.vv_sum2), *parts, strict=True):
            write_symmetric(correlation, now, mean + fluctuating)
        for part, source in ((self.width_variance, from_width), (self.data_variance, from_data)):
            part[:, now] = self.sums[0] @ (source * H).sum(-1)

    def _error_signal(self, now):
        upto, regime = slice(0, now.stop), self.regime
        trace = np.sum(self.mass * self.eigenvalues)
        response = regime.response(now, self.H_sum2)
        self._halfway.append(response)
        U = response @ self.X[:, upto, upto]
        write_causal(self.U, now, U)
        rows = regime.Q[:, now, upto]
        rows = trace * rows + U @ regime.Q[:, upto, upto] + rows @ transpose(self.U[:, upto, upto])
        write_symmetric(self.C_h, now, rows + regime.correlation(now, self.vv_sum2))
        response = -self.inverse_width / self.richness * regime.response(now, self.H_sum)
        write_causal(self.R_h, now, response)
        if self.centered.any():
            self._halfway.append(response)
            start = slice(0, self.axis.outputs)
            self.R_h[:, now, start] -= self.centered * (response @ self.axis.output[upto])


class NoiselessInputLayer(InputLayer):
    r"""The input layer at infinite width with population gradients, where v does not fluctuate.

    Then $v = h \beta^*$ with $h = (1 - \lambda X)^{-1} \mathbf 1$: one column for each mode in place of the
    matrix H. Nothing responds to noise where there is none, and `R_vu` and `R_h` stay zero.
    """

    def __init__(self, modes, *others):
        super().__init__(modes.of_target, *others)

    rounding = 1e-20  # a loss is a sum of squares, and v is known to 1e-10
    _responses = ()

    def _allocate_responses(self, batch, n):
        pass

    def advance(self, now, first):
        X = -self.trained.response(first.R_g, first.C_g, now) / self.richness
        write_causal(self.X, now, X)
        for correlation, rows in zip((self.C_v, self.C_h), self._means(now, X), strict=True):
            write_symmetric(correlation, now, rows)
        self.regime.advance(now, self.C_v, self.R_vu)

    def residual(self, first, rows):
        return noiseless_input_residual(self, first, rows)


def inverse_rows_of_modes(scales, loop, rows):
    """(1 - scale * loop)^-1 rows, mode by mode, for `loop` [batch, m, m] and `rows` [batch, modes, m, ..]."""
    if not loop.any():
        return rows
    return inverse_rows(scales * loop[:, None], rows)
