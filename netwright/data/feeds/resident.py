"""Tensors that stay on the device, batches taken from them by index."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from netwright.core.trees import mapped
from netwright.data.feeds.order import Order, steps_of

SPAN = 1024
"""Batches that an order is cut into at once."""


class Resident:
    """N rows as a tree of tensors (N, …) on `device`, and batches of the same form.

    `at(rows)` is the batch of these positions, (B,) int64 on the device, always a copy: what a module does to its
    input in place never reaches `data`. A batch has the strides a DataLoader's would have.
    """

    at: Callable[[Tensor], Any]

    def __init__(self, data: Any, *, batch_size: int, drop_last: bool, order: Order, device: torch.device) -> None:
        self.rows, self.batch_size, self.drop_last, self.device = order.rows, batch_size, drop_last, device
        self.steps = steps_of(self.rows, batch_size, drop_last)
        self.data = mapped(lambda x: x.to(device), data)
        self.at = gather(self.data)
        self.shuffle = order.shuffle
        self._order = order

    def draw(self) -> int:
        """The seed of the next epoch's order. Takes from torch's streams what iterating a DataLoader takes."""
        return self._order.draw()

    def order(self, seed: int) -> Tensor:
        """(N,) int64 on the device, to be read only: the order of the rows that belongs to a seed."""
        return self._order.of(seed).to(self.device)

    def epoch(self, seed: int, start: int = 0) -> Iterator[Any]:
        """The batches of one epoch from number `start` on. It seeks, it never replays."""
        at, size = self.at, self.batch_size
        order = self.order(seed)[: self.steps * size]
        for first in range(start * size, len(order), SPAN * size):
            for rows in order[first : first + SPAN * size].split(size):
                yield at(rows)


def gather(tree: Any) -> Callable[[Tensor], Any]:
    """rows (B,) → the tree of these rows, (B, …) each.

    `index_select` keeps the strides a DataLoader gives where `x[rows]` makes others of a channels-last tensor, and is
    several times faster on rows of bytes. The usual forms are written out: walking the tree costs as much as a select.
    """
    if isinstance(tree, Tensor):
        select = tree.index_select
        return lambda rows: select(0, rows)
    if type(tree) in {tuple, list} and all(isinstance(x, Tensor) for x in tree):
        selects = [x.index_select for x in tree]
        if type(tree) is list:
            return lambda rows: [select(0, rows) for select in selects]
        if len(selects) == 2:
            first, second = selects
            return lambda rows: (first(0, rows), second(0, rows))
        return lambda rows: tuple([select(0, rows) for select in selects])
    return lambda rows: mapped(lambda x: x.index_select(0, rows), tree)
