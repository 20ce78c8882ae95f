"""The text network: members that read the pieces of a text, beside one linear branch on its n-grams.

Wide & Deep Learning, Cheng et al. 2016. Unlike there the linear branch is fitted first, to its optimum, and the members
learn what to add to what it says of texts it has not seen. How much of that is used is measured on validation rows: so
the whole is never worse there than the linear branch.

B rows, T tokens, M n-grams, D width, K members, O outputs, F flat values of the other columns.
"""

from collections.abc import Sequence
from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.families.flat import FlatTable
from netwright.families.recurrent.body import Kind, Recurrent
from netwright.families.text.wide import Sides, Wide, flat_size
from netwright.families.transformer.encoder import Encoder

UNKNOWN = 1
"""The token that stands where a word was dropped."""
HEADS = 4
AT_ONCE = 2**15
"""Tokens that are read at once where nothing is learned."""
NEAR = 3
"""Tokens looked at together before any attention: what a word means is told best by what stands beside it."""


class Reader(nn.Module):
    """One member: embedding, body, the greatest and the mean of what it says at each token, a linear map. Of recurrent
    layers what each direction says at its end, too.

    `forward(tokens (B, T) int, flat (B, F))` gives (B, O). Token 0 is padding, which changes no answer. Of the
    embedding dropout takes the same numbers away from all tokens of a text (Gal and Ghahramani 2016), which is cheaper.
    """

    def __init__(
        self,
        kind: Kind | str,
        pieces: int,
        flat: int,
        outputs: int,
        *,
        width: int,
        depth: int,
        dropout: float,
        word_dropout: float,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.word_dropout = word_dropout
        half = -(-width // 2)
        entered = width if kind == "transformer" else half
        self.embedding = layers.Embedding(max(2, pieces), entered)
        nn.init.normal_(self.embedding.weight, std=0.1 if kind == "transformer" else 0.3)
        size = width
        if kind == "transformer":
            self.near = layers.Conv1d(width, width, NEAR, padding=NEAR // 2)
            self.gelu = layers.functional.gelu
            self.body = Encoder(width, heads=HEADS, layers=depth, expansion=2, namespace=layers)
        else:
            self.body = Recurrent(kind, half, half, num_layers=depth, bidirectional=True, namespace=layers)  # type: ignore[arg-type]
            size = self.body.output_size
        self.dropout = layers.Dropout(dropout)
        self.head = layers.Linear((2 if kind == "transformer" else 3) * size + flat, outputs)

    def forward(self, tokens: Tensor, flat: Tensor) -> Tensor:
        """(B, T) and (B, F) → (B, O)."""
        keep = tokens != 0
        if self.training and self.word_dropout:
            dropped = torch.empty_like(tokens, dtype=flat.dtype).bernoulli_(self.word_dropout).bool() & keep
            tokens = tokens.masked_fill(dropped, UNKNOWN)
        x = self.embedding(tokens)
        x = (x * self.dropout(torch.ones_like(x[:, :1]))).masked_fill(~keep[..., None], 0)
        if isinstance(self.body, Recurrent):
            x, _ = self.body(x, keep.sum(1))
            parts = [pooled(x, keep), self.body.ends(x, keep.sum(1)), flat]
        else:
            x = self.body(x + self.gelu(self.near(x.transpose(1, 2)).transpose(1, 2)), keep)
            parts = [pooled(x, keep), flat]
        return self.head(self.dropout(torch.cat(parts, 1)))


def pooled(x: Tensor, keep: Tensor) -> Tensor:
    """(B, T, D) and (B, T) → (B, 2·D): the greatest and the mean over what is kept; zeros where nothing is."""
    keep = keep[..., None]
    some = keep.any(1)
    greatest = x.masked_fill(~keep, torch.finfo(x.dtype).min).amax(1).masked_fill(~some, 0)
    mean = x.masked_fill(~keep, 0).sum(1) / keep.sum(1).clamp(min=1)
    return torch.cat([greatest, mean], 1)


class TextNetwork(nn.Module):
    """K readers and the linear branch.

    `forward(tokens (B, T), grams (B, M), weights (B, M), numbers (B, N), categories (B, C))` gives (B, K, O): what the
    linear branch says, and what each member adds to it, in the shares `finish` found; whole until then.
    """

    def __init__(
        self,
        readers: list[Reader],
        grams: int,
        number_count: int,
        cardinalities: tuple[int, ...],
        outputs: int,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.folds = 1
        """Of the rows it trains on; member k leaves out fold k where there are several. Known in training alone."""
        self.sides: Sides | None = None
        """The linear branch as it was fitted without some of the rows; known in training alone."""
        self.table = FlatTable(number_count, cardinalities, layers.Identity())
        self.readers = nn.ModuleList(readers)
        self.wide = Wide(grams, flat_size(number_count, cardinalities), outputs)
        self.shares: Tensor
        self.register_buffer("shares", torch.ones(2))

    def forward(self, tokens: Tensor, grams: Tensor, weights: Tensor, numbers: Tensor, categories: Tensor) -> Tensor:
        """(B, K, O)."""
        flat = self.table(numbers, categories)
        wide = self.wide(grams, weights, flat)
        return self.shares[0] * wide[:, None] + self.shares[1] * self.deep(tokens, flat)

    def unseen_wide(self, inputs: Sequence[Tensor]) -> Tensor:
        """(B, O) what the linear branch says of texts that it has not seen; in training alone."""
        assert self.sides is not None
        with torch.no_grad():
            return self.sides(inputs[1], inputs[2], self.table(*inputs[3:]))

    def deep(self, tokens: Tensor, flat: Tensor) -> Tensor:
        """(B, K, O) what the members add; outside training some rows at a time, so that long texts fit."""
        if self.training:
            return self._deep(tokens, flat)
        rows = max(1, AT_ONCE // max(1, tokens.shape[1]))
        return torch.cat([self._deep(*part) for part in zip(tokens.split(rows), flat.split(rows), strict=True)])

    def _deep(self, tokens: Tensor, flat: Tensor) -> Tensor:
        return torch.stack([reader(tokens, flat) for reader in self.readers], 1)

    def unseen(self, fold: Tensor) -> Tensor:
        """(B, K) which members did not train on rows of these folds (B,)."""
        member = torch.arange(len(self.readers), device=fold.device)
        return (fold[:, None] == member) | (self.folds == 1)
