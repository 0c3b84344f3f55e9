"""What an iteration that converges would still change if it went on."""

import numpy as np

FACTORS = 3
"""How many of the last factors between changes are looked at: the worst of them counts."""


def remainder(changes):
    """The next change, from those so far, if changes shrink as in the worst of the last steps.

    Factors between changes scatter: an accelerated iteration leaps and then goes slowly, and even and odd
    numbers of nodes differ. One lucky factor must not pass for the rate of convergence. With one factor
    known only, the last change itself is returned.

    Parameters
    ----------
    changes : list of float or array_like [K]
        From one iterate to the next, at least one.
    """
    changes = np.maximum(changes[-FACTORS - 1 :], np.finfo(float).tiny)
    if len(changes) < 3:
        return changes[-1]
    return changes[-1] * np.minimum((changes[1:] / changes[:-1]).max(0), 1)
