import pytest
import torch

from netwright.layers.heads import apart, followed, thirds, together, unfollowed
from tests.layers.proof import drawn


@pytest.mark.parametrize("shape", [(2, 3, 4), (3, 4), (0, 3, 4)])
@pytest.mark.parametrize("batch_first", [True, False])
def test_apart_and_together_undo_one_another(shape: tuple[int, ...], batch_first: bool):
    x = drawn(torch.empty(shape), 0)
    heads = apart(x, 2, batch_first)
    assert heads.shape[-3] == 2 and heads.shape[-1] == 2
    assert torch.equal(together(heads, batch_first), x)


def test_a_head_has_its_own_numbers():
    x = torch.arange(24.0).reshape(2, 3, 4)
    assert apart(x, 2, True)[1, 0, 2].tolist() == x[1, 2, :2].tolist()
    assert apart(x, 2, False)[1, 0, 0].tolist() == x[0, 1, :2].tolist()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("zero", [True, False])
def test_gradients_of_what_stands_behind(bias: bool, zero: bool):
    x = drawn(torch.empty(3, 2, 4, 5), 0).requires_grad_()
    own = drawn(torch.empty(1, 1, 10), 1).requires_grad_() if bias else None
    longer = followed(x, own, zero)
    assert longer.shape == (3, 2, 4 + bias + zero, 5)
    g = drawn(longer, 2)
    grad_x, grad_own = unfollowed(g, own, zero)
    sources = [x] if own is None else [x, own]
    for mine, other in zip((grad_x, grad_own), torch.autograd.grad(longer, sources, g), strict=False):
        torch.testing.assert_close(mine, other)
    assert (grad_own is None) == (own is None)


def test_thirds():
    assert [part.tolist() for part in thirds(torch.arange(6))] == [[0, 1], [2, 3], [4, 5]]
    assert thirds(None) == (None, None, None)
    assert thirds(None, 1, 2, 3) == (1, 2, 3)
