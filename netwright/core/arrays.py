"""Between arrays and tensors, and how many rows a network sees at once.

N rows, n of them, C channels, H height, W width.
"""

import math
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

MOST_ROWS = 2048
"""Rows a forward pass sees: fixed, so that the same rows give the same bits. More leave the cache and were slower."""
MEMORY = 2**30
"""Bytes that what a network makes of a chunk of pictures, sequences or texts may take, more or less."""
WIDENED = 64
"""Numbers a network makes of each pixel and channel, or step and channel, more or less, while they are all held."""
TOKEN = 1024
"""Numbers it makes of each token likewise."""


def as_tensor(values: np.ndarray) -> Tensor:
    """The array's own memory as a tensor, also where it is a file that is only read: nobody may write into it."""
    if any(stride < 0 for stride in values.strides):
        values = values.copy()  # turned round, which torch can't look at
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(values)


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Values from 0 to 1 as uint8 from 0 to 255."""
    scaled = np.clip(values, 0, 1)
    scaled *= 255
    return np.round(scaled, out=scaled).astype(np.uint8)


def at_once(inputs: Sequence[np.ndarray | Tensor]) -> int:
    """How many rows of these inputs (N, …) a network may see at once.

    Fewer of large pictures (N, C, H, W), of long sequences (N, T, C) and of long texts, whole numbers (N, T).
    """
    first = inputs[0]
    tokens = first.ndim == 2 and str(first.dtype).removeprefix("torch.").startswith("int")
    if first.ndim < 3 and not tokens:
        return MOST_ROWS
    widened = TOKEN if tokens else WIDENED
    return max(1, min(MOST_ROWS, MEMORY // max(1, 4 * widened * math.prod(first.shape[1:]))))


def chunks(inputs: Sequence[np.ndarray | Tensor], rows: np.ndarray | None = None) -> Iterator[tuple[Tensor, ...]]:
    """The inputs (N, …) as tensors, chunk by chunk: all of them, or the `rows` (n,) with these positions.

    Without any rows there is one chunk, an empty one, so that whoever asks learns the shape of the answer.
    """
    tensors = tuple(as_tensor(x) if isinstance(x, np.ndarray) else x for x in inputs)
    count, step = len(tensors[0]) if rows is None else len(rows), at_once(inputs)
    for start in range(0, max(1, count), step):
        if rows is None:
            yield tuple(x[start : start + step] for x in tensors)
        else:
            which = torch.from_numpy(np.asarray(rows[start : start + step], dtype=np.int64))
            yield tuple(x[which.to(x.device)] for x in tensors)
