"""What a sweep over a block of rows takes over from the last sweep, as one vector."""

import numpy as np

from lib.equations.linear_gaussian import write_symmetric


class Block:
    """What a sweep over the rows `now` takes over from the last sweep, as one vector for each problem.

    Attributes
    ----------
    floors : list of [batch]
        For each matrix the size below which it does not matter in the block.
    """

    def __init__(self, stack, inputs, now, forward_floor, loss_floor):
        self.now, exact = now, np.zeros_like(forward_floor)
        # What a response makes of fields of size one, at every time of the block, is a forward field.
        response_floor = forward_floor / (now.stop - now.start)
        self.responses, self.correlations, floors = [], [], ([], [])
        for carried, *floor_of in (
            (stack.carried, response_floor, forward_floor**2),
            (stack.carried_back, exact, exact),
            (inputs.carried, exact, exact + loss_floor),
        ):
            for own, matrices, of, floor in zip(
                (self.responses, self.correlations), carried, floors, floor_of, strict=True
            ):
                own += matrices
                of += [floor] * len(matrices)
        self.floors = floors[0] + floors[1]

    @property
    def matrices(self):
        return self.responses + self.correlations

    def read(self):
        """[batch, size]"""
        rows = [matrix[:, self.now, : self.now.stop] for matrix in self.matrices]
        return np.concatenate([part.reshape(len(part), -1) for part in rows], axis=1)

    def write(self, vectors):
        for matrix, part in zip(self.matrices, self._parts(vectors), strict=True):
            rows = matrix[:, self.now, : self.now.stop]
            rows[:] = part.reshape(rows.shape)
        for matrix in self.correlations:
            write_symmetric(matrix, self.now, matrix[:, self.now, : self.now.stop].copy())

    def scale(self, vectors):
        """The size of each matrix, at each of its entries, so that all count alike."""
        sizes = np.empty_like(vectors)
        parts = self._parts(vectors), self._parts(sizes), self.floors
        for part, size, floor in zip(*parts, strict=True):
            size[:] = np.abs(part).max(axis=1, keepdims=True) + floor[:, None]
        return np.where(sizes > 0, sizes, 1.0)

    def _parts(self, vectors):
        size = (self.now.stop - self.now.start) * self.now.stop
        return np.split(vectors, np.arange(size, vectors.shape[1], size), axis=1)


def forget(stack, inputs, now):
    """Leave nothing of the rows `now`, of which shorter blocks would write only a part."""
    parts = [*stack.layers, inputs]
    for matrix in [inputs.trained.K, *(matrix for part in parts for matrix in part.matrices)]:
        matrix[..., now, : now.stop] = 0
        matrix[..., : now.start, now] = 0
