r"""Sums over the modes of a power law, $\lambda_k = k^{-a}$, without the modes.

Between k and 2k a power of k is smooth, and a sum over the whole numbers there is Gauss's rule for these
numbers as points of equal weight: as many nodes as digits are wanted, however many numbers there are.
"""

import numpy as np

ENOUGH = 20
"""Points of a block on which what is smooth there is summed to about 16 digits."""


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
    k, weights = whole_numbers(1, modes, ENOUGH)
    return float(weights @ k**-exponent)
