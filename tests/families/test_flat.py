"""Numbers and categories as one vector."""

import torch
from torch import nn

from netwright.families.flat import MOST_PLACES, FlatTable


def test_numbers_first_then_one_hot():
    table = FlatTable(2, [3, 2], nn.Identity())
    got = table(torch.tensor([[0.5, -1.0], [2.0, 3.0]]), torch.tensor([[2, 0], [0, 1]]))
    assert got.tolist() == [[0.5, -1, 0, 0, 1, 1, 0], [2, 3, 1, 0, 0, 0, 1]]
    assert FlatTable.size(2, [3, 2]) == 7


def test_rare_values_of_a_large_category_share_the_unseen_place():
    table = FlatTable(0, [1000], nn.Identity())
    index = torch.tensor([[0], [MOST_PLACES - 1], [MOST_PLACES], [999]])
    got = table(torch.zeros(4, 0), index)
    assert got.shape == (4, MOST_PLACES) == (4, FlatTable.size(0, [1000]))
    assert got.argmax(1).tolist() == [0, MOST_PLACES - 1, 0, 0] and (got.sum(1) == 1).all()
