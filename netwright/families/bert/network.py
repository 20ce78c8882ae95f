"""An encoder that others have trained, and a head of our own.

B rows, T tokens, D width of the encoder, F number features, C category columns, O outputs.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from netwright.families.bert.hub import encoder
from netwright.families.flat import FlatTable

Pooling = Literal["mean", "first"]
AT_ONCE = 8_000_000
"""Numbers of one layer's output that are held at once where nothing is learned; inside a layer there are ten times as
many."""


class BertNetwork(nn.Module):
    """`forward(tokens (B, T), grams, weights, numbers (B, F), categories (B, C))` gives (B, O).

    The encoder's last values, their mean over all tokens or those of the first, stand beside the row's other columns
    under one linear layer. N-grams are not looked at.
    """

    def __init__(
        self,
        architecture: Mapping[str, object],
        number_count: int,
        cardinalities: Sequence[int],
        outputs: int,
        *,
        pooling: Pooling = "mean",
        dropout: float = 0.1,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.encoder = encoder(architecture)
        self.pad, self.pooling = int(str(architecture.get("pad_token_id") or 0)), pooling
        self.size = int(self.encoder.config.hidden_size)  # type: ignore[union-attr]
        for name, part in self.encoder.named_children():
            if name == "pooler":  # not used, and kept for whoever reads the encoder back
                part.requires_grad_(False)
        self.flat = FlatTable(number_count, cardinalities, nn.Identity())
        self.dropout = layers.Dropout(dropout)
        self.head = layers.Linear(self.size + FlatTable.size(number_count, cardinalities), outputs)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        self.constants = Constants(self.encoder)
        self.register_load_state_dict_post_hook(put_back)

    def forward(self, tokens: Tensor, grams: Tensor, weights: Tensor, numbers: Tensor, categories: Tensor) -> Tensor:
        """(B, O)."""
        looked_at = self.pooled if self.training or torch.is_grad_enabled() else self.in_parts
        return self.head(torch.cat([self.dropout(looked_at(tokens)), self.flat(numbers, categories)], dim=1))

    def pooled(self, tokens: Tensor) -> Tensor:
        """(B, D), what the encoder says of each row."""
        keep = kept(tokens)
        ids = torch.where(keep, tokens.long(), self.pad)
        hidden = self.encoder(input_ids=ids, attention_mask=keep.long())[0]  # (B, T, D)
        if self.pooling == "first":
            return hidden[:, 0]
        share = keep.to(hidden.dtype) / keep.sum(1, keepdim=True)
        return (hidden * share[..., None]).sum(1)

    def in_parts(self, tokens: Tensor) -> Tensor:
        """The same of many rows: those of like length together, without the padding all have, and few at once."""
        if not len(tokens):
            return self.head.weight.new_zeros(0, self.size)
        lengths = kept(tokens).sum(1)
        order = lengths.argsort(stable=True)
        rows = max(1, AT_ONCE // (tokens.shape[1] * self.size))
        parts = [self.pooled(tokens[some, : max(1, int(lengths[some].max()))]) for some in order.split(rows)]
        return torch.cat(parts)[order.argsort()]


def kept(tokens: Tensor) -> Tensor:
    """(B, T) bool: the tokens up to the last that is not 0, at least one. Those before it may be 0: of some tokenizers
    that is the mark of the beginning.
    """
    behind = (tokens != 0).flip(1).cumsum(1).flip(1) > 0
    first = torch.arange(tokens.shape[1], device=tokens.device) == 0
    return behind | first


class Constants(nn.Module):
    """What the encoder computes once and does not count among its weights, such as the numbers of positions.

    Kept with our weights, so that a network that was built without memory is whole once they are loaded.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        weights = encoder.state_dict()
        self.names = [name for name, _ in encoder.named_buffers() if name not in weights]
        for i, name in enumerate(self.names):
            self.register_buffer(f"constant_{i}", encoder.get_buffer(name))


def put_back(module: nn.Module, keys: Any) -> None:
    """Give the encoder the constants that were loaded."""
    assert isinstance(module, BertNetwork)
    for i, name in enumerate(module.constants.names):
        owner, _, last = name.rpartition(".")
        setattr(module.encoder.get_submodule(owner), last, module.constants.get_buffer(f"constant_{i}"))
