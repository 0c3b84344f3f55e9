r"""Residual networks of infinite depth: equations in layer time instead of layers.

With branches of strength $\beta_0^2/L$ and $\tau = l/L$ the sweep of `lib.equations.residual` becomes a pair of
matrix Riccati equations (equation {eq}`infinite-riccati` of the chapter "What is a network of infinite
depth?"),

$$ -\frac{dA}{d\tau} = \beta_0^2 (A \tilde F A + \tilde B), \qquad
   -\frac{d\,\mathrm{Cov}\,\kappa}{d\tau} = \beta_0^2 \big(A \tilde F\, \mathrm{Cov}\,\kappa + (\cdot)^\top
   + A (d d^\top * C_h) A^\top + d d^\top * C_g\big), $$

down from the readout at $\tau = 1$, and their mirror images for M and m up from the input at
$\tau = 0$. They are solved by collocation, panel by panel (`lib.equations.layer_time`).
"""

import math
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from lib.equations.consistency import layer_time_residual
from lib.equations.layer_time import Panel
from lib.equations.linear_gaussian import extend

PANEL_STRENGTH = 2.5
"""Panels are so short that $\beta_0^2$ times their length stays below this."""


@dataclass(frozen=True)
class Bottom:
    """The lower end of the stream, as the input layer sees it."""

    C_g: np.ndarray
    R_g: np.ndarray


def panel_count(network):
    return max(1, math.ceil(network.branch_scale**2 / PANEL_STRENGTH))


def usual_nodes(network):
    """Nodes that usual tolerances need: six to eight in a panel."""
    return 7 * panel_count(network)


class InfiniteDepthStack:
    """A stream of infinite depth; what the march calls a stack.

    `trained` are the matrix W^0, the `Branches`, and the readout.
    """

    def __init__(self, network, trained, readout, batch, n, *, nodes):
        self.readout, self.strength = readout, network.branch_scale**2
        count = panel_count(network)
        lowest, branches, top = trained
        self.panels = [
            Panel(i / count, 1 / count, self.strength, nodes, branches, batch, n)
            for i in range(count)
        ]
        self.trained = [lowest, *(panel.trained for panel in self.panels), top]
        self.layers = [panel.layers for panel in self.panels]
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

    @property
    def carried(self):
        """What a sweep over a block takes over from the last one: operators, and correlations."""
        forward = (("pair.F", "forth.R"), ("cov_xi", "forth.C"))
        return tuple(self._by_node(names) for names in forward)

    @property
    def carried_back(self):
        """The same of backward fields, since a sweep takes one iteration only."""
        backward = (("above.R", "back.R"), ("above.C", "back.C"))
        return tuple(self._by_node(names) for names in backward)

    def _by_node(self, names):
        """Matrices of the layers at all nodes, each [batch, n, n]."""
        return [
            matrix
            for panel in self.panels
            for name in names
            for matrix in panel.each(attrgetter(name)(panel.layers))
        ]

    def extend(self, now, inputs):
        """First guess for what is carried: the fields are those before the block."""
        before = inputs.axis.before(now)
        extend(inputs.C_h, inputs.R_h, now, before)
        for panel, layers in zip(self.panels, self.layers, strict=True):
            for C, R in (
                (layers.cov_xi, layers.pair.F),
                (layers.above.C, layers.above.R),
                (layers.C_h, layers.R_h),
                (layers.C_g, layers.R_g),
            ):
                extend(C, R, now, before)
            layers.forth.learn(now, panel.trained, layers.R_h, layers.C_h)
            layers.back.learn(now, panel.trained, layers.R_g, layers.C_g)

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
