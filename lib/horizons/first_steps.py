"""How far a panel of steps misses its first steps, which are taken one by one too, before it is solved.

The gradient at a panel's start is known, but the panel sums the polynomial through its nodes, which is
extrapolated there. What that misses moves the first steps, in proportion to rate times curvature; on a sound
panel (see `lib.horizons.optimizers.Steps.sound`) they feel most of it.
"""

import numpy as np

from lib.horizons.block import forget

MOST_STEPS = 24
"""With a momentum that is remembered for longer, what still later steps make of it is not seen."""


class FirstSteps:
    """Of a `lib.horizons.node_march.NodeMarch` in steps: as many as its optimizer takes to forget the start."""

    def __init__(self, march):
        self.march, self.count = march, None

    def take(self, start):
        """Take the steps after `start`, unless they have been taken, and leave the march as it was."""
        march = self.march
        if self.count == march.count:
            return
        self.count, accumulations = march.count, march.accumulations
        self.start = accumulations[0]
        most = min(MOST_STEPS, int(march.end) - start, march.axis.nodes - march.count)
        steps = min(self.start.recursion.memory, most)
        for step in range(start, start + steps):
            march.step(step)
        rows = march.axis.rows(self.count, march.count)
        self.times = np.arange(start + 1.0, start + steps + 1)
        self.losses = march.sizes.losses_by_output(rows)
        forget(march.stack, march.inputs, rows)
        march.count, march.accumulations = self.count, accumulations

    def missed(self, panel, now):
        """Largest error of their losses on a panel with the rows `now`, relative to its lowest loss.

        The error may last while the loss falls. What sweeps make of cancellation is none of it.
        """
        sizes = self.march.sizes
        inside = self.times <= panel.stop
        losses = sizes.losses_by_output(now)
        off = np.abs(losses @ panel.sample(self.times[inside]).T - self.losses[..., inside])
        off = np.maximum(off - self.march.inputs.stirred * sizes.first_loss(), 0)
        missed = off / (np.abs(losses).min(-1, keepdims=True) + sizes.known())
        return float(np.nan_to_num(missed, nan=np.inf).max())

    def threat(self, panel, now):
        """What it may become, where a momentum makes it grow along the panel."""
        return self.start.growth(panel) * self.missed(panel, now)
