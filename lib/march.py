"""The march: the closed equations of training, solved exactly in one sweep through time.

At every step the backward fields need only the past, the weight error only the backward fields, the
error signal only the weight error, and the forward fields all of these. So one pass down the layers,
through the input layer and up again fills the next row of every matrix, and no row is visited twice.
"""

import numpy as np

from lib.status import DIVERGENCE


def march(stack, inputs, steps, progress=None):
    """Fill rows 0 .. steps of `stack` and `inputs`; return the number of rows that were filled.

    Stops early when every configuration has diverged, or at a keyboard interrupt. `progress`, if
    given, is called with the number of rows done and the number of rows.
    """
    rows, done = steps + 1, 0
    with np.errstate(all="ignore"):
        for t in range(rows):
            now = slice(t, t + 1)
            try:
                stack.backward(now)
                inputs.advance(now, stack.first)
                stack.forward(now, inputs)
                done = t + 1
                if progress is not None:
                    progress(done, rows)
            except KeyboardInterrupt:
                return done
            if not (np.einsum("bii->bi", inputs.C_v)[:, t] < DIVERGENCE).any():
                return done
    return rows
