"""Self-attention with rotary positions.

Attention Is All You Need, Vaswani et al. 2017; the product itself is the namespace's.

B rows, T positions, D size, H heads, E = D / H numbers a head.
"""

from types import ModuleType

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.transformer.rotary import rotated, turns


class Attention(nn.Module):
    """Each position is given a mean of what the others hold, weighted by how well its query meets their keys.

    `forward(x (B, T, D), mask)` gives (B, T, D). `mask` is as `masks.visible` gives it. Raises InputError where the
    heads don't divide the size into even parts.
    """

    def __init__(self, size: int, heads: int, *, namespace: ModuleType = nn) -> None:
        super().__init__()
        refuse_heads(size, heads)
        self.heads = heads
        self.inward = namespace.Linear(size, 3 * size, bias=False)
        self.outward = namespace.Linear(size, size)
        self.attend = namespace.functional.scaled_dot_product_attention

    def forward(self, x: Tensor, mask: Tensor | None = None, *, causal: bool = False) -> Tensor:
        """(B, T, D) → (B, T, D). `causal` without a mask hides what comes later."""
        query, key, value = parted(self.inward(x), self.heads)
        cosine, sine = turns(0, x.shape[1], query.shape[-1], query)
        query, key = rotated(query, cosine, sine), rotated(key, cosine, sine)
        found = self.attend(query, key, value, mask, is_causal=causal and mask is None)
        return self.outward(joined(found))


def parted(x: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, 3·D) → queries, keys and values, each (B, H, T, E)."""
    query, key, value = x.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
    return query, key, value


def joined(x: Tensor) -> Tensor:
    """(B, H, T, E) → (B, T, D)."""
    return x.transpose(1, 2).flatten(2)


def refuse_heads(size: int, heads: int) -> None:
    """Raise InputError where the heads don't divide the size into even parts, for positions turn pairs of numbers."""
    parts = 2 * max(heads, 1)
    if heads < 1 or size < 1 or size % parts:
        raise InputError(
            "The heads of attention divide its size into even parts.",
            got=f"a size of {size} and {heads} heads",
            wanted=f"a size that is a multiple of {parts}, twice the heads",
            fix=f"Give hidden_size={parts * max(1, round(size / parts))}, or other num_heads.",
        )
