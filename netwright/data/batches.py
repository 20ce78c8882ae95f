"""Rows as tensors that stay on the device, handed out in batches by index."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.core import trees
from netwright.core.batch import Batch


@dataclass(frozen=True, kw_only=True)
class Batches:
    """N rows and how they are cut. `inputs` each (N, …), `target` (N, …), `fold` (N,) as in `Batch`.

    `rows` (M,) are the positions that train. The last batch of an epoch may be smaller. Where the rows are too many for
    the device, they lie elsewhere, and each batch is brought to `device`.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    fold: Tensor
    rows: Tensor
    batch_size: int
    device: torch.device | None = None

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
        batch = Batch(inputs=tuple(x[rows] for x in self.inputs), target=self.target[rows], fold=self.fold[rows])
        if self.device is None or batch.target.device == self.device:
            return batch
        return trees.mapped(lambda tensor: tensor.to(self.device), batch)

    def training(self, most: int | None = None) -> Batch:
        """Every row that trains, as one batch, or `most` of them spread evenly: what statistics are measured on."""
        return self.at(_spread(self.rows, most))

    def validating(self, most: int | None = None) -> Batch:
        """Every row that validates, as one batch, or `most` of them spread evenly."""
        return self.at(_spread(torch.nonzero(self.fold >= 0).flatten(), most))


def _spread(rows: Tensor, most: int | None) -> Tensor:
    return rows if most is None or len(rows) <= most else rows[torch.linspace(0, len(rows) - 1, most).long()]
