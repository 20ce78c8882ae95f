"""Fixed convolutions, simple statistics, and a linear layer found in closed form.

B sequences, T steps, C channels, F features, O outputs.
"""

from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.families.rocket.kernels import KERNELS, TAPS, Kernels
from netwright.families.sequence.views import changes, inside, normalised, statistics, statistics_size

AT_ONCE = 2**19
"""Numbers that the kernels of one dilation make at once, more or less: what stays in the cache is quicker."""


class RocketNetwork(nn.Module):
    """`forward(values (B, T, C), lengths (B,))` gives (B, O): logits, or standardised numbers.

    `own` says whether each sequence is normalised on its own before the kernels see it; statistics are of the values
    as they are in either case. `pool` steps become one, their mean, before the kernels see them. All numbers are set by
    `family.prepare`.
    """

    own: Tensor
    center: Tensor
    spread: Tensor

    def __init__(
        self,
        channels: int,
        dilations: tuple[int, ...],
        thresholds: int,
        output_size: int,
        pool: int = 1,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.pool = pool
        self.values = Kernels(channels, dilations, thresholds)
        self.changes = Kernels(channels, dilations, thresholds)
        size = self.values.size + self.changes.size + statistics_size(channels)
        self.register_buffer("own", torch.zeros((), dtype=torch.bool))
        self.register_buffer("center", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.head = layers.Linear(size, output_size)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, C) → (B, O)."""
        return self.head((self.features(x, lengths) - self.center) / self.spread)

    def features(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, C) → (B, F), some sequences at a time."""
        if not x.shape[1]:
            x = x.new_zeros(len(x), 1, x.shape[2])
        step = max(1, AT_ONCE // (KERNELS * max(TAPS, -(-x.shape[1] // self.pool))))
        parts = zip(x.split(step), lengths.to(x.device).split(step), strict=True)
        return torch.cat([self._features(*part) for part in parts])

    def seen(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the kernels see: the values, or each sequence normalised on its own; how they change; their lengths."""
        x, lengths = pooled(x, lengths, self.pool)
        values = torch.where(self.own, normalised(x, lengths), x)
        return values, changes(values, lengths), lengths

    def _features(self, x: Tensor, lengths: Tensor) -> Tensor:
        values, steps, count = self.seen(x, lengths)
        return torch.cat([self.values(values, count), self.changes(steps, count), statistics(x, lengths)], 1)


def pooled(x: Tensor, lengths: Tensor, pool: int) -> tuple[Tensor, Tensor]:
    """(B, T, C) → (B, ⌈T/P⌉, C), the mean of P steps each, of fewer at the end; and the lengths after that."""
    if pool == 1:
        return x, lengths
    keep = nn.functional.pad(inside(x, lengths).to(x.dtype), (0, 0, 0, -x.shape[1] % pool))
    x = nn.functional.pad(x.masked_fill(~inside(x, lengths), 0.0), (0, 0, 0, -x.shape[1] % pool))
    count = keep.unflatten(1, (-1, pool)).sum(2).clamp(min=1)
    return x.unflatten(1, (-1, pool)).sum(2) / count, torch.div(lengths + pool - 1, pool, rounding_mode="floor")
