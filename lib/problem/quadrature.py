r"""Sums over many modes on few nodes.

What the theory sums over modes are $\lambda$ times functions like $e^{-\lambda \tau}$, for all times up to the
longest: smooth on the scale of $\lambda$ itself, and constant where $\lambda \tau$ is small. Rational functions
with poles on the negative axis, evenly in $\ln \lambda$, are as good for them as Zolotarev's are for $1/\lambda$:
with n nodes for a ratio $\kappa$ of the eigenvalues that matter the error is about
$10\, e^{-\pi^2 n / \ln 4\kappa}$ (measured in chapter 13 of the book), however many modes there are. Gauss's
rule for these functions takes the nodes from the measure, so that weights are never negative and a measure on
few modes is kept as it is. The masses have a rule, and the target's weights one of their own; so has each of
the pieces of a range of eigenvalues that is too wide for floats.

Massei and Robol, "Rational Krylov for Stieltjes matrix functions" (BIT Numerical Mathematics 61, 2021).
"""

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

EXACT_MODES = 64
"""Spectra with no more modes than this are kept as they are."""

LARGEST = 4
"""Modes of the largest eigenvalues that are kept as they are: they are unstable first."""

TOP_AND_REST = slice(0, LARGEST), slice(LARGEST, None)

FACTOR = 100.0
r"""Error of the rule in units of $e^{-\pi^2 n / \ln 4\kappa}$, measured, times ten."""

WIDEST = 1e4
"""Largest ratio of eigenvalues of a piece: the nodes are eigenvalues of one matrix, and so are they known."""

DEPENDENT = 1e-12
"""A new direction of a Krylov space that is shorter than this, relative to the old ones, is rounding."""

MANY = 2**14
"""More modes than this are first made points that are as good."""

NARROW = 1.1
"""Largest ratio of the eigenvalues that then share a rule for polynomials."""

DEGREES = 4
"""Nodes of that rule: it is good to 13 digits."""


@dataclass(frozen=True, eq=False)
class Rule:
    """Nodes in place of modes, for sums with a factor lambda or more.

    Attributes
    ----------
    eigenvalues, mass : [M]
    power : [M, C, C]
        Mass times target covariance.
    exact : bool
        Whether all modes are kept as they are.
    """

    eigenvalues: np.ndarray
    mass: np.ndarray
    power: np.ndarray
    exact: bool = True

    @property
    def of_target(self):
        """The nodes that carry some of the target, which are all that matters to a mean."""
        kept = np.abs(self.power).max(axis=(1, 2)) > 0
        kept = kept if kept.any() else np.ones_like(kept)
        return Rule(self.eigenvalues[kept], self.mass[kept], self.power[kept], self.exact)


def listed(eigenvalues, mass, power):
    """The exact `Rule` of modes in any order, or of points that are as good if they are many."""
    largest_first = np.argsort(-eigenvalues, kind="stable")
    columns = [column[largest_first] for column in (eigenvalues, mass, power)]
    if len(eigenvalues) <= EXACT_MODES:
        return Rule(*columns)
    columns = _merged(*columns)
    if len(columns[0]) <= max(MANY, EXACT_MODES):
        return Rule(*columns)
    top, rest = ([column[part] for column in columns] for part in TOP_AND_REST)
    points = _both_measures(*rest, _narrow)
    order = np.argsort(-points[0], kind="stable")
    points = [column[order] for column in points]
    return Rule(*(np.concatenate(pair) for pair in zip(top, points, strict=True)))


def few(modes, digits, slow):
    r"""The `Rule` that stands for an exact one, with sums to so many `digits`.

    Eigenvalues below `slow` hardly move: $\lambda \tau$ is small.
    """
    if len(modes.eigenvalues) <= max(EXACT_MODES, LARGEST) and modes.mass.all():
        return modes
    columns = modes.eigenvalues, modes.mass, modes.power
    top, rest = ([column[part] for column in columns] for part in TOP_AND_REST)
    parts, exact = [top], True
    for piece in _pieces(rest, slow):
        poles = _poles(max(slow, piece[0][-1]), piece[0][0], digits)
        nodes = _both_measures(*piece, partial(gauss, poles=poles))
        fewer = 2 * len(nodes[0]) < len(piece[0])  # else they are not worth an error
        parts.append(nodes if fewer else piece)
        exact = exact and not fewer
    return Rule(*(np.concatenate(column) for column in zip(*parts, strict=True)), exact)


