r"""Hidden layers of a residual network: one stream that all layers share.

The layers of a stream (equation {eq}`residual-stream` of the chapter "Why do residual branches
scale as one over the square root of depth?") share their sites, so that each responds to every other. What lies above layer l acts
on it as one linear relation $g^l = A^l h^l + \kappa^l$, what lies below as $h^l = M^l g^l + m^l$. With
the branch between layers l and l+1, of strength $\beta^2$,

$$ \tilde F^l = d d^\top * \tilde R_h^l + \gamma_0 K * C_h^l, \qquad
   \tilde B^l = d d^\top * \tilde R_g^{l+1} + \gamma_0 K * C_g^{l+1}, $$

these relations are folded branch by branch, down from the readout and up from the input (equation
{eq}`residual-sweep`):

$$ A^l = S A^{l+1} + \beta^2 \tilde B^l, \quad
   \mathrm{Cov}\,\kappa^l = S \big(\beta^2 A^{l+1} (d d^\top * C_h^l) A^{l+1\top} + \mathrm{Cov}\,\kappa^{l+1}\big) S^\top
   + \beta^2\, d d^\top * C_g^{l+1}, \quad S = (1 - \beta^2 A^{l+1} \tilde F^l)^{-1}, $$

and the mirror image, with M, m, $\tilde B$, $C_g$ in place of A, $\kappa$, $\tilde F$, $C_h$. No
correlation between different layers is ever formed: O(L T^2) memory, O(L T^3) time.

Responses are to a source added to the field of the layer itself: $\tilde R_h = \partial h/\partial \kappa$,
$\tilde R_g = \partial g/\partial m$. A response to the noise of a branch has one more factor $\beta$.
"""

from lib.equations.consistency import stream_residual
from lib.equations.layers import HiddenLayer
from lib.equations.linear_gaussian import (
    add_identity,
    extend,
    inverse_rows,
    square,
    transpose,
    write_causal,
    write_symmetric,
)


class Relation:
    """A field as a linear function of another, plus noise; filled block by block.

    Attributes
    ----------
    R, C : [batch, n, n]
        The linear function and the covariance of the noise. Named R_h, C_h (or R_g, C_g) too, so that
        a layer can take what is below (or above) it in place of a neighboring layer.
    """

    halfway = ()

    def __init__(self, batch, n):
        self.R, self.C = square(2, batch, n)
        self.R_h = self.R_g = self.R
        self.C_h = self.C_g = self.C

    @property
    def matrices(self):
        return [self.R, self.C]

    def write(self, now, R, C):
        write_causal(self.R, now, R)
        write_symmetric(self.C, now, C)

    def learn(self, now, trained, R, C):
        """What a trained matrix makes of a field with response R and correlation C."""
        self.write(now, trained.response(R, C, now), trained.noise(C, now))


class AsGiven:
    """In place of a `TrainedMatrix` where the relation to a layer's surroundings is known already."""

    keeps = True

    def response(self, R, C, now):
        return R[:, now, : now.stop]

    def noise(self, C, now):
        return C[:, now, : now.stop]

    def covariance(self, C, now, stored):
        return C


class Folded(Relation):
    """A relation to everything on one side of a layer, from the one a branch farther along."""

    def __init__(self, batch, n):
        super().__init__(batch, n)
        self.inverse, self.carried = square(2, batch, n)

    @property
    def matrices(self):
        return [*super().matrices, self.inverse, self.carried]

    def fold(self, now, strength, farther, met, added):
        r"""Rows `now`: past a branch of $\beta^2$ = `strength` whose two sides are `met` and `added`.

        Downwards `met` is $(\tilde F, d d^\top * C_h)$ of the layer below the branch and `added` is
        $(\tilde B, d d^\top * C_g)$ of the layer above it; upwards they change places.
        """
        past, upto = slice(0, now.start), slice(0, now.stop)
        loop = strength * (farther.R[:, now, upto] @ met.R[:, upto, upto])
        known = add_identity(loop[..., past] @ self.inverse[:, past, upto], now)
        write_causal(self.inverse, now, inverse_rows(loop[..., now], known))
        S = self.inverse[:, upto, upto]
        write_causal(self.carried, now, S[:, now] @ farther.R[:, upto, upto])
        carried = self.carried[:, upto, upto]
        R = carried[:, now] + strength * added.R[:, now, upto]
        from_farther = S[:, now] @ farther.C[:, upto, upto]
        from_met = carried[:, now] @ met.C[:, upto, upto]
        self.halfway = loop, from_farther, from_met
        C = from_farther @ transpose(S) + strength * (from_met @ transpose(carried))
        C += strength * added.C[:, now, upto]
        self.write(now, R, C)


