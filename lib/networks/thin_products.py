"""Products of few rows with large matrices, about as fast as a GPU can read these.

A library divides such a product among too few of a GPU's processors: one of 8 rows with matrices of
4096 x 4096 takes two to three times as long as reading them. So there the sum over a matrix' rows is cut
into pieces that are batches of their own, and added. That helps for sums over rows only, and a matrix that
stays is held there a second time, transposed.
"""

import torch

PIECES = 16
"""Products that are made side by side, one for each piece of each matrix."""

LEAST = 128
"""Rows of a piece, at least: what is smaller takes no longer than a launch."""


def copies(device):
    """How often `Thin` holds a matrix that stays."""
    return 2 if device.type == "cuda" else 1


class Thin:
    """Matrices [.., n, m] that are multiplied with rows, again and again if they stay."""

    def __init__(self, matrix, *, stays=True):
        self.matrix, self.transposed = matrix, matrix.mT
        if stays and copies(matrix.device) > 1:
            self.transposed = self.transposed.contiguous()

    def up(self, rows):
        """x M^T, row by row of x [.., rows, m]."""
        return _product(rows, self.transposed)

    def down(self, rows):
        """y M, row by row of y [.., rows, n]."""
        return _product(rows, self.matrix)


def _product(rows, matrix):
    if matrix.device.type == "cuda" and matrix.ndim == 3 and matrix.is_contiguous():
        return in_pieces(rows, matrix)
    return rows @ matrix


def in_pieces(rows, matrix):
    """`rows` [seeds, r, n] times `matrix` [seeds, n, m], the sum over n cut in pieces; n is a multiple of 16."""
    pieces = max(1, PIECES // len(matrix))
    while pieces > 1 and (matrix.shape[1] % pieces or matrix.shape[1] < LEAST * pieces):
        pieces //= 2
    if pieces == 1:
        return torch.bmm(rows, matrix)
    cut_rows = rows.unflatten(-1, (pieces, -1)).transpose(1, 2).flatten(0, 1)
    cut = matrix.unflatten(1, (pieces, -1)).flatten(0, 1)
    return torch.bmm(cut_rows, cut).unflatten(0, (-1, pieces)).sum(1)
