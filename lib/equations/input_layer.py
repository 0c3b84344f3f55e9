r"""The input layer: error of the weights v, error signal u, mode by mode.

$$ v = \beta^* - \tfrac{1}{\gamma_0}\,(\tilde\zeta_0 + \tilde B_0 u), \qquad u = \zeta_u + \lambda R_\Delta v , $$
$$ \tilde B_0 = d d^\top * \tilde R_g^1 + \gamma_0 K * \tilde C_g^1, \qquad
   \mathrm{Cov}\,\tilde\zeta_0 = d d^\top * \tilde C_g^1 / \nu_L $$

(equation {eq}`deep-input` of the book; tildes as in `lib.equations.layers`). With $X = -\tilde B_0/\gamma_0$ every mode
has $v = H(\beta^* + \zeta + X\zeta_u)$, $H = (1 - \lambda X R_\Delta)^{-1}$, so that only H is kept per mode.
`trained` is the matrix W^0: its initial scale and rate factor stand in front of $d d^\top$ and K.
A centred network reads $\zeta$ through $E = 1 - \mathbf{1} e_0^\top$, which subtracts step 0.
"""

import numpy as np

from lib.equations.consistency import input_residual, noiseless_input_residual
from lib.equations.linear_gaussian import (
    extend,
    identity_rows,
    inverse_rows,
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

    def __init__(self, modes, regime, trained, richness, inverse_width, centered, axis, batch):
        n = axis.n
        self.eigenvalues, self.mass, self.power = modes.eigenvalues, modes.mass, modes.power
        self.axis, self.regime, self.trained = axis, regime, trained
        self.richness, self.inverse_width = richness, inverse_width
        self.centered = np.array(centered, float)[:, None, None]
        self.C_v, self.C_h, self.R_vu, self.R_h = np.zeros((4, batch, n, n))
        self.X = np.zeros((batch, n, n))
        self.mean = np.zeros((batch, len(self.mass), n, axis.outputs))
        self.bias, self.width_variance, self.data_variance = np.zeros((3, batch, n))
        self._allocate_responses(batch, n)

    @property
    def matrices(self):
        """All that later rows ask for, [.., n, n]; `mean` [.., n, C] goes with them."""
        own = [self.C_v, self.C_h, self.R_vu, self.R_h, self.X, *self.regime.matrices]
        return [*own, *self._responses]

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
        symmetric = [self.S, self.raw_S, self.Y, self.vv_sum2]
        return [*symmetric, self.U, self.H_sum, self.H_sum2, self.H]

    def _allocate_responses(self, batch, n):
        self.S, self.raw_S, self.Y, self.U = np.zeros((4, batch, n, n))
        self.H_sum, self.H_sum2, self.vv_sum2 = np.zeros((3, batch, n, n))
        self.H = np.zeros((batch, len(self.mass), n, n))

    def over_modes(self, weights, values):
        return np.einsum("k,bkij->bij", weights, values)

    @property
    def carried(self):
        """What a sweep over a block takes over from the last one: operators, and correlations."""
        return [self.regime.R_Delta], [self.regime.Q]

    def extend(self, now):
        """First guess for what is carried."""
        extend(self.regime.Q, self.regime.R_Delta, now, self.axis.before(now))

    def advance(self, now, first):
        """Rows `now` of v, Delta and u, from the first hidden layer's backward rows."""
        self._weight_error_responses(now, first)
        self._weight_error_correlations(now)
        self.regime.advance(now, self.C_v, self.R_vu)
        self._error_signal(now)

    def residual(self, first, rows):
        """Largest violation of the equations in the first `rows` rows, [batch]."""
        return input_residual(self, first, rows)

    def _weight_error_responses(self, now, first):
        past, upto = slice(0, now.start), slice(0, now.stop)
        gamma = self.richness
        X = -self.trained.response(first.R_g, first.C_g, now) / gamma
        write_causal(self.X, now, X)
        loop = self.eigenvalues[:, None, None] * (X @ self.regime.R_Delta[:, upto, upto])[:, None]
        H = inverse_rows(
            loop[..., now], identity_rows(now) + loop[..., past] @ self.H[:, :, past, upto]
        )
        write_causal(self.H, now, H)
        weights = self.mass * self.eigenvalues
        write_causal(self.H_sum, now, self.over_modes(weights, H))
        write_causal(self.H_sum2, now, self.over_modes(weights * self.eigenvalues, H))
        write_causal(self.R_vu, now, self.H_sum[:, now, upto] @ self.X[:, upto, upto])

        noise = self.trained.noise(first.C_g, now) * self.inverse_width / gamma**2
        write_symmetric(self.raw_S, now, noise)
        start, output = slice(0, self.axis.outputs), self.axis.output
        read = noise - self.centered * (output[now] @ self.raw_S[:, start, upto])
        read -= self.centered * (read[..., start] @ transpose(output[upto]))
        write_symmetric(self.S, now, read)
        Q = self.regime.Q[:, upto, upto]
        write_symmetric(self.Y, now, X @ Q @ transpose(self.X[:, upto, upto]))

    def _weight_error_correlations(self, now):
        upto = slice(0, now.stop)
        H, rows = self.H[:, :, upto, upto], self.H[:, :, now, upto]
        self.mean[:, :, now] = rows @ self.axis.output[upto]
        from_target = self.mean[:, :, now] @ self.power
        from_width = rows @ self.S[:, None, upto, upto]
        from_data = self.eigenvalues[:, None, None] * (rows @ self.Y[:, None, upto, upto])
        mean = from_target @ transpose(self.mean[:, :, upto])
        variance = (from_width + from_data) @ transpose(H)

        for correlation, order in ((self.C_v, 1), (self.vv_sum2, 2)):
            weights = self.eigenvalues**order
            rows_of_it = self.over_modes(weights, mean) + self.over_modes(
                weights * self.mass, variance
            )
            write_symmetric(correlation, now, rows_of_it)
        self.bias[:, now] = np.einsum(
            "k,bktc,bktc->bt", self.eigenvalues, from_target, self.mean[:, :, now]
        )
        for part, source in ((self.width_variance, from_width), (self.data_variance, from_data)):
            part[:, now] = np.einsum("k,bkts,bkts->bt", self.eigenvalues * self.mass, source, rows)

    def _error_signal(self, now):
        upto = slice(0, now.stop)
        R, Q = self.regime.R_Delta[:, upto, upto], self.regime.Q
        trace = np.sum(self.mass * self.eigenvalues)
        RH = R[:, now] @ self.H_sum2[:, upto, upto]
        write_causal(self.U, now, RH @ self.X[:, upto, upto])
        write_symmetric(
            self.C_h,
            now,
            trace * Q[:, now, upto]
            + self.U[:, now, upto] @ Q[:, upto, upto]
            + Q[:, now, upto] @ transpose(self.U[:, upto, upto])
            + R[:, now] @ self.vv_sum2[:, upto, upto] @ transpose(R),
        )
        response = R[:, now] @ self.H_sum[:, upto, upto]
        start = slice(0, self.axis.outputs)
        response[..., start] -= self.centered * (response @ self.axis.output[upto])
        write_causal(self.R_h, now, -self.inverse_width / self.richness * response)


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
        past, upto = slice(0, now.start), slice(0, now.stop)
        X = -self.trained.response(first.R_g, first.C_g, now) / self.richness
        write_causal(self.X, now, X)
        loop = self.eigenvalues[:, None, None] * X[:, None, :, now]
        moved = X[..., past] @ _beside(self.mean[:, :, past])
        moved = np.moveaxis(moved.reshape(*moved.shape[:2], *self.mean.shape[1::2]), 1, 2)
        known = self.axis.output[now] + self.eigenvalues[:, None, None] * moved
        self.mean[:, :, now] = inverse_rows(loop, known)
        mean = self.mean[:, :, upto]
        from_target = mean[:, :, now] @ self.power
        for correlation, order in ((self.C_v, 1), (self.C_h, 2)):
            weighted = self.eigenvalues[:, None, None] ** order * from_target
            rows = _beside(weighted) @ transpose(_beside(mean))
            write_symmetric(correlation, now, rows)
        self.bias[:, now] = np.einsum("bii->bi", self.C_v[:, now, now])
        self.regime.advance(now, self.C_v, self.R_vu)

    def residual(self, first, rows):
        return noiseless_input_residual(self, first, rows)


def _beside(columns):
    """[batch, modes, n, C] as [batch, n, modes * C]."""
    batch, modes, n, outputs = columns.shape
    return np.moveaxis(columns, 1, 2).reshape(batch, n, modes * outputs)
