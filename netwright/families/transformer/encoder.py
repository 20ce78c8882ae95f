"""The encoder: each position of a row comes to hold what the whole row says of it.

Pre-norm blocks (Xiong et al. 2020), rotary positions, GELU; the last layer of each branch starts at zero, so that a
deep encoder starts as the identity (Zhang et al. 2019).

B rows, T positions, D size.
"""

from types import ModuleType

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.transformer.attention import Attention
from netwright.families.transformer.masks import visible


class Encoder(nn.Module):
    """Blocks of attention and a two-layer perceptron, and a normalisation.

    `forward(x (B, T, D), keep (B, T) bool or None)` gives (B, T, D); `keep` is true where there is no padding, which
    changes no answer and comes out as zeros. A row that is nothing but padding is zeros too. With `causal` no position
    sees a later one. Raises InputError for sizes that can't be built.

    >>> import torch
    >>> Encoder(32, heads=4, layers=2)(torch.zeros(5, 7, 32)).shape
    torch.Size([5, 7, 32])
    """

    def __init__(
        self,
        size: int,
        *,
        heads: int,
        layers: int,
        dropout: float = 0.0,
        expansion: float = 4,
        causal: bool = False,
        namespace: ModuleType = nn,
    ) -> None:
        super().__init__()
        if layers < 1 or round(size * expansion) < 1 or not 0 <= dropout < 1:
            raise InputError(
                "An encoder needs at least one block, and a dropout below one.",
                got=f"{layers} blocks, an expansion of {expansion}, dropout {dropout}",
                wanted="one block or more, an expansion above 0, a dropout from 0 to 1",
                fix="Correct num_layers or dropout.",
            )
        self.causal = causal
        self.blocks = nn.ModuleList(
            Block(size, heads, dropout, round(size * expansion), namespace) for _ in range(layers)
        )
        self.norm = namespace.LayerNorm(size)

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        mask = visible(keep, x.shape[1], causal=self.causal)
        if keep is not None:
            x = x.masked_fill(~keep[..., None], 0)  # what stands in the padding may be anything
        for block in self.blocks:
            x = block(x, mask, self.causal)
        x = self.norm(x)
        return x if keep is None else x.masked_fill(~keep[..., None], 0)


class Block(nn.Module):
    """Attention and a perceptron, each on the normalised values and added to them."""

    def __init__(self, size: int, heads: int, dropout: float, hidden: int, namespace: ModuleType) -> None:
        super().__init__()
        self.first_norm = namespace.LayerNorm(size)
        self.attention = Attention(size, heads, namespace=namespace)
        self.second_norm = namespace.LayerNorm(size)
        self.inner = namespace.Linear(size, hidden)
        self.outer = namespace.Linear(hidden, size)
        self.dropout, self.gelu = namespace.Dropout(dropout), namespace.functional.gelu
        for last in (self.attention.outward, self.outer):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        x = x + self.dropout(self.attention(self.first_norm(x), mask, causal=causal))
        return x + self.dropout(self.outer(self.gelu(self.inner(self.second_norm(x)))))
