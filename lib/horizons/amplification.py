r"""What unstable steps make of an error that nobody sees.

A compression of the past moves the mean of every mode a little. If the mode is stable that is forgotten; if
steps are unstable for a while, it is multiplied at each of them, and so is what the mode has of an alternating
part anyway, however small: by how much, the recorded means tell (by differences of high order, as in
`lib.horizons.rounding`). A jump of the rate makes such a part anew, which hides for a while whether it grows:
then it is taken to grow as it does afterwards.
"""

import numpy as np

from lib.horizons.rounding import FLOOR, ORDER, alternating
from lib.horizons.sizes import KNOWN


def errors(means, moved, weights, losses, cuts):
    """Error of the loss at each step that is due to growth, relative as `error` counts it, [T].

    Parameters
    ----------
    means : [modes, T]
        Of v, relative to the first.
    moved : dict of [modes]
        By step, how far a compression has moved them.
    weights : [modes]
        Of their squares in the loss.
    losses : [T]
    cuts : sequence of int
        Steps at which the rates jump or bend.
    """
    found = np.zeros(means.shape[1])
    if means.shape[1] <= 2 * ORDER or not moved:
        return found
    for k, weight in enumerate(weights):
        injected = np.zeros(len(found))
        injected[list(moved)] = [change[k] for change in moved.values()]
        present = _present(alternating(means[k]), max(FLOOR, injected.max()))
        growth = np.diff(np.log(present), prepend=np.log(present[0]))
        for cut in reversed(cuts):
            stop = cut + 2 * ORDER + 1
            growth[cut:stop] = max(growth[stop : stop + ORDER].sum() / ORDER, 0.0)
        factor = np.exp(np.cumsum(growth))
        # What has not grown is in the losses of the step that was solved once more.
        error = np.maximum(factor * np.cumsum(injected / factor) - np.cumsum(injected), 0)
        found += weight * (2 * np.abs(means[k]) * error + error**2)
    return found / np.maximum(losses + KNOWN * losses[0], 1e-300)


def _present(parts, floor):
    """The largest of the last `ORDER` alternating parts [T - ORDER], and no less than `floor`, [T]."""
    padded = np.concatenate([np.full(2 * ORDER - 1, floor), np.maximum(np.abs(parts), floor)])
    return np.lib.stride_tricks.sliding_window_view(padded, ORDER).max(-1)
