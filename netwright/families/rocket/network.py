"""Fixed convolutions, simple statistics, and a linear layer found in closed form.

B sequences, T steps, C channels, F features, O outputs.
"""

import torch
from torch import Tensor, nn

from netwright.families.rocket.kernels import KERNELS, TAPS, Kernels
from netwright.families.sequence.views import changes, normalised, statistics, statistics_size

AT_ONCE = 2**19
"""Numbers that the kernels of one dilation make at once, more or less: what stays in the cache is quicker."""


class RocketNetwork(nn.Module):
    """`forward(values (B, T, C), lengths (B,))` gives (B, O): logits, or standardised numbers.

    `own` says whether each sequence is normalised on its own before the kernels see it; statistics are of the values
    as they are in either case. All numbers are set by `family.prepare`.
    """

    own: Tensor
    center: Tensor
    spread: Tensor

    def __init__(self, channels: int, dilations: tuple[int, ...], thresholds: int, output_size: int) -> None:
        super().__init__()
        self.values = Kernels(channels, dilations, thresholds)
        self.changes = Kernels(channels, dilations, thresholds)
        size = self.values.size + self.changes.size + statistics_size(channels)
        self.register_buffer("own", torch.zeros((), dtype=torch.bool))
        self.register_buffer("center", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.head = nn.Linear(size, output_size)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, C) → (B, O)."""
        return self.head((self.features(x, lengths) - self.center) / self.spread)

    def features(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, C) → (B, F), some sequences at a time."""
        step = max(1, AT_ONCE // (KERNELS * max(TAPS, x.shape[1])))
        parts = zip(x.split(step), lengths.to(x.device).split(step), strict=True)
        return torch.cat([self._features(*part) for part in parts])

    def seen(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What the kernels see: the values, or each sequence normalised on its own; and how they change."""
        values = torch.where(self.own, normalised(x, lengths), x)
        return values, changes(values, lengths)

    def _features(self, x: Tensor, lengths: Tensor) -> Tensor:
        values, steps = self.seen(x, lengths)
        return torch.cat([self.values(values, lengths), self.changes(steps, lengths), statistics(x, lengths)], 1)
