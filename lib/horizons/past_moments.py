r"""The past of a march, kept as its moments with polynomials.

What a later step asks of a stretch of the past is smooth: seen from afar, a row of a correlation or of
a response hardly changes from one step s to the next. Fresh batches make fields that are not smooth
themselves, but they too are only ever summed against such rows. So a matrix M over the steps of a
stretch can be replaced by its moments (equation {eq}`horizons-moments` of the book)

$$ \hat M = P M P^\top , $$

where the rows of P are polynomials, orthonormal on the steps of the stretch. As long as the rows that
follow are polynomials there, their products with $\hat M$ are the moments of their products with M, and
all equations hold as they stand, provided that K(t, s), which multiplies entry by entry, is constant on
the stretch. Recent steps stay single; two stretches of one length are joined once they are as far away
as each is long, if that saves moments. Lengths double with the distance: T steps are O(log T)
coordinates.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.polynomial import legendre

SHORTEST = 16
"""Steps of the shortest stretch, which is at least as far away."""


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
        return polynomials(self.length, self.moments)


@lru_cache(maxsize=64)
def polynomials(length, count):
    """Orthonormal polynomials of degree 0 .. count - 1 on `length` steps, [count, length]."""
    x = (2 * np.arange(length) + 1) / length - 1
    return np.linalg.qr(legendre.legvander(x, count - 1))[0].T


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

    def each_output(self, outputs):
        """The same on an axis that has each coordinate once for each output."""
        matrix = np.kron(self.matrix, np.eye(outputs))
        return Projection(*(outputs * np.array([self.first, self.last, self.count])), matrix)


class Past:
    r"""Which coordinates the steps so far have become.

    Attributes
    ----------
    stretches : list of Stretch
    allowed : float
        Part of a row that a projection may cut off.
    lost : float
        Sum of the squares of the parts that were cut off. To lose a part $\epsilon$ of a row changes
        sums over the past by $O(\epsilon^2)$, as long as the other factor is as smooth: what is cut
        off meets only what is orthogonal to the polynomials kept.
    """

    def __init__(self, allowed):
        self.allowed, self.lost = allowed, 0.0
        self.stretches = []

    @property
    def count(self):
        """Number of coordinates."""
        return sum(stretch.moments for stretch in self.stretches)

    def ages(self, step):
        """How long ago each coordinate was, seen from `step`; of a stretch, its last step, [count]."""
        ends = np.array([stretch.stop for stretch in self.stretches], int)
        moments = np.array([stretch.moments for stretch in self.stretches], int)
        return np.repeat(step + 1 - ends, moments)

    def add(self, step):
        self.stretches.append(Stretch(step, step + 1, 1))

    def gather(self, step, distance):
        """Call the single steps at least `distance` before `step` a stretch, once they are enough.

        Step 0 stays single: a centred network reads it.
        """
        single = [i for i, stretch in enumerate(self.stretches) if stretch.length == 1 and i > 0]
        if not single:
            return
        first, start = single[0], self.stretches[single[0]].start
        if start + SHORTEST - 1 <= step - distance:
            whole = Stretch(start, start + SHORTEST, SHORTEST)
            self.stretches[first : first + SHORTEST] = [whole]

    def projections(self, step, rows):
        """Lower the number of coordinates while the present `rows` [many, count] allow it.

        Yields `Projection` after projection, each for the coordinates that the one before has left.
        """
        found = True
        while found:
            found = False
            for first, last in self._candidates(step):
                projection = self._project(first, last, rows)
                if projection is not None:
                    rows = rows.T.copy()
                    projection.rows(rows)
                    rows = rows[: self.count].T
                    found = True
                    yield projection
                    break

    def _candidates(self, step):
        """Runs of stretches that may become one: neighbours of one length, and steps one by one."""
        for i, (one, other) in enumerate(pairwise(self.stretches)):
            alike = one.length == other.length >= SHORTEST
            if alike and step + 1 - other.stop >= one.length:
                yield i, i + 2
        for i, one in enumerate(self.stretches):
            if one.moments == one.length >= SHORTEST:
                yield i, i + 1

    def _project(self, first, last, rows):
        """Make stretches first .. last - 1 one of as few moments as `rows` allow; None if not fewer."""
        old = self.stretches[first:last]
        start, stop = old[0].start, old[-1].stop
        begin = sum(stretch.moments for stretch in self.stretches[:first])
        end = begin + sum(stretch.moments for stretch in old)
        basis = polynomials(stop - start, end - begin - 1)
        pieces = [basis[:, s.start - start : s.stop - start] @ s.basis.T for s in old]
        matrix = np.concatenate(pieces, axis=1)
        here = rows[:, begin:end]
        parts = here @ matrix.T
        beyond = ((here - parts @ matrix) ** 2).sum(1, keepdims=True)
        cut = beyond + np.cumsum(parts[:, ::-1] ** 2, axis=1)[:, ::-1]
        cut = np.hstack([cut, beyond])
        size = (rows**2).sum(1, keepdims=True)
        share = (cut / np.where(size > 0, size, 1)).max(0)
        enough = np.flatnonzero(share <= self.allowed**2)
        if len(enough) == 0:
            return None
        moments = max(enough[0], 1)
        projection = Projection(begin, end, self.count, matrix[:moments])
        self.lost += share[moments]
        self.stretches[first:last] = [Stretch(start, stop, int(moments))]
        return projection
