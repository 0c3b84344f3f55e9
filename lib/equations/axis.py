"""The axis of every two-time matrix: times, and for several outputs each time once per output."""

import numpy as np


class Axis:
    """Rows (t, c), c fastest, for `nodes` times and `outputs` outputs.

    Attributes
    ----------
    n : int
        Number of rows.
    same_output : [n, n]
        1 where two rows belong to the same output, else 0.
    output : [n, C]
        1 where a row belongs to an output. Of a row that stands for a moment of many times, its moment.
    reach : int
        How many later rows a row may depend on, at most: those of the same block.
    """

    def __init__(self, nodes, outputs):
        self.nodes, self.outputs, self.n = nodes, outputs, nodes * outputs
        self.same_output = np.kron(np.ones((nodes, nodes)), np.eye(outputs))
        self.output = np.tile(np.eye(outputs), (nodes, 1))
        self.reach = outputs - 1

    def expand(self, over_time):
        """A matrix [.., nodes, nodes] that does not ask for the output, on all rows."""
        if self.outputs == 1:
            return over_time
        return np.kron(over_time, np.ones((self.outputs, self.outputs)))

    def same_time(self, count):
        """1 where two of `count` rows in a row belong to the same time, else 0."""
        times = np.arange(count) // self.outputs
        return np.equal.outer(times, times).astype(float)

    def project(self, projection):
        """Let coordinates stand for moments of times (see `lib.horizons.past_moments`)."""
        projection.rows(self.output)
        self.reach = max(self.reach, len(projection.matrix))
        free, used = slice(projection.left, projection.count), slice(0, projection.count)
        times = (free.stop - free.start) // self.outputs
        self.output[free] = np.tile(np.eye(self.outputs), (times, 1))
        self.same_output[:, used] = self.output @ self.output[used].T
        self.same_output[used] = self.output[used] @ self.output.T

    def rows(self, first, last):
        """The block of rows of the times first .. last - 1."""
        return slice(first * self.outputs, last * self.outputs)

    def before(self, now):
        """For each row of a block, the row of the same output at the last time before the block."""
        return now.start - self.outputs + np.arange(now.stop - now.start) % self.outputs

    def by_output(self, diagonal):
        """Values [.., rows] as [.., times, outputs]."""
        return diagonal.reshape(*diagonal.shape[:-1], -1, self.outputs)
