"""The decoder: a small GPT, which foretells each next token from those before it.

Attention with rotary positions on normalised queries and keys (Henry et al. 2020), ReLU² (So et al. 2021), RMSNorm
without gain, output projections and head that start at zero, logits bent to stay within a bound (Gemma 2, 2024). These
choices together are those of modded-nanogpt (Jordan et al. 2024).

B rows, T positions, V vocabulary, D size, H heads, E = D / H numbers a head, P positions that are remembered.
"""

from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.transformer.attention import joined, parted, refuse_heads
from netwright.families.transformer.rotary import rotated, turns

BOUND = 15.0
"""What no logit goes beyond."""


@dataclass(frozen=True)
class Cache:
    """What the positions seen so far hold: of each block its keys and values, (B, H, P, E), before rotation."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]


class DecoderBlock(nn.Module):
    """Causal attention and a perceptron, each on the normalised values and added to them."""

    def __init__(self, size: int, heads: int, hidden: int, dropout: float, namespace: ModuleType) -> None:
        super().__init__()
        self.heads = heads
        self.inward = namespace.Linear(size, 3 * size, bias=False)
        self.outward = namespace.Linear(size, size, bias=False)
        self.inner = namespace.Linear(size, hidden, bias=False)
        self.outer = namespace.Linear(hidden, size, bias=False)
        self.dropout = namespace.Dropout(dropout)
        functional = namespace.functional
        self.rms_norm, self.relu = functional.rms_norm, functional.relu
        self.attend = functional.scaled_dot_product_attention
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(self.outer.weight)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """(B, T, D) → (B, T, D)."""
        query, key, value = self.parts(x)
        query, key = rotated(query, *turn), rotated(key, *turn)
        return self.end(x, self.attend(query, key, value, is_causal=True))

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries and keys, normalised, and values, each (B, H, T, E)."""
        query, key, value = parted(self.inward(self.normed(x)), self.heads)
        return self.normed(query), self.normed(key), value

    def end(self, x: Tensor, found: Tensor) -> Tensor:
        """What follows the attention, which found (B, H, T, E): (B, T, D)."""
        x = x + self.dropout(self.outward(joined(found)))
        return x + self.dropout(self.outer(self.relu(self.inner(self.normed(x))).square()))

    def normed(self, x: Tensor) -> Tensor:
        """RMSNorm without gain over the last axis (Zhang & Sennrich 2019)."""
        return self.rms_norm(x, (x.shape[-1],))


class Decoder(nn.Module):
    """A small GPT: `forward(tokens (B, T))` gives (B, T, size), `logits` of that (B, T, V).

    `start(batch)` and `step(tokens, cache)` give the same position by position: at each the last `window` are seen.
    `tied` shares the table of the tokens with the head.
    Raises InputError for sizes that can't be built.
    """

    def __init__(
        self,
        vocabulary: int,
        size: int,
        *,
        heads: int,
        layers: int,
        window: int,
        dropout: float = 0.0,
        expansion: float = 4,
        tied: bool = False,
        namespace: ModuleType = nn,
    ) -> None:
        super().__init__()
        refuse_heads(size, heads)
        if min(vocabulary, layers, window) < 1 or round(size * expansion) < 1:
            raise InputError(
                "A decoder needs a vocabulary, a block and a window of at least one.",
                got=f"a vocabulary of {vocabulary}, {layers} blocks, a window of {window}, an expansion of {expansion}",
                wanted="one or more of each",
                fix="Correct layers or window.",
            )
        self.heads, self.size, self.window = heads, size, window
        self.rms_norm, self.tanh = namespace.functional.rms_norm, namespace.functional.tanh
        self.tokens = namespace.Embedding(vocabulary, size)
        self.blocks = nn.ModuleList(
            DecoderBlock(size, heads, round(size * expansion), dropout, namespace) for _ in range(layers)
        )
        self.head = namespace.Linear(size, vocabulary, bias=False)
        if tied:
            nn.init.normal_(self.tokens.weight, std=size**-0.5)
            self.head.weight = self.tokens.weight
        else:
            nn.init.zeros_(self.head.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) → (B, T, D)."""
        x = self.normed(self.tokens(tokens))
        turn = turns(0, tokens.shape[1], self.size // self.heads, x)
        for block in self.blocks:
            x = block(x, turn)
        return self.normed(x)

    def logits(self, x: Tensor) -> Tensor:
        """(B, T, D) → (B, T, V)."""
        return BOUND * self.tanh(self.head(x) / BOUND)

    def start(self, batch: int) -> Cache:
        """The cache before the first token of so many rows."""
        nothing = self.tokens.weight.new_zeros(batch, self.heads, 0, self.size // self.heads)
        return Cache((nothing,) * len(self.blocks), (nothing,) * len(self.blocks))

    def step(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """(B, T) tokens that follow what is in the cache → (B, T, D), and the cache with them in it."""
        new, past = tokens.shape[1], cache.keys[0].shape[2]
        x = self.normed(self.tokens(tokens))
        cosine, sine = turns(0, past + new, self.size // self.heads, x)
        back = torch.arange(past, past + new, device=x.device)[:, None] - torch.arange(past + new, device=x.device)
        seen = (back >= 0) & (back < self.window)
        keys, values = [], []
        for block, before, held in zip(self.blocks, cache.keys, cache.values, strict=True):
            query, key, value = block.parts(x)  # type: ignore[operator]
            key, value = torch.cat([before, key], 2), torch.cat([held, value], 2)
            query = rotated(query, cosine[past:], sine[past:])
            found = block.attend(query, rotated(key, cosine, sine), value, seen)  # type: ignore[operator]
            x = block.end(x, found)  # type: ignore[operator]
            keys.append(key[:, :, -self.window :])
            values.append(value[:, :, -self.window :])
        return self.normed(x), Cache(tuple(keys), tuple(values))

    def normed(self, x: Tensor) -> Tensor:
        """RMSNorm without gain over the last axis."""
        return self.rms_norm(x, (x.shape[-1],))
