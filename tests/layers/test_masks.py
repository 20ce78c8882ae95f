import pytest
import torch

from netwright.core.errors import InputError, InputTypeError
from netwright.layers.masks import causal, merged, summed_to, widened

hides = torch.tensor([[False, True, True], [False, False, True]])


def test_causal_sees_itself_and_what_came_before():
    assert causal(2, 3).tolist() == [[True, False, False], [True, True, False]]


def test_bools_stay_bools_and_turn_round():
    rows = torch.tensor([[False, False, False], [True, False, False]])
    mask = merged(hides, rows, torch.zeros(2, 3, 4), 1)
    assert mask.shape == (2, 1, 2, 3)
    assert torch.equal(mask[0, 0], ~hides)
    assert torch.equal(mask[1, 0], ~(hides | rows[1]))
    assert merged(None, None, hides, 1) is None


def test_floats_are_added():
    floats = torch.tensor([[0.5, 0.0, -1.0], [0.0, 0.0, 2.0]])
    assert merged(floats, None, torch.zeros(3, 4), 1) is floats
    mask = merged(floats, torch.tensor([False, True, False]), torch.zeros(3, 4), 1)
    assert mask.tolist() == [[[0.5, -torch.inf, -1.0], [0.0, -torch.inf, 2.0]]]


def test_a_mask_for_each_head():
    per_head = torch.zeros(6, 2, 3)
    assert merged(per_head, None, torch.zeros(3, 2, 4), 2).shape == (3, 2, 2, 3)
    assert merged(per_head, None, torch.zeros(2, 4), 6).shape == (6, 2, 3)


def test_what_stands_behind_is_seen():
    assert widened(hides, 0) is hides and widened(None, 2) is None
    assert widened(hides, 1)[:, 3].tolist() == [True, True]
    assert widened(torch.ones(2, 3), 2)[0].tolist() == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("shape", [(), (3,), (1,), (2, 3), (1, 3), (2, 1), (4, 1, 3), (4, 2, 3)])
def test_summed_to_undoes_broadcasting(shape: tuple[int, ...]):
    small = torch.zeros(shape, requires_grad=True)
    large = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(0))
    (small * large).sum().backward()
    torch.testing.assert_close(summed_to(large, small.shape), small.grad)


def test_other_masks_are_refused():
    x = torch.zeros(2, 3, 4)
    with pytest.raises(InputTypeError, match=r"key_padding_mask\.bool\(\)"):
        merged(None, torch.zeros(2, 3, dtype=torch.int64), x, 1)
    with pytest.raises(InputError, match="Reshape attn_mask"):
        merged(torch.zeros(3), None, x, 1)
