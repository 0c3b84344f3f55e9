r"""Sums over the modes of a power law, $\lambda_k = k^{-a}$, without the modes.

Between k and 2k a power of k is smooth, and a sum over the whole numbers there is Gauss's rule for these
numbers as points of equal weight: as many nodes as digits are wanted, however many numbers there are.
"""

from dataclasses import dataclass

import numpy as np

SPARE = 20
"""Points of a block beyond the degree of the polynomials that are summed: about 16 digits."""


def whole_numbers(first, last, count):
    r"""Points and weights such that $\sum_j w_j f(x_j) = \sum_{k=first}^{last} f(k)$, [m] each.

    For polynomials f of degree below 2 `count` on every block of the numbers, of at least `count`
    numbers and not more than double from end to end; such blocks of up to `count` are kept as they are.
    """
    blocks = []
    while first <= last:
        stop = min(last, first + max(first, count) - 1)
        blocks.append(_block(first, stop, count))
        first = stop + 1
    return (np.concatenate(column) for column in zip(*blocks, strict=True))


def _block(first, last, count):
    """Gauss's rule for the numbers first .. last, from the recurrence of Gram's polynomials."""
    size = last - first + 1
    if size <= count:
        return np.arange(first, last + 1.0), np.ones(size)
    n = np.arange(1.0, count)
    beside = n * np.sqrt((1 - (n / size) ** 2) / (4 * (4 * n**2 - 1)))
    places, axes = np.linalg.eigh(np.diag(beside, 1) + np.diag(beside, -1))
    return first + (size - 1) / 2 + size * places, size * axes[0] ** 2


def sum_of_powers(modes, exponent):
    r"""$\sum_{k=1}^{modes} k^{-s}$ for an `exponent` s."""
    k, weights = whole_numbers(1, modes, SPARE)
    return float(weights @ k**-exponent)


@dataclass(frozen=True)
class PowerLawPanel:
    """The modes first .. last of a power law, as a `lib.problem.quadrature.Panel`.

    `power(k)` is the target's covariance over outputs, [.., C, C].
    """

    first: int
    last: int
    decay: float
    power: object
    slow: bool

    def __len__(self):
        return self.last - self.first + 1

    def every(self):
        """Eigenvalues, masses and powers of all modes."""
        return self._columns(np.arange(self.first, self.last + 1.0), np.ones(len(self)))

    def points(self, order):
        """Of points that are as good as the modes for rules of an order."""
        return self._columns(*whole_numbers(self.first, self.last, 2 * order + SPARE))

    def _columns(self, k, weights):
        return k**-self.decay, weights, weights[:, None, None] * self.power(k)


def panels(modes, decay, power, ratio, are_slow):
    """The modes 1 .. `modes` as panels whose eigenvalues have at most the given `ratio`.

    All that are left are one panel once `are_slow` (largest, smallest eigenvalue) says so.
    """
    found, first = [], 1
    while first <= modes:
        joint = are_slow(first**-decay, float(modes) ** -decay)
        far = joint or np.log(first) + np.log(ratio) / decay >= np.log(modes)
        last = modes if far else max(first, int(first * ratio ** (1 / decay)))
        found.append(PowerLawPanel(first, last, decay, power, joint))
        first = last + 1
    return found
