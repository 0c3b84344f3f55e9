r"""Hidden layers of a plain network: pairs of linear equations with Gaussian noise.

Layer l couples its forward field $h = h^l$ and backward field $g = g^l$ (equation
{eq}`deep-pair` of the book):

$$ h = \xi + F g, \qquad g = \zeta + B h, $$
$$ F = d d^\top * R_h^{l-1} + \gamma_0 K * C_h^{l-1}, \qquad \mathrm{Cov}\,\xi = d d^\top * C_h^{l-1}, $$
$$ B = \rho_l (d d^\top * R_g^{l+1} + \gamma_0 K * C_g^{l+1}), \quad
   \mathrm{Cov}\,\zeta = \rho_l\, d d^\top * C_g^{l+1}, \quad \rho_l = N_{l+1}/N_l . $$

F and xi are what the matrix W^{l-1} makes of the layer below, B and zeta what W^l makes of the layer
above. A matrix with an initial scale sigma and a rate factor r of its own has $\sigma^2 d d^\top$ in place
of $d d^\top$ and $r K$ in place of K (`TrainedMatrix`), and nothing else changes.

Backward correlations and responses are stored times $N_l/N_L$: $\tilde C_g^l = C_g^l N_l / N_L$.
Then only $\kappa_l = N_L/N_l$ appears, and an infinitely wide layer is simply $\kappa_l = 0$.
"""

import numpy as np

from lib.equations.consistency import layer_residual
from lib.equations.linear_gaussian import (
    Pair,
    extend,
    square,
    transpose,
    write_causal,
    write_symmetric,
)


class Readout:
    r"""What stands above the last hidden layer: $g^L = w$, that is $C_g^{L+1} = 1$, $R_g^{L+1} = 0$.

    With several outputs each has its own readout, and 1 means "the same output".
    """

    def __init__(self, same_output, batch):
        self.C_g = np.broadcast_to(same_output, (batch, *same_output.shape))
        self.R_g = np.zeros((batch, *same_output.shape))


class HiddenLayer:
    r"""The correlations and responses of one layer, filled block by block.

    Attributes
    ----------
    lower, upper : TrainedMatrix
        The weight matrices to the layer below, and to the one above.
    C_h, R_h : [batch, n, n]
        $\langle h h \rangle$ and $dh/d\zeta$ (lower triangular).
    C_g, R_g : [batch, n, n]
        $\langle g g \rangle / \kappa_l$ and $dg/d\xi / \kappa_l$ (strictly lower triangular).
    halfway : list of [batch, rows, upto]
        What the last sweep met on its way to the rows of `matrices`.
    """

    def __init__(self, lower, upper, kappa, batch, n):
        self.lower, self.upper, self.kappa = lower, upper, kappa
        self.pair = Pair(kappa, batch, n)
        self.C_h, self.C_g, self.cov_xi, self.cov_zeta = square(4, batch, n)
        self._halfway = {}

    @property
    def matrices(self):
        """All that later rows ask for, each [batch, n, n]."""
        sides = ((self.lower, self.cov_xi), (self.upper, self.cov_zeta))
        own_noise = [noise for side, noise in sides if not side.keeps]
        return [self.C_h, self.C_g, *own_noise, *self.pair.matrices]

    @property
    def halfway(self):
        return [rows for products in self._halfway.values() for rows in products]

    @property
    def R_h(self):
        return self.pair.dh_dzeta

    @property
    def R_g(self):
        return self.pair.dg_dxi

    def backward(self, now, above):
        """Rows `now` of the backward field, from the layer above and this layer's own past."""
        self.cov_zeta = self.upper.covariance(above.C_g, now, self.cov_zeta)
        B = self.upper.response(above.R_g, above.C_g, now)
        self._halfway["B"] = (B,)
        self.pair.set_B(now, B)
        self._correlate("C_g", now, self.pair.dg_dzeta, self.cov_zeta, self.R_g, self.cov_xi)

    def forward(self, now, below):
        """Rows `now` of the forward field, from the layer below and the backward rows so far."""
        self.cov_xi = self.lower.covariance(below.C_h, now, self.cov_xi)
        self.pair.set_F(now, self.lower.response(below.R_h, below.C_h, now))
        self._correlate("C_h", now, self.pair.dh_dxi, self.cov_xi, self.R_h, self.cov_zeta)

    def _correlate(self, name, now, own, own_noise, other, other_noise):
        """Rows `now` of a field's correlation: its own noise, and kappa times the other field's."""
        upto = slice(0, now.stop)
        from_own = own[:, now, upto] @ own_noise[:, upto, upto]
        from_other = self.kappa * (other[:, now, upto] @ other_noise[:, upto, upto])
        self._halfway[name] = from_own, from_other
        rows = from_own @ transpose(own[:, upto, upto])
        rows += from_other @ transpose(other[:, upto, upto])
        write_symmetric(getattr(self, name), now, rows)


class PlainStack:
    """Hidden layers 1..L on top of each other; what the march calls a stack.

    `trained` lists the matrices W^0 .. W^L.
    """

    def __init__(self, network, trained, readout, batch, n):
        self.trained, self.readout = trained, readout
        last = network.widths[-1]
        kappas = [1.0 if width == last else last / width for width in network.widths]
        sides = zip(trained, trained[1:], kappas, strict=False)
        self.layers = [HiddenLayer(*side, batch, n) for side in sides]

    @property
    def first(self):
        """The layer that the input layer sees: its C_g and R_g."""
        return self.layers[0]

    def backward(self, now):
        above = self.readout
        for layer in reversed(self.layers):
            layer.backward(now, above)
            above = layer

    def forward(self, now, inputs):
        below = inputs
        for layer in self.layers:
            layer.forward(now, below)
            below = layer

    @property
    def carried(self):
        """What a sweep over a block takes over from the last one: operators, and correlations."""
        return [l.pair.F for l in self.layers], [l.cov_xi for l in self.layers]

    carried_back = (), ()

    def extend(self, now, inputs):
        """First guess for what is carried: the fields are those before the block."""
        below = inputs
        for layer in self.layers:
            extend(below.C_h, below.R_h, now, inputs.axis.before(now))
            write_causal(layer.pair.F, now, layer.lower.response(below.R_h, below.C_h, now))
            write_symmetric(layer.cov_xi, now, layer.lower.noise(below.C_h, now))
            below = layer

    def residual(self, inputs, rows):
        """Largest violation of the layers' equations in the first `rows` rows, [batch]."""
        chain = [inputs, *self.layers, self.readout]
        triples = zip(self.layers, chain[2:], chain[:-2], strict=True)
        return np.max([layer_residual(*triple, rows) for triple in triples], axis=0)

    def two_time(self):
        """The matrices by name, in the normalisation of the book (C_g^l without N_l/N_L)."""
        numbered = list(enumerate(self.layers, start=1))
        return {
            "C_h": {l: layer.C_h for l, layer in numbered},
            "R_h": {l: layer.R_h for l, layer in numbered},
            "C_g": {l: layer.kappa * layer.C_g for l, layer in numbered},
            "R_g": {l: layer.kappa * layer.R_g for l, layer in numbered},
        }
