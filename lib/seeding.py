"""Seeds: a count of them is counted from one place, which the environment variable SEED_OFFSET moves.

What holds for networks of seeds 0, 1, 2, .. must hold for those of any others. `SEED_OFFSET=1000`
turns every *count* of seeds in the book, the tests and `lib.simulate` into seeds 1000, 1001, ..;
seeds that are listed one by one stay what they are.
"""

import os


def offset():
    """The first seed: the integer in SEED_OFFSET, 0 if there is none."""
    text = os.environ.get("SEED_OFFSET", "0")
    try:
        first = int(text)
    except ValueError:
        first = -1
    if first < 0:
        raise ValueError(f"SEED_OFFSET is {text!r}: set it to an integer >= 0, or not at all.")
    return first


def seeds(count, first=0):
    """`count` seeds from `first` on, moved by SEED_OFFSET, as a tuple.

    For what draws its own random numbers: `numpy.random.default_rng(lib.seeds(1))`.
    """
    start = offset() + first
    return tuple(range(start, start + count))
