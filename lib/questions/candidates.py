"""Losses of a problem at any values of its parameters: candidates that share a shape are one batch."""

from collections.abc import Callable

import numpy as np

from lib import checks
from lib.problem.broadcasting import broadcast

REACH = 1e4
"""Parameters stay within this factor of where they start."""


class Candidates:
    """Losses of a problem at any logarithms of its parameters; counts what it has computed."""

    def __init__(self, problem, start, losses, samples):
        if not isinstance(problem, Callable):
            raise ValueError(f"problem is {problem!r}: give a function of the parameters.")
        if not isinstance(start, dict) or not start:
            raise ValueError(f"start is {start!r}: give a dict of positive numbers or lists.")
        self.problem, self.losses, self.samples = problem, losses, samples
        self.sizes = {}
        logarithms = []
        for name, value in start.items():
            many = checks.listed(value)
            entries = (
                checks.sequence(f"start[{name!r}]", value, positive=True)
                if many
                else [checks.number(f"start[{name!r}]", value, positive=True)]
            )
            self.sizes[name] = len(entries) if many else None
            logarithms += list(np.log(entries))
        self.start, self.evaluations, self.precision = np.array(logarithms), 0, 1e-14
        self._made(self.start)  # an error here is the caller's

    @property
    def names(self):
        return [
            name if size is None else f"{name}[{i}]"
            for name, size in self.sizes.items()
            for i in range(size or 1)
        ]

    def unpacked(self, values):
        """Values [n] by name, in the shapes of `start`."""
        by_name, first = {}, 0
        for name, size in self.sizes.items():
            part = values[first : first + (size or 1)]
            by_name[name] = float(part[0]) if size is None else part
            first += size or 1
        return by_name

    def _made(self, point):
        made = self.problem(**self.unpacked(np.exp(point)))
        if not isinstance(made, tuple) or len(made) != 3:
            raise ValueError(f"problem gave {made!r}: it must return (network, data, training).")
        broadcast(*made)
        return made

    def evaluate(self, points):
        """Losses [points, samples], as few batches as shapes; inf where there is no good run."""
        values = np.full((len(points), self.samples), np.inf)
        batches = {}
        for i, point in enumerate(points):
            if np.abs(point - self.start).max() > np.log(REACH):
                continue
            try:
                network, data, training = self._made(point)
            except ValueError:
                continue
            key = (network.shape, data, type(training), training.span)
            batches.setdefault(key, []).append((i, network, data, training))
        for batch in batches.values():
            rows, networks, data, trainings = zip(*batch, strict=True)
            values[list(rows)], precision = self.losses(networks, data[0], trainings)
            self.precision = max(self.precision, precision)
            self.evaluations += len(rows) * self.samples
        return values
