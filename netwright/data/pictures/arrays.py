"""Arrays and tensors of pictures, alone or in a list, to an album.

N pictures, C channels, H height, W width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from netwright.core.errors import InputError
from netwright.data.pictures.album import Album
from netwright.data.pictures.labels import check_lengths, label_columns, labels_table, numbered, target_name
from netwright.data.pictures.loaders import ArrayPictures
from netwright.data.sources.arrays import is_tensor, tensor_array
from netwright.data.table import Series

CHANNELS = (1, 3, 4)
"""Lengths of an axis that make it the channels; 4 is colour and opacity."""
LABEL = "label"


def has_picture_shape(value: object) -> bool:
    """Whether this is an array or tensor of three or four dimensions."""
    return (isinstance(value, np.ndarray) or is_tensor(value)) and value.ndim in (3, 4)  # type: ignore[attr-defined]


def pictures_of(value: Any, name: str) -> np.ndarray:
    """Pictures (N, H, W), (N, C, H, W), (N, H, W, C), or one of (H, W, 3 or 4), as a view (N, C, H, W).

    Where both the second and the last axis could be the channels, they are 1 or 3 rather than 4, and pictures are
    square; if that leaves it open, the channels of a tensor come second, of an array last.
    Raises InputError for other shapes and for elements that are no real numbers.
    """
    first = is_tensor(value)
    array = tensor_array(value, name) if first else np.asarray(value)
    if array.dtype.kind not in "buif" or 0 in array.shape or array.ndim not in (3, 4):
        raise _no_pictures(array, name)
    if array.ndim == 3:
        one = array.shape[2] in (3, 4) and min(array.shape[:2]) >= 8
        return array.transpose(2, 0, 1)[None] if one else array[:, None]
    second, last = array.shape[1] in CHANNELS, array.shape[3] in CHANNELS
    if second and last:
        square_second, square_last = array.shape[2] == array.shape[3], array.shape[1] == array.shape[2]
        second = first if square_second == square_last else square_second
        if 4 in (array.shape[1], array.shape[3]) and array.shape[1] != array.shape[3]:
            second = array.shape[3] == 4
    if not second and not last:
        raise _no_pictures(array, name)
    return array if second else array.transpose(0, 3, 1, 2)


def array_album(value: Any, name: str, labels: Any = None, *, target: str | None = None) -> Album:
    """An album of one array or tensor of pictures, and of their labels where given."""
    pictures = pictures_of(value, name)
    columns: dict[str, Series] = {}
    if labels is not None:
        key = target_name(target, LABEL)
        check_lengths(len(pictures), len(labels), key, name)
        columns = label_columns(labels, key, name)
    table = labels_table(numbered(len(pictures)), columns, name)
    return Album(table, "image", ArrayPictures(pictures), next(iter(columns), None))


def list_album(values: Sequence[Any], name: str) -> Album:
    """An album of a list of arrays, one a picture, of any sizes: (H, W), (H, W, C) or (C, H, W)."""
    pictures = [_single(value, f"{name}, picture {i}") for i, value in enumerate(values, start=1)]
    alike = len({(p.shape, p.dtype) for p in pictures}) == 1
    loader = ArrayPictures(np.stack(pictures) if alike else tuple(pictures))
    return Album(labels_table(numbered(len(pictures)), {}, name), "image", loader)


def _single(value: Any, name: str) -> np.ndarray:
    """One picture as a view (C, H, W)."""
    array = tensor_array(value, name) if is_tensor(value) else np.asarray(value)
    if array.ndim == 2:
        return pictures_of(array[None], name)[0]
    if array.ndim == 3 and array.shape[2] not in CHANNELS and array.shape[0] in CHANNELS:
        return pictures_of(array[None].transpose(0, 2, 3, 1), name)[0]
    return pictures_of(array[None], name)[0]


def _no_pictures(array: np.ndarray, name: str) -> InputError:
    return InputError(
        f"{name}: this array can't be read as pictures.",
        got=f"shape {array.shape}, element type {array.dtype}",
        wanted="numbers of shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1, 3 or 4",
        fix="Reshape it so; array.transpose moves the axis of the channels.",
    )
