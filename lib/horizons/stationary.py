"""When training on nodes has come to rest, so that the march may end before its time."""

import numpy as np

from lib.horizons.sizes import KNOWN

SLOWED = 1e-3
"""Part of its fastest rate to which training must have slowed before it may be called stationary."""


class Rest:
    """Watches a `lib.horizons.node_march.NodeMarch`.

    Attributes
    ----------
    to_come : float
        What the losses may still change by, relatively, once they are called stationary.
    """

    def __init__(self, march):
        self.march, self.to_come = march, 0.0
        self.fastest, self.still_since = 0.0, np.inf

    def reached(self, time):
        """Whether no loss will change any more, judged by how little they do per doubling of time.

        This is not believed before training has been as quick as it is slow now, for as long as one
        mode may have to wait for the next, while the optimizer has a schedule, or where steps are unstable.
        """
        march = self.march
        times = march.times[: march.count]
        losses = march.sizes.losses_by_output(march.axis.rows(0, march.count))
        moved, last = np.ptp(losses[..., times >= time / 2], axis=-1), losses[..., -1]
        change = float((moved / (last + march.sizes.loss_floor())).max())
        doublings = np.log2(march.end / time)
        self.fastest = max(self.fastest, change)
        to_come = float((moved / (last + march.sizes.known())).max()) * doublings
        most = max(0.5 * march.tolerance, march.inputs.rounding / KNOWN)
        if change * doublings >= 0.5 * march.tolerance or to_come >= most:
            self.still_since = np.inf
            return False
        self.still_since = min(self.still_since, time / 2)
        waited = time >= self.still_since * self._widest_gap()
        slow = change < SLOWED * self.fastest and march.stability.lasts(march.end - time)
        if march.accumulations[0].steady and waited and slow:
            self.to_come = to_come
            return True
        return False

    def _widest_gap(self):
        """Largest ratio of neighboring eigenvalues."""
        ordered = np.sort(self.march.inputs.eigenvalues)
        return np.max(ordered[1:] / ordered[:-1], initial=1.0)
