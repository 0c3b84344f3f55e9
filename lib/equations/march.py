"""The march: the closed equations of training, solved in one sweep through time.

At every step the backward fields need only the past, the weight error only the backward fields, the
error signal only the weight error, and the forward fields all of these. So one pass down the layers,
through the input layer and up again fills the next rows of every matrix, and no row is visited twice.

`live/march.js` solves the same equations in a page of the book; its head has a table of names, and tests
hold the two equal.
"""

import numpy as np

from lib.status import DIVERGENCE


def sweep(stack, inputs, now):
    """Rows `now` of all matrices of `stack` and `inputs`, from the rows before."""
    stack.backward(now)
    inputs.advance(now, stack.first)
    stack.forward(now, inputs)


def march(stack, inputs, progress=None):
    """Fill the rows of all times of `inputs.axis`, step by step; return how many times were filled.

    Stops early when every configuration has diverged, or at a keyboard interrupt. `progress`, if
    given, is called with the number of times done and the number of times.
    """
    axis = inputs.axis
    done = 0
    with np.errstate(all="ignore"):
        for t in range(axis.nodes):
            now = axis.rows(t, t + 1)
            try:
                sweep(stack, inputs, now)
                done = t + 1
                if progress is not None:
                    progress(done, axis.nodes)
            except KeyboardInterrupt:
                break
            if not (np.einsum("bii->bi", inputs.C_v[:, now, now]).sum(-1) < DIVERGENCE).any():
                break
    return done
