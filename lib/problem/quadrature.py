r"""Sums over many modes on few nodes.

What the theory sums over modes are $\lambda$ times functions like $e^{-\lambda \tau}$, for all times up to the
longest: smooth on the scale of $\lambda$ itself, and constant where $\lambda \tau$ is small. Rational functions
with poles on the negative axis, evenly in $\ln \lambda$, are as good for them as Zolotarev's are for $1/\lambda$:
with n poles for a ratio $\kappa$ of the eigenvalues that matter the error falls as
$e^{-\pi^2 n / \ln 4\kappa}$, however many decades and modes there are. Gauss's rule for these functions
takes the nodes from the measure, so that weights are never negative and a measure on few modes is kept as it
is. The masses have a rule, and the target's weights one of their own.

Güttel, "Rational Krylov approximation of matrix functions" (GAMM-Mitteilungen 36, 2013).
"""

import math
from dataclasses import dataclass

import numpy as np

EXACT_MODES = 64
"""Spectra with no more modes than this are kept as they are."""

LARGEST = 4
"""Modes of the largest eigenvalues that are kept as they are: they are unstable first."""

TOP_AND_REST = slice(0, LARGEST), slice(LARGEST, None)

FACTOR = 100.0
"""Errors of the rule in units of those of Zolotarev's functions, measured."""

DEPENDENT = 1e-12
"""A new direction of a Krylov space that is shorter than this, relative to the old ones, is rounding."""

GOLDEN = (math.sqrt(5) - 1) / 2

MANY = 2**14
"""More modes than this are first made points that are as good (see `_points`)."""

NARROW = 1.5
"""Largest ratio of eigenvalues that polynomials are summed on, and how many of them to 16 digits."""

DEGREES = 8


@dataclass(frozen=True, eq=False)
class Rule:
    """Nodes in place of modes, for sums with a factor lambda or more.

    Attributes
    ----------
    eigenvalues, mass : [M]
    power : [M, C, C]
        Mass times target covariance.
    order : int or None
        Nodes of each measure, for each output; None where all modes are kept as they are.
    """

    eigenvalues: np.ndarray
    mass: np.ndarray
    power: np.ndarray
    order: int | None = None

    @property
    def exact(self):
        return self.order is None

    @property
    def of_target(self):
        """The nodes that carry some of the target, which are all that matters to a mean."""
        kept = np.abs(self.power).max(axis=(1, 2)) > 0
        kept = kept if kept.any() else np.ones_like(kept)
        return Rule(self.eigenvalues[kept], self.mass[kept], self.power[kept], self.order)


def rule(eigenvalues, mass, power, digits, slow):
    r"""The `Rule` for modes in any order.

    Parameters
    ----------
    eigenvalues, mass : [M]
    power : [M, C, C]
        Mass times target covariance.
    digits : float
        To which sums are wanted.
    slow : float
        Eigenvalue below which modes hardly move: $\lambda \tau$ is small.
    """
    largest_first = np.argsort(-eigenvalues, kind="stable")
    columns = [column[largest_first] for column in (eigenvalues, mass, power)]
    if len(eigenvalues) <= EXACT_MODES:
        return Rule(*columns)
    columns = _merged(*columns)
    top, rest = ([column[part] for column in columns] for part in TOP_AND_REST)
    if len(rest[0]) == 0:
        return Rule(*columns)
    poles = _poles(max(slow, rest[0][-1]), rest[0][0], digits)
    few = _both_measures(*rest, poles)
    if len(few[0]) >= len(rest[0]):
        return Rule(*columns)
    columns = (np.concatenate(pair) for pair in zip(top, few, strict=True))
    return Rule(*columns, len(poles) + 1)


def _merged(eigenvalues, mass, power):
    """Modes of one eigenvalue as one."""
    _, starts = np.unique(-eigenvalues, return_index=True)
    return eigenvalues[starts], np.add.reduceat(mass, starts), np.add.reduceat(power, starts)


