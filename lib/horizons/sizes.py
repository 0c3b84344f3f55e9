"""How large the fields and losses of a march are, and what of them matters: what errors are relative to."""

import numpy as np

KNOWN = 1e-4
"""Losses that have fallen to less than this part of the first are known to that part of this size."""


class Sizes:
    """Of the rows that a march on nodes has filled in `stack` and `inputs`; `now` is a slice of rows."""

    def __init__(self, stack, inputs, tolerance):
        self.stack, self.inputs, self.tolerance = stack, inputs, tolerance
        self.axis, self.trained = inputs.axis, inputs.trained

    def losses(self, now):
        """Diagonals of C_v and C_Delta in the rows `now`, [batch, 2, rows]."""
        matrices = (self.inputs.C_v, self.inputs.regime.C_Delta)
        return np.stack([np.einsum("bii->bi", matrix[:, now, now]) for matrix in matrices], axis=1)

    def losses_by_output(self, now):
        """The same, [batch, 2, outputs, nodes]."""
        return self.per_output(self.losses(now))

    def loss_floor(self):
        """Below this size a loss cannot be known to the tolerance."""
        return self.inputs.rounding / self.tolerance * self.first_loss()

    def known(self):
        """Smaller losses are known relative to this size: it is part of what `error` is relative to."""
        return KNOWN * self.first_loss()

    def first_loss(self):
        return self.inputs.C_v[:, 0, 0].max()

    def forward_floor(self, now):
        r"""Size at which forward fields would move the weights by their own size in a block, [batch].

        $1/(\gamma_0 \max_l r_l \int K)$: these fields follow the error signal, which vanishes in the end.
        """
        last = slice(now.stop - self.axis.outputs, now.stop)
        kicks = [matrix.kick.reshape(-1, len(self.trained.K)) for matrix in self.stack.trained]
        kick = np.concatenate(kicks).max(0)
        moved = kick * np.abs(self.trained.K[:, last, now]).sum(-1).max(-1)
        return 1 / np.maximum(moved, 1e-100)  # a rate of zero

    def correlations(self, rows, now, blur):
        """All correlations of `rows` with the first time and the last, and their sizes, layer by layer."""
        last = slice(now.stop - self.axis.outputs, now.stop)
        forward = self.forward_floor(now)[:, None] * blur**0.5
        for layer in self.stack.layers:
            for matrix, floor in ((layer.C_h, forward), (layer.C_g, 0 * forward)):
                own = np.sqrt(np.abs(np.einsum("bii->bi", matrix[:, rows, rows])))
                largest = self.per_output(own[:, None]).max(-1) + floor
                for end in (self.axis.rows(0, 1), last):
                    other = np.sqrt(np.abs(np.einsum("bii->bi", matrix[:, end, end]))) + floor
                    curves = self.per_output(matrix[:, end, rows])
                    yield curves, other[:, :, None] * largest[:, None]

    def per_output(self, values):
        """Values [.., rows] as [.., outputs, nodes]."""
        return np.swapaxes(self.axis.by_output(values), -1, -2)
