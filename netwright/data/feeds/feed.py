"""What is given as data, and the feed it becomes: the one place where that is decided."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from netwright.core.errors import InputError
from netwright.data.feeds.arrays import formed, named, rows_of, tensor, unknown
from netwright.data.feeds.iterable import Given
from netwright.data.feeds.kinds import Part, is_rows, is_table, is_tree, stays
from netwright.data.feeds.loader import Replaying, loaded, refuse_empty
from netwright.data.feeds.order import Order
from netwright.data.feeds.resident import Resident
from netwright.data.feeds.stream import Stream


class Feed(Protocol):
    """What the training loop reads batches from."""

    @property
    def steps(self) -> int | None:
        """Batches in one epoch; None where it can't be known."""
        ...

    def draw(self) -> int:
        """The seed of the next epoch's order. Takes from torch's streams what the loop written by hand would take."""
        ...

    def epoch(self, seed: int, start: int = 0) -> Iterator[Any]:
        """The batches of one epoch from number `start` on, on the feed's device, in the form of the data."""
        ...


def feed(data: Any, *, batch_size: int, shuffle: bool, drop_last: bool, device: str | torch.device) -> Feed:
    """The feed of whatever is given as data; what is a feed already is given back.

    Arrays and tensors, alone or in tuples, dicts and dataclasses, and a TensorDataset are cut into batches by index;
    files mapped into memory, and what would not fit, are read in blocks as needed. Any other dataset goes through a
    DataLoader made with these options. A DataLoader, a list of batches, an iterable of batches, or a function that
    makes an iterator of them has batches already: the options are not for it.

    Raises InputError for what can't be cut into batches, naming what to give instead.
    """
    device = torch.device(device)
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InputError(
            "batch_size must be a whole number of rows.",
            got=repr(batch_size),
            wanted="1 or more",
            fix="Give batch_size=32, or batch_size=len(x) for all rows at once.",
        )
    if all(hasattr(data, name) for name in ("steps", "draw", "epoch")):
        return data
    if isinstance(data, DataLoader):
        return loaded(data, device)
    if isinstance(data, IterableDataset):
        return Replaying(DataLoader(data, batch_size, drop_last=drop_last), device, prefetch=True)
    if is_rows(data):
        refuse_empty(data)
        return loaded(DataLoader(data, batch_size, shuffle=shuffle, drop_last=drop_last), device)
    if is_tree(data):
        return _cut(data, batch_size, shuffle, drop_last, device)
    if (
        is_table(data)
        or isinstance(data, (str, bytes, type, torch.nn.Module))
        or not (isinstance(data, Iterable) or callable(data))
    ):
        raise unknown(data)
    return Given(data, device)


def _cut(data: Any, batch_size: int, shuffle: bool, drop_last: bool, device: torch.device) -> Feed:
    part = data if isinstance(data, Part) else Part(data)
    tree = dict(part.data) if isinstance(part.data, Mapping) and not isinstance(part.data, dict) else part.data
    rows = rows_of(tree)
    order = Order(rows if part.rows is None else len(part.rows), shuffle)
    if part.rows is not None or any(stays(leaf, device) for _, leaf in named(tree)):
        return Stream(tree, batch_size=batch_size, drop_last=drop_last, order=order, device=device, chosen=part.rows)
    tensors = formed(lambda leaf: tensor(leaf) if isinstance(leaf, np.ndarray) else leaf, tree)
    return Resident(tensors, batch_size=batch_size, drop_last=drop_last, order=order, device=device)
