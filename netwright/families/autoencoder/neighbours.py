"""How far a row is from its nearest neighbours among rows kept from training.

B rows, R places for kept rows, D dimensions, k neighbours.
"""

import torch
from torch import Tensor, nn

NEIGHBOURS = 5
MOST_ROWS, MOST_VALUES = 5000, 4_000_000
"""Rows kept at most, and numbers they may have together."""
CHUNK = 1024
"""Rows compared with the kept ones at once."""


class Neighbours(nn.Module):
    """Distances to kept rows; where fewer than R are kept, the others lie at infinity.

    `forward(x (B, D))` gives the distance to the nearest k rows, (B,): their mean.
    """

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        places = max(NEIGHBOURS + 1, min(MOST_ROWS, MOST_VALUES // max(dimensions, 1)))
        self.kept: Tensor
        self.padding: Tensor
        self.register_buffer("kept", torch.zeros(places, dimensions))
        self.register_buffer("padding", torch.full((places,), torch.inf))

    def keep(self, x: Tensor) -> None:
        """Keep these rows (N, D), no more than there are places."""
        self.kept.zero_()[: len(x)] = x.to(self.kept.dtype)
        self.padding.fill_(torch.inf)[: len(x)] = 0.0

    @property
    def count(self) -> int:
        """How many rows are kept."""
        return int((self.padding == 0).sum())

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) → (B,)."""
        nobody = torch.full((len(x),), -1, device=x.device)
        pieces = zip(x.split(CHUNK), nobody.split(CHUNK), strict=True)
        return torch.cat([self.distances(rows, own).mean(1) for rows, own in pieces])

    def leave_one_out(self) -> Tensor:
        """The same for the kept rows themselves, none of which is its own neighbour, (count,)."""
        own = torch.arange(self.count, device=self.kept.device)
        return torch.cat([self.distances(self.kept[rows], rows).mean(1) for rows in own.split(CHUNK)])

    def distances(self, x: Tensor, own: Tensor) -> Tensor:
        """To the nearest k kept rows but the one numbered `own` (B,), nearest first: (B, k).

        Where fewer are kept, the farthest stands in; where none is, zero. Candidates are found by the product of
        matrices, which is quick and rounds; their distances are then taken anew.
        """
        near = self.padding + self.kept.square().sum(1) - 2 * x @ self.kept.T
        near = near.masked_fill(own[:, None] == torch.arange(len(self.kept), device=x.device), torch.inf)
        values, index = near.topk(NEIGHBOURS, dim=1, largest=False)
        exact = (x[:, None] - self.kept[index]).square().sum(2).sqrt()
        there = torch.isfinite(values)
        farthest = exact.where(there, 0.0).amax(1, keepdim=True)
        return exact.where(there, farthest).sort(1).values
