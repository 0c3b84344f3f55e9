"""Products of few rows with large matrices: cut in pieces they are what they are whole."""

import pytest
import torch

from lib.networks import thin_products
from lib.networks.thin_products import Thin, in_pieces


@pytest.mark.parametrize(
    "seeds, n, pieces", [(1, 4096, 16), (2, 1024, 8), (5, 1040, 1), (1, 96, 1), (3, 640, 5)]
)
def test_a_product_in_pieces_is_the_product(monkeypatch, seeds, n, pieces):
    made, bmm = [], torch.bmm

    def counted(rows, matrix):
        made.append(len(matrix) // seeds)
        return bmm(rows, matrix)

    monkeypatch.setattr(torch, "bmm", counted)
    draws = torch.Generator().manual_seed(n)
    matrix, rows = (
        torch.randn(seeds, *shape, generator=draws, dtype=torch.float64)
        for shape in ((n, 48), (8, n))
    )
    product = in_pieces(rows, matrix)
    torch.testing.assert_close(product, bmm(rows, matrix), rtol=1e-12, atol=1e-12)
    assert made == [pieces]


@pytest.mark.parametrize("held", [1, 2])
def test_up_and_down_are_each_others_transposes(monkeypatch, held):
    monkeypatch.setattr(thin_products, "copies", lambda device: held)
    matrix = torch.arange(24.0).view(2, 3, 4)
    thin, one = Thin(matrix), torch.eye(4).expand(2, 4, 4)
    assert torch.equal(thin.up(one), matrix.mT) and torch.equal(thin.down(one[:, :3, :3]), matrix)
    assert thin.transposed.is_contiguous() == (held > 1)
    assert not Thin(matrix, stays=False).transposed.is_contiguous()
