import torch

from netwright.families.transformer.masks import visible, within


def test_the_first_of_each_row_are_kept():
    assert within(torch.tensor([3, 1, 0]), 3).sum(1).tolist() == [3, 1, 0]


def test_nothing_to_hide_is_no_mask():
    assert visible(None, 4, causal=False) is None and visible(None, 4, causal=True) is None


def test_padding_is_hidden_and_every_position_sees_something():
    keep = torch.tensor([[True, True, False], [False, False, False], [False, True, True]])
    seen = visible(keep, 3, causal=False)
    assert seen is not None and seen.shape == (3, 1, 1, 3)
    assert seen[0, 0, 0].tolist() == [True, True, False] and seen[1].all()
    causal = visible(keep, 3, causal=True)
    assert causal is not None and causal.any(-1).all()
    assert not causal.triu(1).any(), "nobody sees what comes later"
    assert causal[2, 0].tolist() == [[True, False, False], [False, True, False], [False, True, True]]