def _poles(least, largest, digits):
    """Numbers z, evenly in their logarithms, each far from those just before; poles are at -z."""
    least = min(least, largest)
    rate = math.pi**2 / math.log(4 * largest / least)
    count = math.ceil((math.log(FACTOR) + digits * math.log(10)) / rate) - 1
    return np.geomspace(least, largest, count)[np.argsort(GOLDEN * np.arange(count) % 1)]


def _both_measures(eigenvalues, mass, power, poles):
    """Nodes of the masses without a target, and of the target without masses."""
    outputs = power.shape[1]
    mass, power = eigenvalues * mass, eigenvalues[:, None, None] * power
    nodes, weights = _few(eigenvalues, np.sqrt(mass)[:, None], poles)
    one = power[:, :1, :1]
    if np.abs(power - one * np.eye(outputs)).max() <= 1e-14 * np.abs(power).max():
        # Outputs are independent and equal.
        places, powers = _few(eigenvalues, np.sqrt(np.maximum(one[:, :, 0], 0)), poles)
        powers = powers * np.eye(outputs)
    else:
        sizes, axes = np.linalg.eigh(power)
        roots = np.swapaxes(axes * np.sqrt(np.maximum(sizes, 0))[:, None], 1, 2)
        places, powers = _few(np.repeat(eigenvalues, outputs), roots.reshape(-1, outputs), poles)
    return (
        np.concatenate([nodes, places]),
        np.concatenate([weights[:, 0, 0] / nodes, np.zeros(len(places))]),
        np.concatenate([np.zeros((len(nodes), outputs, outputs)), powers / places[:, None, None]]),
    )


def _few(points, roots, poles):
    """Gauss's rule with the `poles`, for sorted points; without roots none."""
    kept = np.abs(roots).max(axis=1) > 0
    points, roots = points[kept], roots[kept]
    if len(points) == 0:
        return np.zeros(0), np.zeros((0, roots.shape[1], roots.shape[1]))
    if len(points) > MANY:
        points, roots = _points(points, roots)
    nodes, roots = gauss(points, roots, poles)
    return nodes, roots[:, :, None] * roots[:, None, :]


def _points(points, roots):
    """Points, largest first, and roots that are as good: Gauss's rule for polynomials on each narrow piece."""
    ends = [0]
    while ends[-1] < len(points):
        rest = points[ends[-1] :]
        ends.append(ends[-1] + int(np.searchsorted(-rest, -rest[0] / NARROW, side="right")))
    pieces = [
        gauss(points[i:j], roots[i:j], np.full(DEGREES - 1, np.inf))
        for i, j in zip(ends[:-1], ends[1:], strict=True)
    ]
    return (np.concatenate(column) for column in zip(*pieces, strict=True))


def gauss(points, roots, poles):
    r"""Gauss's rule of a measure with matrix weights: nodes [m] and roots [m, C] of their weights.

    The measure has the weight $r_k^\top r_k$ at `points[k]`, for rows r_k of `roots` [.., C]. For n - 1 `poles`
    -z sums over products of two functions $p(x) / \prod_z (1 + x/z)$ with polynomials p of degree below n are
    kept; a pole at infinity adds a degree. Nodes and weights are those of the operator that multiplies by x,
    restricted to its rational Krylov space from `roots` (block Arnoldi, all directions kept orthogonal).
    """
    last = basis = _directions(roots, DEPENDENT * np.linalg.norm(roots))
    for pole in poles:
        last = points[:, None] * last if np.isinf(pole) else last / (1 + points[:, None] / pole)
        last = last / np.linalg.norm(last)
        for _ in range(2):
            last = last - basis @ (basis.T @ last)
        last = _directions(last, DEPENDENT)
        if last.shape[1] == 0:
            break
        basis = np.hstack([basis, last])
    nodes, axes = np.linalg.eigh(basis.T @ (points[:, None] * basis))
    return nodes, axes.T @ (basis.T @ roots)


def _directions(columns, least):
    """Orthonormal directions of `columns` along which they are longer than `least`."""
    directions, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return directions[:, sizes > least]
