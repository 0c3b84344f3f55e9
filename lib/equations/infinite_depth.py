r"""Residual networks of infinite depth: equations in layer time instead of layers.

With branches of strength $\beta_0^2/L$ and $\tau = l/L$ the sweep of `lib.equations.residual` becomes a pair of
matrix Riccati equations (equation {eq}`infinite-riccati` of the chapter "What is a network of infinite
depth?"),

$$ -\frac{dA}{d\tau} = \beta_0^2 (A \tilde F A + \tilde B), \qquad
   -\frac{d\,\mathrm{Cov}\,\kappa}{d\tau} = \beta_0^2 \big(A \tilde F\, \mathrm{Cov}\,\kappa + (\cdot)^\top
   + A (d d^\top * C_h) A^\top + d d^\top * C_g\big), $$

down from the readout at $\tau = 1$, and their mirror images for M and m up from the input at
$\tau = 0$. On each panel of layer time all fields are polynomials through Lobatto's nodes, and the
equations hold at every node (collocation): with m nodes the error falls as the power 2m - 2 of the
panel length. The rows of one time are linear in themselves; they are iterated to the solution, a
Volterra iteration, which always converges.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, repeat

import numpy as np
from numpy.polynomial import Legendre, legendre

from lib.equations.consistency import layer_time_residual
from lib.equations.linear_gaussian import TrainedMatrix, transpose
from lib.equations.residual import Relation, StreamLayer
from lib.status import Outcome, Status

NODES = range(3, 13)
"""Nodes per panel that are tried in turn."""

PANEL_STRENGTH = 2.5
"""Panels are so short that $\beta_0^2$ times their length stays below this."""

FIRST_PRECISION = 1e-4
"""Relative; each further node makes it 100 times smaller, down to 1/100 of the tolerance."""

LOSSES = ("test_loss", "excess_loss", "train_loss")
"""What must settle."""

TINY = np.finfo(float).tiny

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
        self.loop = np.zeros((batch, n, n))

    def rates(self, now, met, added):
        """Rows `now` of the right-hand sides, without the branch strength (see `Folded.fold`)."""
        upto = slice(0, now.stop)
        R, C = self.R[:, upto, upto], self.C[:, upto, upto]
        self.loop[:, now, upto] = R[:, now] @ met.R[:, upto, upto]
        loop = self.loop[:, upto, upto]
        rate_R = loop[:, now] @ R + added.R[:, now, upto]
        rate_C = loop[:, now] @ C + C[:, now] @ transpose(loop) + added.C[:, now, upto]
        rate_C += R[:, now] @ met.C[:, upto, upto] @ transpose(R)
        return rate_R, rate_C


@dataclass(frozen=True)
class Branches:
    """The branches at every layer time: a `TrainedMatrix` whose start and kick are functions of it."""

    K: np.ndarray
    decay: np.ndarray
    start: Callable
    kick: Callable

    def at(self, layer_times):
        """The branches at some layer times, as one long batch, time by time."""
        K, decay = (np.tile(matrix, (len(layer_times), 1, 1)) for matrix in (self.K, self.decay))
        start, kick = (
            np.concatenate([function(layer_time) for layer_time in layer_times])
            for function in (self.start, self.kick)
        )
        return TrainedMatrix(K, decay, start, kick)


class Panel:
    """A stretch of layer time; its matrices at all nodes are one long batch, node by node.

    Attributes
    ----------
    times : [nodes]
        Layer times, both ends included.
    layers : StreamLayer
        Batch index node * batch + configuration.
    """

    def __init__(self, start, length, strength, nodes, branches, precision, batch, n):
        unit, integrals = lobatto(nodes)
        self.times = start + length * unit
        self.up = strength * length * integrals
        self.down = strength * length * (integrals[-1] - integrals)
        self.precision, self.batch = precision, batch
        self.trained = branches.at(self.times)
        self.layers = StreamLayer(Integrated, nodes * batch, n)

    def at(self, node, matrices):
        """`matrices` of all nodes, at one of them."""
        return matrices.reshape(len(self.times), self.batch, *matrices.shape[1:])[node]

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
        self._integrate(now, self.up, (R, C), layers.forward, *relations, fields)

    def _integrate(self, now, integrals, start, renew, relation, met, added, fields):
        """Iterate rows `now` of `relation`, from `start` at one end.

        Its rates ask for what the branches make of the fields it meets (`met`) and of those it makes
        (`added`): `renew` gives the layers' `fields` their rows, from which `added` learns.
        """

        def update():
            renew(now, relation)
            added.learn(now, self.trained, *fields)

        rows = [matrix[:, now, : now.stop].copy() for matrix in (relation.R, relation.C)]
        for _ in range(ITERATIONS):
            update()
            rates = relation.rates(now, met, added)
            old, rows = rows, list(map(self.integrate, repeat(integrals), rates, start))
            relation.write(now, *rows)
            if not any(map(self._moved, old, rows)):
                break
        update()

    def integrate(self, integrals, rates, start):
        """`start` at one end plus the integrals of `rates`, at all nodes."""
        nodes = len(self.times)
        moved = (integrals @ rates.reshape(nodes, -1)).reshape(nodes, *start.shape)
        return (start + moved).reshape(rates.shape)

    def _moved(self, old, new):
        """Whether any configuration still changes; one that has diverged does not count."""
        old, new = (rows.reshape(len(self.times), self.batch, -1) for rows in (old, new))
        change, size = np.abs(new - old).max((0, 2)), np.abs(new).max((0, 2))
        return (change > self.precision * size).any()


@dataclass(frozen=True)
class Bottom:
    """The lower end of the stream, as the input layer sees it."""

    C_g: np.ndarray
    R_g: np.ndarray


def panel_count(network):
    return max(1, math.ceil(network.branch_scale**2 / PANEL_STRENGTH))


def usual_nodes(network):
    """Nodes that usual tolerances need."""
    return 5 * panel_count(network)


class InfiniteDepthStack:
    """A stream of infinite depth; what the march calls a stack.

    `trained` are the matrix W^0, the `Branches`, and the readout.
    """

    def __init__(self, network, trained, readout, batch, n, *, nodes, precision):
        self.trained, self.readout = trained, readout
        self.strength = network.branch_scale**2
        count = panel_count(network)
        self.panels = [
            Panel(i / count, 1 / count, self.strength, nodes, trained[1], precision, batch, n)
            for i in range(count)
        ]
        lowest = self.panels[0]
        self.first = Bottom(lowest.at(0, lowest.layers.C_g), lowest.at(0, lowest.layers.R_g))

    def backward(self, now):
        R = self.trained[-1].response(self.readout.R_g, self.readout.C_g, now)
        C = self.trained[-1].noise(self.readout.C_g, now)
        for panel in reversed(self.panels):
            panel.backward(now, R, C)
            R, C = panel.rows(0, panel.layers.above, now)

    def forward(self, now, inputs):
        R = self.trained[0].response(inputs.R_h, inputs.C_h, now)
        C = self.trained[0].noise(inputs.C_h, now)
        for panel in self.panels:
            panel.forward(now, R, C)
            R, C = panel.rows(-1, panel.layers.below, now)

    def residual(self, inputs, rows):
        """Largest violation of the equations at the nodes in the first `rows` rows, [batch]."""
        return layer_time_residual(self, inputs, rows)

    def nodes(self):
        """(panel, node) of every layer time, from the input up."""
        for i, panel in enumerate(self.panels):
            for node in range(0 if i == 0 else 1, len(panel.times)):
                yield panel, node

    def two_time(self):
        """The matrices by name and number of the layer time, counted from 1 at the input."""
        layer_times = np.array([panel.times[node] for panel, node in self.nodes()])
        batch = len(self.first.C_g)
        return {"layer_times": np.tile(layer_times, (batch, 1))} | {
            name: {
                l: panel.at(node, getattr(panel.layers, name))
                for l, (panel, node) in enumerate(self.nodes(), start=1)
            }
            for name in ("C_h", "R_h", "C_g", "R_g")
        }


def settle(solve_with, tolerance):
    """Solve with more and more nodes per panel until the losses no longer change.

    Parameters
    ----------
    solve_with : callable
        From a class of stacks to the fields of a `Solution`, each with a leading axis.
    tolerance : float
        Wanted relative error of every loss at every step.

    Returns
    -------
    dict
        The fields of the last solution, and `depth_error` [K]: the change from the solution before,
        times the factor by which the changes shrink (nan after an interrupt).
    """
    losses, changes, precision = [], [], FIRST_PRECISION
    for nodes in NODES:
        fields = solve_with(partial(InfiniteDepthStack, nodes=nodes, precision=precision))
        if any(status.outcome is Outcome.INTERRUPTED for status in fields["status"]):
            return fields | {"depth_error": np.full(len(fields["status"]), np.nan)}
        losses.append(np.stack([fields[name] for name in LOSSES]))
        changes = [_relative(*pair) for pair in pairwise(losses)]
        if len(changes) >= 2:
            shrinking = np.minimum(changes[-1] / np.maximum(changes[-2], TINY), 1)
            error = changes[-1] * shrinking
            if precision < tolerance and (error <= tolerance).all():
                break
        precision = max(precision / 100, tolerance / 100)
    for k in np.flatnonzero(error > tolerance):
        if fields["status"][k].outcome is Outcome.COMPLETE:
            fields["status"][k] = Status(Outcome.DEPTH_UNSETTLED)
    return fields | {"depth_error": error}


def _relative(before, after):
    """Largest relative change over losses and steps, up to where a run diverges, [K]."""
    with np.errstate(invalid="ignore"):
        change = np.abs(after - before) / np.abs(after)
    return np.where(np.isfinite(change), change, 0).max(axis=(0, 2))
