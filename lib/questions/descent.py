"""Minima of positive functions of several positive numbers, on logarithms, asked for in batches of points.

A search is a generator: it yields points [m, n] (logarithms) and is sent the values [m, samples] there, so
that several searches can be answered by one batch (`answered`). Its objective is the logarithm of the mean
over samples. A value that is not finite is a point that must not win.
"""

from dataclasses import dataclass

import numpy as np

LADDER = np.array([2.0, 1.0, 0.5, 0.25, 1 / 16, 1 / 64])
"""Lengths of the trial steps, in units of the quasi-Newton step."""

FARTHEST = 1.0
"""Largest quasi-Newton step of any logarithm."""

ITERATIONS = 60

POLISH = 12
"""Newton steps with the full matrix of second derivatives, at most."""

CAP = 3.0
"""Where runs diverge the objective counts as so much above its value in the middle."""

FLOOR = 1e-4
"""Curvatures below this part of the largest one do not make steps longer."""

TINY = 1e-300


def objective(values):
    """log of the mean over samples, [m]; inf where a sample is not finite."""
    mean = np.mean(values, axis=1)
    finite = np.isfinite(mean)
    return np.where(finite, np.log(np.maximum(np.where(finite, mean, 1.0), TINY)), np.inf)


def answered(searches, evaluate):
    """What each of `searches` returns, every round of questions answered by one call of `evaluate`."""
    results, asked = [None] * len(searches), {}
    for i, search in enumerate(searches):
        asked[i] = next(search)
    while asked:
        values = evaluate(np.concatenate(list(asked.values())))
        ends = np.cumsum([len(points) for points in asked.values()])
        parts = np.split(values, ends[:-1])
        for i, part in zip(list(asked), parts, strict=True):
            try:
                asked[i] = searches[i].send(part)
            except StopIteration as stop:
                results[i] = stop.value
                del asked[i]
    return results


@dataclass(frozen=True)
class Minimum:
    """Where a search ended.

    Attributes
    ----------
    point : [n]
        Logarithms.
    value : float
        log of the loss.
    settled : bool
        Whether a Newton step promises no more than the tolerance.
    """

    point: np.ndarray
    value: float
    settled: bool


def descend(start, step, tolerance):
    """Quasi-Newton descent (BFGS) from `start` [n]; returns a `Minimum`.

    Gradients are central differences of `step`, whose second differences start the estimate of the
    curvature; all trial steps along a direction are one batch.
    """
    x = np.array(start, float)
    value = objective((yield x[None]))[0]
    curvature, before = None, None
    for _ in range(ITERATIONS):
        star = _bounded(objective((yield x + step * _star(len(x)))), value)
        gradient, diagonal = _differences(star, value, step)
        fresh = np.diag(np.maximum(np.abs(diagonal), FLOOR * np.abs(diagonal).max() + TINY))
        if curvature is None:
            curvature = fresh
        else:
            curvature = _updated(curvature, x - before[0], gradient - before[1])
        move, promise = _newton(gradient, curvature)
        if promise < tolerance:
            return Minimum(x, value, True)
        before = x, gradient
        x, value, better = yield from _along(x, value, move)
        if not better:
            if np.array_equal(curvature, fresh):
                return Minimum(x, value, False)
            curvature = None
    return Minimum(x, value, False)


@dataclass(frozen=True)
class Bottom(Minimum):
    """A minimum with the curvature there.

    Attributes
    ----------
    curvature : [n, n]
        Second derivatives of the logarithm of the loss.
    edge : bool
        Whether a neighbor that was asked for the curvature diverges.
    gradients : [samples, n]
        Of the loss of each sample, relative to the mean loss.
    """

    curvature: np.ndarray
    edge: bool
    gradients: np.ndarray


def polish(minimum, step, tolerance):
    """Newton's method from a `Minimum`; returns a `Bottom`."""
    x, value, n = minimum.point, minimum.value, len(minimum.point)
    first, second = np.triu_indices(n, 1)
    pairs = np.eye(n)[first] + np.eye(n)[second]
    offsets = np.concatenate([_star(n), pairs, -pairs])
    for _ in range(POLISH):
        answers = yield x + step * offsets
        logs = objective(answers)
        edge = not np.isfinite(logs).all()
        logs = _bounded(logs, value)
        gradient, diagonal = _differences(logs[: 2 * n], value, step)
        up, down = logs[:n], logs[n : 2 * n]
        both = logs[2 * n : 2 * n + len(first)] + logs[2 * n + len(first) :]
        curvature = np.diag(diagonal)
        mixed = both - (up + down)[first] - (up + down)[second] + 2 * value
        curvature[first, second] = curvature[second, first] = mixed / (2 * step**2)
        samples = (answers[:n] - answers[n : 2 * n]).T / (2 * step * np.exp(value))
        move, promise = _newton(gradient, curvature)
        if promise < tolerance:
            return Bottom(x, value, True, curvature, edge, samples)
        x, value, better = yield from _along(x, value, move)
        if not better:
            break
    return Bottom(x, value, False, curvature, edge, samples)


def _star(n):
    return np.concatenate([np.eye(n), -np.eye(n)])


def _bounded(logs, value):
    return np.where(np.isfinite(logs), np.minimum(logs, value + CAP), value + CAP)


def _differences(star, value, step):
    """Gradient and diagonal of the second derivatives, from the values of a star around a point."""
    up, down = np.split(star, 2)
    return (up - down) / (2 * step), (up + down - 2 * value) / step**2


def _newton(gradient, curvature):
    """The step to the minimum of the quadratic model, and by how much it promises to lower the value."""
    sizes, axes = np.linalg.eigh(curvature)
    sizes = np.maximum(np.abs(sizes), FLOOR * np.abs(sizes).max() + TINY)
    move = -axes @ ((axes.T @ gradient) / sizes)
    promise = -gradient @ move / 2
    return move * min(1.0, FARTHEST / max(np.abs(move).max(), TINY)), promise


def _updated(curvature, moved, change):
    """The BFGS update, where it keeps the matrix positive."""
    if moved @ change <= 1e-12 * np.linalg.norm(moved) * np.linalg.norm(change):
        return curvature
    image = curvature @ moved
    return (
        curvature
        + np.outer(change, change) / (moved @ change)
        - np.outer(image, image) / (moved @ image)
    )


def _along(x, value, move):
    """The best of the trial steps, its value, and whether it is better than none."""
    trials = x + LADDER[:, None] * move
    logs = objective((yield trials))
    best = int(np.argmin(logs))
    if logs[best] < value:
        return trials[best], logs[best], True
    return x, value, False
