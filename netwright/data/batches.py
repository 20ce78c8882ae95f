"""Rows as tensors that stay on the device, handed out in batches by index."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.core import trees
from netwright.core.batch import Batch

POOL = 64
"""Batches whose rows are put in the order of their lengths together: enough that those of a batch are alike, few enough
that batches differ from epoch to epoch."""


@dataclass(frozen=True, kw_only=True)
class Batches:
    """N rows and how they are cut. `inputs` each (N, …), `target` (N, …), `fold` (N,) as in `Batch`.

    `rows` (M,) are the positions that train. The last batch of an epoch may be smaller. Where the rows are too many for
    the device, they lie elsewhere, and each batch is brought to `device`.

    `lengths`, where given, says of each input how much of its axis 1 (N,) is no padding, or None. Rows of like length
    then share a batch, and what is padding in all rows of one is cut off, to one of a few lengths, so that batches have
    few shapes. An epoch has `draw` of the rows at most, others each time: windows overlap, and all of them are many
    times the data.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    fold: Tensor
    rows: Tensor
    batch_size: int
    device: torch.device | None = None
    lengths: tuple[Tensor | None, ...] = ()
    draw: int | None = None

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        return -(-min(len(self.rows), self.draw or len(self.rows)) // self.batch_size)

    def epoch(self, seed: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from number `start` on. The order is this seed's: it seeks, it never replays."""
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self.rows), generator=generator)[: self.draw]
        order = self.rows[order.to(self.rows.device)]
        cut = (
            self._alike(order, generator) if any(x is not None for x in self.lengths) else order.split(self.batch_size)
        )
        for rows in cut[start:]:
            yield self.at(rows)

    def at(self, rows: Tensor) -> Batch:
        """The rows with these positions as one batch."""
        inputs = [x[rows] for x in self.inputs]
        for i, lengths in enumerate(self.lengths):
            if lengths is not None and len(rows):
                inputs[i] = inputs[i][:, : rounded(int(lengths[rows].max()))]
        batch = Batch(inputs=tuple(inputs), target=self.target[rows], fold=self.fold[rows])
        if self.device is None or batch.target.device == self.device:
            return batch
        return trees.mapped(lambda tensor: tensor.to(self.device), batch)

    def training(self, most: int | None = None) -> Batch:
        """Every row that trains, as one batch, or `most` of them spread evenly: what statistics are measured on."""
        return self.at(spread(self.rows, most))

    def validating(self, most: int | None = None) -> Batch:
        """Every row that validates, as one batch, or `most` of them spread evenly."""
        return self.at(spread(torch.nonzero(self.fold >= 0).flatten(), most))

    def _alike(self, order: Tensor, generator: torch.Generator) -> list[Tensor]:
        """The rows in this order cut into batches of like length, the batches at random again."""
        lengths = next(x for x in self.lengths if x is not None)
        batches = [
            rows
            for pool in order.split(POOL * self.batch_size)
            for rows in pool[lengths[pool].argsort(stable=True)].split(self.batch_size)
        ]
        return [batches[i] for i in torch.randperm(len(batches), generator=generator)]


def rounded(length: int) -> int:
    """The least of the lengths 8, 12, 16, 20, 24, 32, 48, 64, 96, 128 … that is no less: few, yet none far off."""
    if length <= 24:
        return max(8, -(-length // 4) * 4)
    step = 1 << ((length - 1).bit_length() - 2)
    return -(-length // step) * step


def spread(rows: Tensor, most: int | None) -> Tensor:
    """The rows (n,), or `most` of them spread evenly."""
    return rows if most is None or len(rows) <= most else rows[torch.linspace(0, len(rows) - 1, most).long()]
