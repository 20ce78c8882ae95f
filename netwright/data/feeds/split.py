"""Data in two: rows that train and rows that validate."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, Subset

from netwright.core.errors import InputError
from netwright.core.seeds import generator
from netwright.data.feeds.arrays import formed, named, rows_of, unknown
from netwright.data.feeds.kinds import Part, is_rows, is_table, is_tree, stays


def split(data: Any, share: float, seed: int = 0) -> tuple[Any, Any]:
    """Data that trains and data that validates: a random `share` of the rows, at least one, validates.

    Both keep the order of the rows, and can be given to `feed`. Which rows they are follows from `seed` and their
    number alone; torch's global stream is not touched. Arrays and tensors are copied; of files mapped into memory and
    of datasets it is noted which rows are meant.

    Raises InputError for a share that leaves one side empty, and for data that comes in batches.
    """
    if isinstance(data, (DataLoader, IterableDataset)) or not (is_table(data) or is_rows(data) or is_tree(data)):
        raise InputError(
            "Only rows can be divided into training and validation, and this gives batches.",
            got=type(data).__qualname__,
            wanted="tensors, arrays, or a Dataset with a length",
            fix="Give validation= data of its own, in the same form.",
        )
    if is_table(data):
        raise unknown(data)
    if is_rows(data):
        train, validate = _divided(len(data), share, seed)
        return Subset(data, train.tolist()), Subset(data, validate.tolist())
    tree = dict(data) if isinstance(data, Mapping) and not isinstance(data, dict) else data
    train, validate = _divided(rows_of(tree), share, seed)
    if any(stays(leaf, torch.device("cpu")) for _, leaf in named(tree)):
        return Part(tree, train), Part(tree, validate)
    return _taken(tree, train), _taken(tree, validate)


def _divided(rows: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    count = max(1, round(rows * share)) if 0 < share < 1 else 0
    if not 0 < count < rows:
        raise InputError(
            "The validation share leaves nothing to train or to validate on.",
            got=f"share {share} of {rows} rows",
            wanted="more than 0 and less than 1, and at least one row on each side",
            fix="Give validation=0.2, or validation data of its own.",
        )
    order = torch.randperm(rows, generator=generator(seed, "validation"), device="cpu")
    return order[count:].sort().values, order[:count].sort().values


def _taken(tree: Any, rows: Tensor) -> Any:
    return formed(lambda x: x.index_select(0, rows.to(x.device)) if isinstance(x, Tensor) else x[rows.numpy()], tree)
