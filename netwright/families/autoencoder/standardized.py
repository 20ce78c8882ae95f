"""Rows as vectors in which every column counts alike, however far a value lies.

B rows, D length of the flat vector.
"""

import torch
from torch import Tensor, nn

from netwright.families.autoencoder.principal import Chunks
from netwright.families.autoencoder.rows import Flat

FARTHEST = 10.0
"""Standardised values are held within ± this."""
LEAST_SPREAD, LEAST_PLACE_SPREAD = 1e-3, 0.1
"""Of a number and of a one-hot place, in the unit they are fed in: a value never seen lies far, not at infinity."""


class Standardized(nn.Module):
    """Flat vectors (B, D) with mean 0 and spread 1, each column of a table by itself, pictures all pixels together."""

    def __init__(self, flat: Flat) -> None:
        super().__init__()
        self.flat = flat
        self.mean: Tensor
        self.spread: Tensor
        self.register_buffer("mean", torch.zeros(flat.size))
        self.register_buffer("spread", torch.ones(flat.size))

    def fit(self, inputs: tuple[Tensor, ...]) -> None:
        """Measure on these rows."""
        chunks = Chunks(self.stretched, inputs)
        mean = chunks.mean()
        variance = chunks.variance(mean)
        if self.flat.shape is not None:
            spread = variance.mean().sqrt().clamp(min=LEAST_SPREAD).expand(len(mean))
        else:
            least = torch.full_like(mean, LEAST_SPREAD)
            least[self.flat.numbers :] = LEAST_PLACE_SPREAD
            spread = torch.maximum(variance.sqrt(), least)
        self.mean.copy_(mean)
        self.spread.copy_(spread)

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, D)."""
        return ((self.stretched(*inputs) - self.mean) / self.spread).clamp(-FARTHEST, FARTHEST)

    def stretched(self, *inputs: Tensor) -> Tensor:
        """(B, D), numbers as they were before they were squashed to ±3."""
        x = self.flat(*inputs)
        count = self.flat.numbers
        return torch.cat([unsquashed(x[:, :count]), x[:, count:]], dim=1) if count else x


def unsquashed(fed: Tensor, most: float = 100.0) -> Tensor:
    """z of s = z/√(1 + (z/3)²), as numbers of a table are fed: s/√(1 − (s/3)²), within ± `most`."""
    nearest = most / (1 + (most / 3) ** 2) ** 0.5
    fed = fed.clamp(-nearest, nearest)
    return fed / (1 - (fed / 3).square()).sqrt()
