"""Members that read a sequence step by step, or as a whole, and tell what is most and what is common in it.

B sequences, T steps, C channels, P steps folded into one, D numbers a step, K members, O outputs.
"""

from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from netwright.families.recurrent.body import Recurrent
from netwright.families.sequence.views import changes, in_parts, inside, normalised
from netwright.families.transformer.encoder import Encoder

VIEWS = 3
"""Of each channel: its values, those normalised on their own, its changes."""
LOUD = 3.0
"""Changes are smaller than values, by about this factor."""


class SequenceNetwork(nn.Module):
    """`forward(values (B, T, C), lengths (B,))` gives (B, K, O), what each member says, or (B, O) of a single one.

    Every member is made by `make()`, and called with (B, T, 3·C) and lengths. `sharpness` scales logits.
    """

    sharpness: Tensor

    def __init__(self, members: int, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(make() for _ in range(members))
        self.register_buffer("sharpness", torch.ones(()))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, C) → (B, K, O) or (B, O)."""
        return self._answers(x, lengths) if self.training else in_parts(self._answers, x, lengths)

    def _answers(self, x: Tensor, lengths: Tensor) -> Tensor:
        seen = views(x, lengths)
        answers = [member(seen, lengths) for member in self.members]
        return self.sharpness * (torch.stack(answers, 1) if len(answers) > 1 else answers[0])


def views(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, C) → (B, T, 3·C): values, each channel normalised on its own, and how it changes."""
    x = x.masked_fill(~inside(x, lengths), 0.0)
    return torch.cat([x, normalised(x, lengths), LOUD * changes(x, lengths)], 2)


class RecurrentReader(nn.Module):
    """P steps are one: folded, read by recurrent layers, pooled over what is no padding, and answered from."""

    def __init__(
        self, size: int, output_size: int, fold: int, dropout: float, body: Recurrent, layers: ModuleType = nn
    ) -> None:
        super().__init__()
        self.fold, self.body = fold, body
        self.dropout, self.head = layers.Dropout(dropout), layers.Linear(2 * body.output_size, output_size)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D) → (B, O)."""
        folded = folds(x, self.fold)
        lengths = shorter(lengths, self.fold)
        outputs, _ = self.body(folded, lengths)
        return self.head(self.dropout(pooled(outputs, lengths)))


class AttentiveReader(nn.Module):
    """A strided convolution, an encoder, and the same pooling."""

    def __init__(
        self,
        size: int,
        output_size: int,
        stride: int,
        dropout: float,
        encoder: Encoder,
        width: int,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.stride, self.encoder = stride, encoder
        self.stem = layers.Conv1d(size, width, 2 * stride + 1, stride=stride, padding=stride)
        self.dropout, self.head = layers.Dropout(dropout), layers.Linear(2 * width, output_size)
        self.gelu = layers.functional.gelu

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D) → (B, O)."""
        x = x if x.shape[1] else x.new_zeros(len(x), 1, x.shape[2])
        x = self.gelu(self.stem(x.transpose(1, 2))).transpose(1, 2)
        lengths = shorter(lengths, self.stride)
        keep = torch.arange(x.shape[1], device=x.device) < lengths.to(x.device)[:, None]
        return self.head(self.dropout(pooled(self.encoder(x, keep), lengths)))


def folds(x: Tensor, fold: int) -> Tensor:
    """(B, T, D) → (B, ⌈T/P⌉, P·D), zeros behind the last step."""
    x = pad(x, (0, 0, 0, -x.shape[1] % fold))
    return x.reshape(len(x), -1, x.shape[2] * fold)


def shorter(lengths: Tensor, fold: int) -> Tensor:
    """Lengths after P steps have become one."""
    return torch.div(lengths + fold - 1, fold, rounding_mode="floor")


def pooled(outputs: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, D) → (B, 2·D): the mean and the greatest over what is no padding; zeros where there is nothing else."""
    if not outputs.shape[1]:
        return outputs.new_zeros(len(outputs), 2 * outputs.shape[2])
    lengths = lengths.to(outputs.device)
    keep = inside(outputs, lengths)
    mean = outputs.masked_fill(~keep, 0.0).sum(1) / lengths.clamp(min=1)[:, None]
    most = outputs.masked_fill(~keep, -torch.inf).amax(1)
    return torch.cat([mean, most.masked_fill((lengths < 1)[:, None], 0.0)], 1)
