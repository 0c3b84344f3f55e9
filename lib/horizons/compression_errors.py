"""What compressions of a past have moved a march by, and what it may have become."""

import numpy as np

from lib.horizons import amplification
from lib.horizons.sizes import KNOWN
from lib.status import DIVERGENCE

CAUTIOUS = 10
"""Factor between what compressions move the losses of the next step by, added up, and what is reported."""

LOST = 1e-2
"""Losses that unstable steps have moved by this part of themselves rest on errors."""


class CompressionErrors:
    """By step, what the losses and the means of v of a step were moved by when it was solved once more.

    `cuts` are the steps at which the schedule of any configuration jumps or bends. `unseen` is an error that
    is known to be possible and not seen.
    """

    def __init__(self, cuts):
        self.cuts, self.unseen = cuts, 0.0
        self.losses, self.means = {}, {}

    def note(self, step, new, old, first):
        """A step's losses and means, solved once more, and before; `first` are the losses of step 0."""
        self.losses[step] = change(new, old, first)
        self.means[step] = np.abs(new["means"] - old["means"])[..., 0]

    def judge(self, losses, means, weights):
        """Estimated relative error of each configuration [batch], and the step from which it is lost, or None.

        `losses` by name are [batch, T, C], `means` and `weights` as in `rounding.watched`. What has moved a loss
        counts as much more as that loss has risen since: where training leaves the edge of stability for a
        while, what is small at a loss's lowest grows with it. Besides, what has moved each mode is followed.
        """
        batch, done = losses["excess_loss"].shape[:2]
        steps, rises = [step for step in self.losses if step < done], 1.0
        if not steps:
            return np.full(batch, self.unseen), [None] * batch
        for rows in losses.values():
            finite = np.where(rows < DIVERGENCE, rows, 0)
            highest = np.maximum.accumulate(finite[:, ::-1], axis=1)[:, ::-1][:, steps]
            size = finite[:, steps] + KNOWN * rows[:, :1]
            rises = np.maximum(rises, (highest / np.maximum(size, 1e-300)).max(-1))
        moved = (rises * np.transpose([self.losses[step] for step in steps])).sum(1)
        error, lost = CAUTIOUS * moved, []
        for b in range(batch):
            injected = {step: self.means[step][b] for step in steps}
            excess = losses["excess_loss"][b].sum(-1)
            with np.errstate(all="ignore"):  # of runs that diverge
                grown = amplification.errors(means[b], injected, weights, excess, self.cuts)
            grown = np.nan_to_num(grown, nan=np.inf)
            error[b] += CAUTIOUS * grown.max()
            beyond = np.flatnonzero(grown > LOST)
            lost.append(int(beyond[0]) if len(beyond) else None)
        return np.maximum(error, self.unseen), lost


def change(new, old, first):
    """Largest difference of two steps' losses in each configuration, as `error` counts it, [batch]."""
    worst = np.zeros(len(first["excess_loss"]))
    for name in ("excess_loss", "train_loss"):
        size = np.abs(old[name]) + KNOWN * first[name]
        off = np.abs(new[name] - old[name]) / np.maximum(size, 1e-300)
        off = np.where(np.isfinite(old[name]), np.nan_to_num(off, nan=np.inf), 0)
        worst = np.maximum(worst, off.max(-1))
    return worst
