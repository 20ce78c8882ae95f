"""Rows too many to hold: memory-mapped files, read in blocks ahead of the training."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.core.trees import mapped
from netwright.core.trees import rows as length
from netwright.data.feeds.ahead import ahead
from netwright.data.feeds.arrays import formed, named
from netwright.data.feeds.order import Order, steps_of
from netwright.data.feeds.resident import gather

BLOCK_BYTES = 2 << 20
"""Bytes read at once, if not a batch alone is more; three or four such blocks are held."""
BLOCK_BATCHES = 128
"""Batches read at once at most."""
WIDE = 512
"""Bytes of a row from which a second copy costs more than reading in the order of the file saves."""

ALIGNED = 64
"""Bytes that torch aligns its memory to. A product may round otherwise where its input lies otherwise."""


class Stream:
    """N rows as a tree of arrays or tensors (N, …) in the host's memory or in files; the batches a `Resident` gives.

    A thread reads the rows of several batches at once. Narrow rows are read in the order they lie in, and a batch is
    taken from them by index, on the device; wide rows are read in the order they are wanted in, and copied once.
    `chosen` (M,) are the rows to read, where not all.
    """

    def __init__(
        self,
        arrays: Any,
        *,
        batch_size: int,
        drop_last: bool,
        order: Order,
        device: torch.device,
        chosen: Tensor | None = None,
    ) -> None:
        self.arrays, self.chosen, self.device = arrays, chosen, device
        self.rows, self.batch_size, self.drop_last, self.shuffle = order.rows, batch_size, drop_last, order.shuffle
        self.steps = steps_of(self.rows, batch_size, drop_last)
        self._order = order
        self._readers = formed(reader, arrays)
        row = sum(leaf.nbytes / len(leaf) for _, leaf in named(arrays))
        self._wide = row >= WIDE
        self._block = batch_size * int(max(1, min(BLOCK_BATCHES, BLOCK_BYTES / (batch_size * max(row, 1)))))

    def draw(self) -> int:
        """The seed of the next epoch's order. Takes from torch's streams what iterating a DataLoader takes."""
        return self._order.draw()

    def epoch(self, seed: int, start: int = 0) -> Iterator[Any]:
        """The batches of one epoch from number `start` on. It seeks, it never replays."""
        order = self._order.of(seed)[start * self.batch_size : self.steps * self.batch_size]
        if len(order) <= self._block:  # nothing is left to read ahead: a thread would cost more than it hides
            if len(order):
                yield from self._batches(*self._read(order))
            return
        with closing(ahead(map(self._read, order.split(self._block)))) as blocks:
            for block, places in blocks:
                yield from self._batches(block, places)

    def _read(self, order: Tensor) -> tuple[Any, Tensor | None]:
        """The rows of an order as a tree of tensors, and where in it each is; None where they lie in that order."""
        rows = (order if self.chosen is None else self.chosen[order]).numpy()
        places = None
        if not self._wide:
            lying = np.argsort(rows)
            places = torch.empty(len(rows), dtype=torch.int64, device="cpu")
            places.numpy()[lying] = np.arange(len(rows))
            rows = rows[lying]
        # Every call that lets Python's lock go may cost two changes of threads: one for each array and block.
        block = formed(lambda read: read(rows), self._readers)
        if self.device.type != "cuda":
            return block, places
        return mapped(Tensor.pin_memory, block), None if places is None else places.pin_memory()

    def _batches(self, block: Any, places: Tensor | None) -> Iterator[Any]:
        if self.device.type != "cpu":
            block = mapped(lambda x: x.to(self.device, non_blocking=True), block)
        if places is not None:
            at = gather(block)
            for rows in places.to(self.device, non_blocking=True).split(self.batch_size):
                yield at(rows)
            return
        cut = mapped(lambda x: iter(parts(x, self.batch_size)), block)
        for _ in range(0, length(block), self.batch_size):
            yield formed(next, cut)


def parts(x: Tensor, size: int) -> list[Tensor]:
    """The tensor cut into `size` rows each, every part aligned as a tensor of its own would be."""
    cut = list(x.split(size))
    return cut if x[:1].nbytes * size % ALIGNED == 0 else [part.clone() for part in cut]


def reader(array: np.ndarray | Tensor) -> Callable[[np.ndarray], Tensor]:
    """rows (B,) → these rows of the array (B, …) as a tensor in memory of torch's, aligned as torch aligns."""
    if isinstance(array, Tensor):
        held = array.detach().cpu()
        return lambda rows: held.index_select(0, torch.from_numpy(rows))
    plain = np.asarray(array)
    kind = torch.from_numpy(np.empty(0, plain.dtype.newbyteorder("="))).dtype
    # `take` reads without Python's lock, but of an array that does not lie straight it would copy the whole.
    straight = plain.flags.c_contiguous and plain.flags.aligned and plain.dtype.isnative

    def read(rows: np.ndarray) -> Tensor:
        taken = torch.empty((len(rows), *plain.shape[1:]), dtype=kind, device="cpu")
        if straight:
            # Every row is within bounds; with the default mode, "raise", NumPy would read into a buffer first.
            plain.take(rows, axis=0, out=taken.numpy(), mode="clip")
        else:
            taken.numpy()[...] = plain[rows]
        return taken

    return read
