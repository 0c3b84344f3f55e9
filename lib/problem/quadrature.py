r"""Sums over many modes on few nodes.

What the theory sums over modes are powers and resolvents of $\lambda$ times a matrix: at step t polynomials
of degree t. Gauss's rule for a measure of masses, and one of its own for the target's weights, keep all
sums over polynomials up to twice their order; weights are never negative, and a measure that sits on few
modes is kept as it is. Where modes span decades they are divided into panels, since what has decayed on
one of them is still smooth on the next. Modes so slow that training hardly moves them are one panel,
however many decades they span; its measures are $\lambda$ times those, since losses and signals sum $\lambda$
times such polynomials, and the many modes of the smallest eigenvalues count little.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

EXACT_MODES = 64
"""Spectra with no more modes than this are kept as they are."""

PANEL_RATIO = 3.0
"""Largest ratio of eigenvalues inside one panel."""

FIRST_ORDER = 6
"""Gauss nodes of each measure on a panel that are tried first."""

SLOW_ORDER = 16
r"""The same on the panel of the slow modes: sums of $\lambda e^{-\lambda s}$ are good to 1e-12 up to $\lambda s = 20$."""

DEPENDENT = 1e-12
"""A new direction of a Krylov space that is shorter than this, relative to the old ones, is rounding."""


@dataclass(frozen=True, eq=False)
class Rule:
    """Nodes in place of modes.

    Attributes
    ----------
    eigenvalues, mass : [M]
        Of slow modes, sums with a factor lambda or more are kept, not the number of modes.
    power : [M, C, C]
        Mass times target covariance; the same holds.
    panel : [M]
        The panel that each node belongs to.
    orders : tuple of int or None
        Order of each panel's rules; None where its modes are kept as they are.
    slow : int or None
        The panel of slow modes.
    """

    eigenvalues: np.ndarray
    mass: np.ndarray
    power: np.ndarray
    panel: np.ndarray
    orders: tuple
    slow: int | None = None

    @property
    def largest(self):
        """The largest eigenvalue of each panel, [panels]."""
        largest = np.zeros(len(self.orders))
        np.maximum.at(largest, self.panel, self.eigenvalues)
        return largest

    @property
    def exact(self):
        return not any(self.orders)

    def refined(self, panels):
        """Orders for a rule twice as fine on `panels`."""
        pairs = enumerate(self.orders)
        return tuple(2 * order if order and i in panels else order for i, order in pairs)

    @property
    def of_target(self):
        """The nodes that carry some of the target, which are all that matters to a mean."""
        kept = np.abs(self.power).max(axis=(1, 2)) > 0
        kept = kept if kept.any() else np.ones_like(kept)
        columns = (self.eigenvalues, self.mass, self.power, self.panel)
        return Rule(*(column[kept] for column in columns), self.orders, self.slow)


@dataclass(frozen=True, eq=False)
class Panel:
    """Modes that share a rule: `columns` are their eigenvalues, masses and powers."""

    columns: tuple
    slow: bool = False

    def __len__(self):
        return len(self.columns[0])

    def every(self):
        """Eigenvalues, masses and powers of all modes."""
        return self.columns

    def points(self, order):
        """Of points that are as good as the modes for rules of an order."""
        return self.columns


def rule(eigenvalues, mass, power, orders=(), slow=0.0):
    """The `Rule` of the given orders (of the first panels; others have their first one) for modes in any order.

    Modes below the eigenvalue `slow` are one panel (see `are_slow`).
    """
    order = np.argsort(eigenvalues)[::-1]
    eigenvalues, mass, power = eigenvalues[order], mass[order], power[order]
    if len(eigenvalues) <= EXACT_MODES:
        return Rule(eigenvalues, mass, power, np.zeros(len(mass), int), (None,))
    columns = _merged(eigenvalues, mass, power)
    ends = [0]
    while ends[-1] < len(columns[0]):
        rest = columns[0][ends[-1] :]
        joint = are_slow(rest[0], rest[-1], slow)
        ends.append(
            len(columns[0]) if joint else ends[-1] + int((rest * PANEL_RATIO >= rest[0]).sum())
        )
    parts = [tuple(column[i:j] for column in columns) for i, j in pairwise(ends)]
    return rule_of([Panel(part, are_slow(part[0][0], part[0][-1], slow)) for part in parts], orders)


def are_slow(largest, smallest, slow):
    """Whether all modes with eigenvalues from `largest` on are one panel: below `slow`, and else three or more."""
    return largest <= slow and smallest * PANEL_RATIO**2 < largest


def rule_of(panels, orders=()):
    """The `Rule` for modes that are given panel by panel (like `Panel`), the largest eigenvalues first."""
    parts, used = [], []
    for i, panel in enumerate(panels):
        first = SLOW_ORDER if panel.slow else FIRST_ORDER
        wanted = orders[i] if i < len(orders) else first
        measures = _weighted if panel.slow else _both_measures
        columns = None if wanted is None else measures(*panel.points(wanted), wanted)
        if columns is None or len(columns[0]) >= len(panel):
            columns, wanted = panel.every(), None
        parts.append((*columns, np.full(len(columns[0]), i)))
        used.append(wanted)
    slow = len(panels) - 1 if panels[-1].slow and used[-1] is not None else None
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Rule(*columns, tuple(used), slow)


def _merged(eigenvalues, mass, power):
    """Modes of one eigenvalue as one."""
    _, starts = np.unique(-eigenvalues, return_index=True)
    return eigenvalues[starts], np.add.reduceat(mass, starts), np.add.reduceat(power, starts)


def _both_measures(points, mass, power, order):
    """Nodes of the masses without a target, and of the target without masses."""
    outputs = power.shape[1]
    nodes, weights = gauss(points, np.sqrt(mass)[:, None], order)
    none = np.zeros((len(nodes), outputs, outputs))
    one = power[:, :1, :1]
    if np.abs(power - one * np.eye(outputs)).max() <= 1e-14 * np.abs(power).max():
        # Outputs are independent and equal.
        places, powers = gauss(points, np.sqrt(np.maximum(one[:, :, 0], 0)), order)
        powers = powers * np.eye(outputs)
    else:
        sizes, axes = np.linalg.eigh(power)
        roots = np.swapaxes(axes * np.sqrt(np.maximum(sizes, 0))[:, None], 1, 2)
        places, powers = gauss(np.repeat(points, outputs), roots.reshape(-1, outputs), order)
    return (
        np.concatenate([nodes, places]),
        np.concatenate([weights[:, 0, 0], np.zeros(len(places))]),
        np.concatenate([none, powers]),
    )


def _weighted(points, mass, power, order):
    """`_both_measures` for lambda times the masses and powers."""
    nodes, mass, power = _both_measures(points, points * mass, points[:, None, None] * power, order)
    return nodes, mass / nodes, power / nodes[:, None, None]


def gauss(points, roots, order):
    r"""Gauss's rule of a measure with matrix weights: nodes [m] and weights [m, C, C].

    The measure has the weight $r_k^\top r_k$ at `points[k]`, for rows r_k of `roots` [.., C]. Sums over
    polynomials of degree below 2 `order` are kept. Nodes and weights are those of the operator that
    multiplies by x, restricted to its Krylov space from `roots` (block Lanczos, all directions kept
    orthogonal).
    """
    kept = np.abs(roots).max(axis=1) > 0
    points, roots = points[kept], roots[kept]
    if len(points) == 0:
        return np.zeros(0), np.zeros((0, roots.shape[1], roots.shape[1]))
    last = basis = _directions(roots, DEPENDENT * np.linalg.norm(roots))
    for _ in range(order - 1):
        last = points[:, None] * last
        for _ in range(2):
            last = last - basis @ (basis.T @ last)
        last = _directions(last, DEPENDENT * points.max())
        if last.shape[1] == 0:
            break
        basis = np.hstack([basis, last])
    nodes, axes = np.linalg.eigh(basis.T @ (points[:, None] * basis))
    roots = axes.T @ (basis.T @ roots)
    return nodes, roots[:, :, None] * roots[:, None, :]


def _directions(columns, least):
    """Orthonormal directions of `columns` along which they are longer than `least`."""
    directions, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return directions[:, sizes > least]