class StreamLayer(HiddenLayer):
    r"""A layer of the stream with what lies above and below it, and the branch that starts from it.

    Attributes
    ----------
    above, below : Relation
        $(A^l, \mathrm{Cov}\,\kappa^l)$ and $(M^l, \mathrm{Cov}\,m^l)$.
    forth, back : Relation
        What the branches make of this layer: $(\tilde F^l, d d^\top * C_h^l)$ for the branch above it,
        $(\tilde B^{l-1}, d d^\top * C_g^l)$ for the branch below it.
    """

    def __init__(self, relation, batch, n):
        super().__init__(AsGiven(), AsGiven(), 1.0, batch, n)
        self.above, self.below = relation(batch, n), relation(batch, n)
        self.forth, self.back = Relation(batch, n), Relation(batch, n)

    @property
    def matrices(self):
        relations = (self.above, self.below, self.forth, self.back)
        return super().matrices + [m for relation in relations for m in relation.matrices]

    @property
    def halfway(self):
        return [*super().halfway, *self.above.halfway, *self.below.halfway]


class ResidualStack:
    """Layers 1..L of a stream joined by L - 1 branches; what the march calls a stack.

    `trained` lists the matrices W^0 .. W^L; branch l, between the layers l and l + 1, is W^l.
    """

    def __init__(self, network, trained, readout, batch, n):
        self.trained, self.readout = trained, readout
        self.strength = network.branch_scale**2 / network.depth
        self.layers = [StreamLayer(Folded, batch, n) for _ in range(network.depth)]

    @property
    def first(self):
        """The layer that the input layer sees: its C_g and R_g."""
        return self.layers[0]

    def backward(self, now):
        above = self.layers[-1]
        above.above.learn(now, self.trained[-1], self.readout.R_g, self.readout.C_g)
        above.backward(now, above.above)
        branches = zip(self.layers[:-1], self.trained[1:-1], strict=True)
        for layer, branch in reversed(list(branches)):
            above.back.learn(now, branch, above.R_g, above.C_g)
            layer.above.fold(now, self.strength, above.above, layer.forth, above.back)
            layer.backward(now, layer.above)
            above = layer

    def forward(self, now, inputs):
        below = self.layers[0]
        below.below.learn(now, self.trained[0], inputs.R_h, inputs.C_h)
        below.forward(now, below.below)
        for layer, branch in zip(self.layers[1:], self.trained[1:-1], strict=True):
            below.forth.learn(now, branch, below.R_h, below.C_h)
            layer.below.fold(now, self.strength, below.below, layer.back, below.forth)
            layer.forward(now, layer.below)
            below = layer

    @property
    def carried(self):
        """What a sweep over a block takes over from the last one: operators, and correlations."""
        below = self.layers[:-1]
        return (
            [l.pair.F for l in self.layers] + [l.forth.R for l in below],
            [l.cov_xi for l in self.layers] + [l.forth.C for l in below],
        )

    carried_back = (), ()

    def extend(self, now, inputs):
        """First guess for what is carried: the fields are those before the block."""
        before = inputs.axis.before(now)
        extend(inputs.C_h, inputs.R_h, now, before)
        for layer, above in zip(self.layers, self.trained[1:], strict=True):
            extend(layer.cov_xi, layer.pair.F, now, before)
            extend(layer.C_h, layer.R_h, now, before)
            layer.forth.learn(now, above, layer.R_h, layer.C_h)
        first = self.layers[0]
        write_causal(first.pair.F, now, self.trained[0].response(inputs.R_h, inputs.C_h, now))

    def residual(self, inputs, rows):
        """Largest violation of the stream's equations in the first `rows` rows, [batch]."""
        return stream_residual(self, inputs, rows)

    def two_time(self):
        """The matrices by name; responses are those to a source added to the field itself."""
        return {
            name: {l: getattr(layer, name) for l, layer in enumerate(self.layers, start=1)}
            for name in ("C_h", "R_h", "C_g", "R_g")
        }
