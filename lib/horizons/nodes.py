r"""Few nodes in time: where smooth fields are kept, and how they are summed or integrated.

On a panel (a, b] a field is the polynomial through its values at Radau's nodes, which include b and
not a: the implicit method this makes of the equations damps what has already decayed. For steps the
nodes are rounded to whole steps, and a panel that is too short for them keeps every step.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre


@dataclass(frozen=True)
class Panel:
    """A stretch (start, stop] of time.

    Attributes
    ----------
    nodes : [m]
        Times of the rows of the panel; the last is `stop`.
    """

    start: float
    stop: float
    nodes: np.ndarray

    @property
    def basis(self):
        """Matrix from node values to Legendre coefficients on the panel, [m, m]."""
        x = 2 * (self.nodes - self.start) / (self.stop - self.start) - 1
        return np.linalg.inv(legendre.legvander(x, len(x) - 1))

    def sample(self, times):
        """Matrix from node values to values at `times`, [times, m]."""
        x = 2 * (np.asarray(times, float) - self.start) / (self.stop - self.start) - 1
        return legendre.legvander(x, len(self.nodes) - 1) @ self.basis

    def integrals(self):
        """Matrix from node values to integrals from `start` to the nodes, [m, m]."""
        m = len(self.nodes)
        x = 2 * (self.nodes - self.start) / (self.stop - self.start) - 1
        antiderivatives = legendre.legint(np.eye(m), lbnd=-1, axis=0)
        values = legendre.legvander(x, m) @ antiderivatives
        return (self.stop - self.start) / 2 * values @ self.basis

    def unresolved(self, values, size):
        """Error of the polynomials through `values` [.., m], relative to their `size` [..].

        The coefficients that would come next, if the last pairs of coefficients fall geometrically.
        """
        coefficients = np.abs(values @ self.basis.T)
        last, before = coefficients[..., -2:].max(-1), coefficients[..., -4:-2].max(-1)
        error = last * np.minimum(1, last / np.where(before > 0, before, 1))
        return float(np.max(error / np.where(size > 0, size, 1), initial=0.0))


@lru_cache
def radau(count):
    """Radau's nodes in (0, 1], ascending, the last one 1."""
    polynomial = np.zeros(count + 1)
    polynomial[count - 1 :] = -1, 1
    nodes = np.sort(legendre.legroots(polynomial).real)
    nodes[-1] = 1
    return (nodes + 1) / 2


def panel(start, stop, count):
    """The panel (start, stop] with `count` nodes."""
    nodes = start + (stop - start) * radau(count)
    nodes[-1] = stop
    return Panel(start, stop, nodes)


def panel_of_steps(start, stop, count):
    """The steps start + 1 .. stop on `count` nodes or fewer; every step, if there are not more."""
    stop = round(stop)
    nodes = np.round(start + (stop - start) * radau(count))
    return Panel(start, stop, np.unique(np.maximum(start + 1, nodes)))


@dataclass(frozen=True)
class Interpolant:
    """Curves that are known at `times`, and are polynomials on `panels`.

    Attributes
    ----------
    times : [T]
    panels : list of Panel
        Between times that are not the nodes of a panel a monotone piecewise cubic is used.
    """

    times: np.ndarray
    panels: tuple = ()

    def __call__(self, curve, times):
        """Values at `times` of a `curve` [T]; infinite (or nan) where it has ended so."""
        finite = np.isfinite(curve)
        last = len(curve) if finite.all() else int(np.argmin(finite))
        values = np.full(times.shape, curve[-1])
        if last == 0:
            return values
        inside = times <= self.times[last - 1]
        values[inside] = curve[0]
        if last > 1:
            from scipy.interpolate import PchipInterpolator  # slow to import

            values[inside] = PchipInterpolator(self.times[:last], curve[:last])(times[inside])
        for panel in self.panels:
            here = inside & (times > panel.start) & (times <= panel.stop)
            rows = np.searchsorted(self.times[:last], panel.nodes)
            if here.any() and np.isin(panel.nodes, self.times[:last]).all():
                values[here] = panel.sample(times[here]) @ curve[rows]
        nearest = np.minimum(np.searchsorted(self.times, times), len(self.times) - 1)
        return np.where(self.times[nearest] == times, curve[nearest], values)
