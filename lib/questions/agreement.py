"""How far finite networks lie from the theory: in standard errors, and as a fraction."""

import numpy as np


def averaging(middle):
    """numpy's function for `middle`, which is "mean" or "median"."""
    averages = {"mean": np.mean, "median": np.median}
    if middle not in averages:
        raise ValueError(f"middle is {middle!r}: give 'mean' or 'median'.")
    return averages[middle]


def summarise(samples, middle="mean"):
    """Centre and standard error over the first axis (seeds) of `samples` [seeds, ...].

    `middle` is "mean" or "median". The standard error of a median is 1.2533 times that of a mean of
    Gaussian samples, whose standard deviation is taken from the quartiles: for runs that scatter
    heavily near the edge of stability.
    """
    samples = np.asarray(samples, float)
    centre = averaging(middle)
    if len(samples) < 2:
        raise ValueError("a standard error needs at least two seeds: run more.")
    if middle == "median":
        low, high = np.quantile(samples, [0.25, 0.75], axis=0)
        spread = 1.2533 * (high - low) / 1.349
    else:
        spread = samples.std(axis=0, ddof=1)
    return centre(samples, axis=0), spread / np.sqrt(len(samples))


def deviation(expected, samples, middle="mean"):
    """Largest distance of `samples` [seeds, n] from `expected` [n].

    Returns
    -------
    (float, float)
        In standard errors over seeds, and as a fraction of what is expected.
    """
    centre, error = summarise(samples, middle)
    distance = np.abs(centre - np.asarray(expected, float))
    return float((distance / error).max()), float((distance / np.abs(expected)).max())
