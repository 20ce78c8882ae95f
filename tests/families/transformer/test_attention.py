import pytest
import torch
from torch import nn

from netwright.core.errors import InputError
from netwright.families.transformer import attention
from netwright.families.transformer.attention import Attention


def test_it_is_pytorchs_attention_where_nothing_is_turned(monkeypatch):
    torch.manual_seed(0)
    own, reference = Attention(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(own.inward.weight)
        reference.in_proj_bias.zero_()
        reference.out_proj.weight.copy_(own.outward.weight)
        reference.out_proj.bias.copy_(own.outward.bias)
    monkeypatch.setattr(attention, "rotated", lambda x, cosine, sine: x)
    x = torch.randn(3, 7, 16)
    keep = torch.arange(7) < torch.tensor([7, 4, 1])[:, None]
    hidden = torch.ones(7, 7, dtype=torch.bool).triu(1)
    cases = [
        (own(x), {}),
        (own(x, keep[:, None, None]), {"key_padding_mask": ~keep}),
        (own(x, causal=True), {"attn_mask": hidden}),
    ]
    for given, options in cases:
        assert torch.allclose(given, reference(x, x, x, need_weights=False, **options)[0], atol=1e-6)


def test_a_shift_of_the_whole_changes_nothing():
    torch.manual_seed(0)
    own = Attention(8, 2)
    x = torch.randn(1, 5, 8)
    shifted = torch.cat([torch.randn(1, 3, 8), x], 1)
    mask = (torch.arange(8) >= 3)[None, None, None]
    assert torch.allclose(own(shifted, mask)[:, 3:], own(x), atol=1e-6)


@pytest.mark.parametrize(("size", "heads"), [(10, 4), (12, 4), (8, 0), (0, 1)])
def test_heads_that_do_not_divide_the_size_are_refused(size: int, heads: int):
    with pytest.raises(InputError, match="hidden_size"):
        Attention(size, heads)
