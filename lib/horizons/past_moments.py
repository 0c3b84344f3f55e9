r"""The past of a march, kept as its moments with polynomials.

What a later step asks of a stretch of the past is smooth: seen from afar, a row of a correlation or of
a response hardly changes from one step s to the next. Fresh batches make fields that are not smooth
themselves, but they too are only ever summed against such rows. So a matrix M over the steps of a
stretch can be replaced by its moments (equation {eq}`horizons-moments` of the book)

$$ \hat M = P M P^\top , $$

where the rows of P are polynomials, orthonormal on the steps of the stretch. As long as the rows that
follow are polynomials there, their products with $\hat M$ are the moments of their products with M, and
all equations hold as they stand.

K(t, s) and d(s) multiply a row entry by entry. So the polynomials are those that make a product with s a
diagonal matrix, $P\, \mathrm{diag}(s)\, P^\top = \mathrm{diag}(x_j)$: each belongs to a node $x_j$ of the
stretch (Gauss's, for sums over its steps), and the product with a smooth b(s) is the product with the numbers
$b(x_j)$, as exact as Gauss's rule is (equation {eq}`horizons-multiply`).

Recent steps stay single; two stretches of one length are joined once they are as far away as each is long,
if that saves moments. Lengths double with the distance: T steps are O(log T) coordinates. No stretch
reaches across a step at which the optimizer's schedule jumps or bends.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.polynomial import legendre

SHORTEST = 16
"""Steps of the shortest stretch, if no schedule cuts it; it is at least as far away."""

FEW = 6
"""Steps of a stretch that are worth an attempt to keep fewer moments."""

EXACT = 1e-26
"""What is left of the square of a row that is a polynomial is rounding below this part of it."""


@dataclass(frozen=True)
class Stretch:
    """The steps start .. stop - 1, kept as `moments`; with as many moments as steps, one by one."""

    start: int
    stop: int
    moments: int

    @property
    def length(self):
        return self.stop - self.start

    @property
    def basis(self):
        """What the moments are taken with, [moments, length]."""
        if self.moments == self.length:
            return np.eye(self.length)
        return at_nodes(self.length, self.moments)


@lru_cache(maxsize=64)
def polynomials(length, count):
    """Orthonormal polynomials of degree 0 .. count - 1 on `length` steps, [count, length]."""
    x = (2 * np.arange(length) + 1) / length - 1
    return np.linalg.qr(legendre.legvander(x, count - 1))[0].T


@lru_cache(maxsize=64)
def at_nodes(length, count):
    """The same polynomials, combined so that each belongs to a node; their sums over all steps are positive."""
    basis = polynomials(length, count)
    steps = (2 * np.arange(length) + 1) / length - 1
    _, turn = np.linalg.eigh((basis * steps) @ basis.T)
    combined = turn.T @ basis
    return combined * np.sign(combined.sum(1, keepdims=True))


@dataclass(frozen=True)
class Projection:
    """Replaces the coordinates first .. last - 1 of `count` by `matrix` [fewer, last - first] of them."""

    first: int
    last: int
    count: int
    matrix: np.ndarray

    @property
    def left(self):
        """Number of coordinates after it."""
        return self.first + len(self.matrix) + self.count - self.last

    def rows(self, array):
        """Project the rows of `array` [.., n, m], in place; those that become free are zero."""
        kept, end = self.first + len(self.matrix), self.left
        array[..., self.first : kept, :] = self.matrix @ array[..., self.first : self.last, :]
        array[..., kept:end, :] = array[..., self.last : self.count, :].copy()
        array[..., end : self.count, :] = 0

    def both(self, array):
        """Project rows and columns of `array` [.., n, n], in place."""
        used = array[..., : self.count, : self.count]
        self.rows(used)
        self.rows(np.swapaxes(used, -1, -2))

    def values(self, array, before, after):
        """Values at the nodes `array` [.., count] of functions, after it; `before`, `after` as `Past.ones`."""
        columns = np.swapaxes(array * before, -1, -2)
        self.rows(columns)
        return np.swapaxes(columns[..., : self.left, :], -1, -2) / after

    def each_output(self, outputs):
        """The same on an axis that has each coordinate once for each output."""
        matrix = np.kron(self.matrix, np.eye(outputs))
        return Projection(*(outputs * np.array([self.first, self.last, self.count])), matrix)


class Past:
    r"""Which coordinates the steps so far have become.

    Parameters
    ----------
    allowed : float
        Part of a row that a projection may cut off.
    cuts : sequence of int
        Steps at which a stretch has to begin.

    Attributes
    ----------
    stretches : list of Stretch
    ones : [count]
        The coordinates of the constant 1: how much larger the coordinate of a function is than its value
        at the node.
    lost : float
        Sum of the squares of the parts that were cut off. To lose a part $\epsilon$ of a row changes
        sums over the past by $O(\epsilon^2)$, as long as the other factor is as smooth, now and later:
        what is cut off meets only what is orthogonal to the polynomials kept.
    """

    def __init__(self, allowed, cuts=()):
        self.allowed, self.cuts, self.lost = allowed, sorted(cuts), 0.0
        self.stretches, self.ones, self.gathered = [], np.ones(0), 1

    @property
    def count(self):
        """Number of coordinates."""
        return len(self.ones)

    def add(self, step):
        self.stretches.append(Stretch(step, step + 1, 1))
        self.ones = np.append(self.ones, 1.0)

    def forget(self, count):
        """Drop the last steps, single ones, until only `count` coordinates are left."""
        del self.stretches[len(self.stretches) - (self.count - count) :]
        self.ones = self.ones[:count]

    def gather(self, step):
        """Call the single steps at least `SHORTEST` before `step` stretches, once they are enough.

        Step 0 stays single: a centered network reads it.
        """
        while True:
            start, stop = self.gathered, self.gathered + SHORTEST
            stop = min([stop, *self.cuts[bisect_right(self.cuts, start) :][:1]])
            if stop - 1 > step - SHORTEST:
                return
            first = sum(stretch.stop <= start for stretch in self.stretches)
            self.stretches[first : first + stop - start] = [Stretch(start, stop, stop - start)]
            self.gathered = stop

    def projections(self, step, rows, factors):
        """Lower the number of coordinates while the present `rows` [many, count] allow it.

        `factors` [some, count] are values at the nodes of what rows are multiplied with; they must be
        polynomials to the square of what rows may lose. Yields `Projection` after projection, each for the
        coordinates that the one before has left.
        """
        rows = np.vstack([rows, factors * self.ones])
        allowed = np.full((len(rows), 1), self.allowed**2)
        allowed[len(rows) - len(factors) :] = max(self.allowed**4, EXACT)
        found = True
        while found:
            found = False
            for first, last in self._candidates(step):
                projection = self._project(first, last, rows, allowed)
                if projection is not None:
                    columns = np.column_stack([rows.T, self.ones])
                    projection.rows(columns)
                    rows, self.ones = (
                        columns[: projection.left, :-1].T,
                        columns[: projection.left, -1],
                    )
                    found = True
                    yield projection
                    break

    def _candidates(self, step):
        """Runs of stretches that may become one: neighbors in one smooth piece, and steps one by one."""
        for i, (one, other) in enumerate(pairwise(self.stretches)):
            if one.start == 0 or other.stop > self.gathered or one.stop in self.cuts:
                continue
            alike = one.length == other.length or other.stop in self.cuts
            if alike and step + 1 - other.stop >= max(one.length, other.length):
                yield i, i + 2
        for i, one in enumerate(self.stretches):
            if one.moments == one.length >= FEW:
                yield i, i + 1

    def _project(self, first, last, rows, allowed):
        """Make stretches first .. last - 1 one of as few moments as `rows` allow; None if not fewer."""
        old = self.stretches[first:last]
        start, stop = old[0].start, old[-1].stop
        begin = sum(stretch.moments for stretch in self.stretches[:first])
        end = begin + sum(stretch.moments for stretch in old)

        def of_old(basis):
            pieces = [basis[:, s.start - start : s.stop - start] @ s.basis.T for s in old]
            return np.concatenate(pieces, axis=1)

        matrix = of_old(polynomials(stop - start, end - begin - 1))
        here = rows[:, begin:end]
        parts = here @ matrix.T
        beyond = ((here - parts @ matrix) ** 2).sum(1, keepdims=True)
        cut = beyond + np.cumsum(parts[:, ::-1] ** 2, axis=1)[:, ::-1]
        cut = np.hstack([cut, beyond])
        size = (rows**2).sum(1, keepdims=True)
        share = cut / np.where(size > 0, size, 1)
        enough = np.flatnonzero((share <= allowed).all(0))
        if len(enough) == 0:
            return None
        moments = max(int(enough[0]), 1)
        self.lost += share[:, moments].max()
        matrix = of_old(at_nodes(stop - start, moments))
        self.stretches[first:last] = [Stretch(start, stop, moments)]
        return Projection(begin, end, len(self.ones), matrix)