def _pieces(columns, slow):
    """The modes that may share a rule, piece by piece; those below `slow` all belong to the last one."""
    eigenvalues = columns[0]
    ratio = eigenvalues[0] / min(max(slow, eigenvalues[-1]), eigenvalues[0])
    count = max(math.ceil(math.log(ratio) / math.log(WIDEST)), 1)
    inner = eigenvalues[0] * ratio ** -(np.arange(1, count) / count)
    ends = [0, *np.searchsorted(-eigenvalues, -inner), len(eigenvalues)]
    return [[column[i:j] for column in columns] for i, j in pairwise(ends) if i < j]


def _merged(eigenvalues, mass, power):
    """Modes of one eigenvalue as one."""
    _, starts = np.unique(-eigenvalues, return_index=True)
    return eigenvalues[starts], np.add.reduceat(mass, starts), np.add.reduceat(power, starts)


def _poles(least, largest, digits):
    """Numbers z, evenly in their logarithms; poles are at -z."""
    least = min(least, largest)
    rate = math.pi**2 / math.log(4 * largest / least)
    count = math.ceil((math.log(FACTOR) + digits * math.log(10)) / rate) - 1
    return np.geomspace(least, largest, count)


def _both_measures(eigenvalues, mass, power, gauss_of):
    """Nodes of the masses without a target, and of the target without masses: `gauss_of` lambda times either."""
    outputs = power.shape[1]
    mass, power = eigenvalues * mass, eigenvalues[:, None, None] * power
    nodes, roots = _without_zeros(gauss_of, eigenvalues, np.sqrt(mass)[:, None])
    one = power[:, :1, :1]
    if np.abs(power - one * np.eye(outputs)).max() <= 1e-14 * np.abs(power).max():
        # Outputs are independent and equal.
        own = np.sqrt(np.maximum(one[:, :, 0], 0))
        places, sides = _without_zeros(gauss_of, eigenvalues, own)
        powers = sides[:, :, None] ** 2 * np.eye(outputs)
    else:
        sizes, axes = np.linalg.eigh(power)
        own = np.swapaxes(axes * np.sqrt(np.maximum(sizes, 0))[:, None], 1, 2)
        points = np.repeat(eigenvalues, outputs)
        places, sides = _without_zeros(gauss_of, points, own.reshape(-1, outputs))
        powers = sides[:, :, None] * sides[:, None, :]
    return (
        np.concatenate([nodes, places]),
        np.concatenate([roots[:, 0] ** 2 / nodes, np.zeros(len(places))]),
        np.concatenate([np.zeros((len(nodes), outputs, outputs)), powers / places[:, None, None]]),
    )


def _without_zeros(gauss_of, points, roots):
    """`gauss_of` the points that have weights; none if there are none."""
    kept = np.abs(roots).max(axis=1) > 0
    return gauss_of(points[kept], roots[kept]) if kept.any() else (points[kept], roots[kept])


def _narrow(points, roots):
    """Gauss's rule for polynomials on each narrow piece of `points`, largest first."""
    ends, rising = [0], -points
    while ends[-1] < len(points):
        ends.append(int(np.searchsorted(rising, rising[ends[-1]] / NARROW, side="right")))
    poles = np.full(DEGREES - 1, np.inf)
    pieces = [gauss(points[i:j], roots[i:j], poles) for i, j in pairwise(ends)]
    return tuple(np.concatenate(column) for column in zip(*pieces, strict=True))


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
    nodes = np.clip(nodes, points.min(), points.max())  # but for rounding they are between them
    return nodes, axes.T @ (basis.T @ roots)


def _directions(columns, least):
    """Orthonormal directions of `columns` along which they are longer than `least`."""
    directions, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return directions[:, sizes > least]
