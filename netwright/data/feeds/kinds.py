"""What kind of thing was given as data: rows in arrays, rows in a dataset, a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from netwright.core.errors import InputError
from netwright.data.feeds.arrays import on_disk, sharable

LARGE = 1 << 30
"""Bytes of an array in memory that is read where it lies rather than copied."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of arrays that are too large to copy. `rows` (M,) int64, or None for all."""

    data: Any
    rows: Tensor | None = None


def stays(leaf: Any, device: torch.device) -> bool:
    """Whether an array is read where it lies: a file, or more than it is sensible to copy to this device."""
    if on_disk(leaf):
        return True
    if device.type == "cuda" and not (isinstance(leaf, Tensor) and leaf.is_cuda):
        return leaf.nbytes > torch.cuda.mem_get_info(device)[0] // 2
    return isinstance(leaf, np.ndarray) and leaf.nbytes > LARGE and not sharable(leaf)


def is_table(data: Any) -> bool:
    """Whether it is a table or a sparse matrix of some library's, whose items are not rows."""
    return any(hasattr(type(data), name) for name in ("to_numpy", "__dataframe__", "toarray"))


def is_rows(data: Any) -> bool:
    """Whether it is a dataset that gives one row for one index."""
    if isinstance(data, Dataset):
        if not hasattr(data, "__len__"):
            raise InputError(
                "The dataset does not say how many rows it has.",
                got=f"{type(data).__qualname__} without __len__",
                wanted="a Dataset with __len__ and __getitem__, or an IterableDataset",
                fix="Write def __len__(self) for it.",
            )
        return True
    sized = hasattr(type(data), "__getitem__") and hasattr(type(data), "__len__")
    known = (Tensor, np.ndarray, tuple, list, Mapping, str, bytes, torch.nn.Module)
    return sized and not isinstance(data, known) and not is_table(data)


def is_tree(data: Any) -> bool:
    """Whether it is arrays and tensors, or a form of them: what has one row for each row of a batch."""
    if isinstance(data, (Part, Tensor, np.ndarray, tuple, Mapping)):
        return True
    return is_dataclass(data) and not isinstance(data, (type, Iterable)) and not callable(data)
