r"""A panel of layer time: Riccati equations of a residual stream, at Lobatto's nodes.

On each panel of layer time all fields are polynomials through Lobatto's nodes, and the equations of
`lib.equations.infinite_depth` hold at every node (collocation): with m nodes the error falls as the power
2m - 2 of the panel length. The rows of one time are linear in themselves; they are iterated to the
solution, a Volterra iteration, which always converges. Rows of a block of times are stiff, as time is:
there loops inside the block are solved for, and an iteration belongs to each sweep over the block.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.polynomial import Legendre, legendre

from lib.equations.linear_gaussian import TrainedMatrix, square, transpose, write_causal
from lib.equations.residual import Relation, StreamLayer

PRECISION = 1e-13
"""Relative change of a row at which its iteration ends: all later rows feel what is left."""

ITERATIONS = 60
"""More than a Volterra iteration on one panel ever needs; runs that diverge stop here."""


def lobatto(count):
    """Nodes [m] in [0, 1] with both ends, and [m, m] integrals from 0 to node i of the polynomial of node j."""
    inner = Legendre.basis(count - 1).deriv().roots()
    nodes = np.concatenate([[-1.0], np.real(inner), [1.0]])
    values = legendre.legvander(nodes, count - 1)
    integrals = np.transpose(
        [Legendre.basis(k).integ(lbnd=-1)(nodes) for k in range(count)]
    ) @ np.linalg.inv(values)
    return (nodes + 1) / 2, integrals / 2


class Integrated(Relation):
    """The relation to everything on one side, at all nodes of a panel."""

    def __init__(self, batch, n):
        super().__init__(batch, n)
        self.loop = square(batch, n)

    @property
    def matrices(self):
        return [*super().matrices, self.loop]

    def rates(self, now, met, added):
        """Rows `now` of the right-hand sides, without the branch strength (see `Folded.fold`)."""
        upto = slice(0, now.stop)
        R, C = self.R[:, upto, upto], self.C[:, upto, upto]
        write_causal(self.loop, now, R[:, now] @ met.R[:, upto, upto])
        loop = self.loop[:, upto, upto]
        rate_R = loop[:, now] @ R + added.R[:, now, upto]
        rate_C = loop[:, now] @ C + C[:, now] @ transpose(loop) + added.C[:, now, upto]
        from_met = R[:, now] @ met.C[:, upto, upto]
        self.halfway = (from_met,)
        rate_C += from_met @ transpose(R)
        return rate_R, rate_C


@dataclass(frozen=True)
class Branches:
    """The branches at every layer time: a `TrainedMatrix` whose start and kick are functions of it.

    `lasting` tells that d is 1.
    """

    K: np.ndarray
    decay: np.ndarray
    start: Callable
    kick: Callable
    lasting: bool

    def at(self, layer_times):
        """The branches at some layer times, as one long batch, time by time."""
        start, kick = (
            np.concatenate([function(layer_time) for layer_time in layer_times])
            for function in (self.start, self.kick)
        )
        keeps = self.lasting and bool((start == 1).all())
        return BranchesAtNodes(self.K, self.decay, start, kick, keeps, len(layer_times))


@dataclass(frozen=True)
class BranchesAtNodes(TrainedMatrix):
    """One branch at each of some `nodes`, node by node: all of them read the same K and decay."""

    nodes: int = 1

    def _each(self, rows):
        return np.tile(rows, (self.nodes, 1, 1))


class Panel:
    """A stretch of layer time; its matrices at all nodes are one long batch, node by node.

    Attributes
    ----------
    times : [nodes]
        Layer times, both ends included.
    layers : StreamLayer
        Batch index node * batch + configuration.
    """

    def __init__(self, start, length, strength, nodes, branches, batch, n):
        unit, integrals = lobatto(nodes)
        self.times = start + length * unit
        self.up = strength * length * integrals
        self.down = strength * length * (integrals[-1] - integrals)
        self.batch = batch
        self.trained = branches.at(self.times)
        self.layers = StreamLayer(Integrated, nodes * batch, n)

    def at(self, node, matrices):
        """`matrices` of all nodes, at one of them."""
        return self.each(matrices)[node]

    def each(self, matrices):
        """`matrices` of all nodes, node by node."""
        return matrices.reshape(len(self.times), self.batch, *matrices.shape[1:])

    def rows(self, node, relation, now):
        """Rows `now` of a relation at one of the nodes."""
        return (self.at(node, matrix)[:, now, : now.stop] for matrix in (relation.R, relation.C))

    def backward(self, now, R, C):
        """Rows `now` from those of (A, Cov kappa) at the upper end."""
        layers = self.layers
        fields = layers.R_g, layers.C_g
        relations = layers.above, layers.forth, layers.back
        self._integrate(now, self.down, (R, C), layers.backward, *relations, fields)

    def forward(self, now, R, C):
        """Rows `now` from those of (M, Cov m) at the lower end."""
        layers = self.layers
        fields = layers.R_h, layers.C_h
        relations = layers.below, layers.back, layers.forth
        # What a block carries from sweep to sweep is what the layers have made of this relation.
        block = (slice(None), now, slice(0, now.stop))
        layers.below.write(now, layers.pair.F[block].copy(), layers.cov_xi[block].copy())
        self._integrate(now, self.up, (R, C), layers.forward, *relations, fields)

    def _integrate(self, now, integrals, start, renew, relation, met, added, fields):
        """Iterate rows `now` of `relation`, from `start` at one end.

        Its rates ask for what the branches make of the fields it meets (`met`) and of those it makes
        (`added`): `renew` gives the layers' `fields` their rows, from which `added` learns. In a block
        that is swept again and again one iteration a sweep is enough, from what the last one has left.
        """

        def update():
            renew(now, relation)
            added.learn(now, self.trained, *fields)

        rows = [matrix[:, now, : now.stop].copy() for matrix in (relation.R, relation.C)]
        swept_again = self.trained.K[:, now, now].any()
        for _ in range(1 if swept_again else ITERATIONS):
            if not swept_again:
                update()
            rates = relation.rates(now, met, added)
            images = map(self.integrate, repeat(integrals), rates, start)
            old, rows = rows, self._implicit(now, integrals, relation, rows, list(images))
            relation.write(now, *rows)
            if not any(map(self._moved, old, rows)):
                break
        update()

    def _implicit(self, now, integrals, relation, rows, images):
        r"""`images` of `rows`, as if the loop $A \tilde F$ inside a block acted on the images already.

        Long blocks in time are stiff: an iteration that takes the loop from the last one explodes.
        """
        loop = self.each(relation.loop[:, now, now])
        if not loop.any():
            return images
        nodes, batch, m, _ = loop.shape
        one = np.eye(nodes * m)
        loops = np.einsum("ij,jbxy->bixjy", integrals, loop).reshape(batch, *one.shape)
        inverse = np.linalg.inv(one - loops).reshape(batch, nodes, m, nodes, m)
        change = (self.each(image - row) for image, row in zip(images, rows, strict=True))
        moved = (np.einsum("bixjy,jbyt->ibxt", inverse, each, optimize=True) for each in change)
        return [row + move.reshape(row.shape) for row, move in zip(rows, moved, strict=True)]

    def integrate(self, integrals, rates, start):
        """`start` at one end plus the integrals of `rates`, at all nodes."""
        nodes = len(self.times)
        moved = (integrals @ rates.reshape(nodes, -1)).reshape(nodes, *start.shape)
        return (start + moved).reshape(rates.shape)

    def _moved(self, old, new):
        """Whether any configuration still changes; one that has diverged does not count."""
        old, new = (rows.reshape(len(self.times), self.batch, -1) for rows in (old, new))
        change, size = np.abs(new - old).max((0, 2)), np.abs(new).max((0, 2))
        return (change > PRECISION * size).any()
