"""Rows as tensors that stay on the device, handed out in batches by index."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.core.batch import Batch


@dataclass(frozen=True, kw_only=True)
class Batches:
    """N rows and how they are cut. `inputs` each (N, …), `target` (N, …), `fold` (N,) as in `Batch`.

    `rows` (M,) are the positions that train; the rest are there to validate. The last batch of an epoch may be smaller.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    fold: Tensor
    rows: Tensor
    batch_size: int

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return -(-len(self.rows) // self.batch_size)

    def epoch(self, seed: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from number `start` on. The order is this seed's: it seeks, it never replays."""
        order = torch.randperm(len(self.rows), generator=torch.Generator().manual_seed(seed))
        order = self.rows[order.to(self.rows.device)]
        for first in range(start * self.batch_size, len(order), self.batch_size):
            yield self.at(order[first : first + self.batch_size])

    def at(self, rows: Tensor) -> Batch:
        """The rows with these positions as one batch."""
        return Batch(inputs=tuple(x[rows] for x in self.inputs), target=self.target[rows], fold=self.fold[rows])

    def training(self) -> Batch:
        """Every row that trains, as one batch: what a closed-form fit or a set of quantiles is measured on."""
        return self.at(self.rows)
