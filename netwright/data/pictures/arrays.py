"""Arrays and tensors of pictures, alone, in a list, or by name as in an `.npz` file, to an album.

N pictures, C channels, H height, W width.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.pictures.album import Album
from netwright.data.pictures.labels import check_lengths, label_columns, labels_table, numbered, target_name
from netwright.data.pictures.loaders import ArrayPictures
from netwright.data.sources.arrays import is_tensor, tensor_array
from netwright.data.sources.numpy_file import Part, part_and_role
from netwright.data.table import Series, series_of

CHANNELS = (1, 3, 4)
"""Lengths of an axis that make it the channels; 4 is colour and opacity."""
LABEL = "label"


def has_picture_shape(value: object) -> bool:
    """Whether this is an array or tensor of three or four dimensions."""
    return (isinstance(value, np.ndarray) or is_tensor(value)) and value.ndim in (3, 4)  # type: ignore[attr-defined]


def pictures_of(value: Any, name: str) -> np.ndarray:
    """Pictures (N, H, W), (N, C, H, W), (N, H, W, C), or one of (H, W, 3 or 4), as a view (N, C, H, W).

    Where both the second and the last axis could be the channels, pictures are square; if that leaves it open, the
    channels of a tensor come second, of an array last.
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


def named_album(arrays: Mapping[str, Any], name: str, *, target: str | None = None) -> Album:
    """An album of arrays by name: x or images and y or labels, or x_train … x_test, the test rows then divided off.

    Raises InputError where no array holds pictures, or labels do not match them.
    """
    found = _by_part(arrays, name)
    parts = [part for part in ("training", "validation", "test") if part in found]
    pictures = [pictures_of(arrays[found[part]], name) for part in parts]
    _check_alike(pictures, parts, name)
    begins = np.concatenate([[0], np.cumsum([len(p) for p in pictures])])
    own_parts = [(part, i) for i, part in enumerate(parts) if part != "training" and len(parts) > 1]
    given: dict[str, np.ndarray] = {part: np.arange(begins[i], begins[i + 1]) for part, i in own_parts}
    columns, own, used = _columns(arrays, found, parts, [len(p) for p in pictures], name, target)
    left = [key for key in arrays if key not in used and key not in found.values()]
    notices = [Notice(what=f"{name}: {', '.join(map(repr, left))} was not read")] if left else []
    whole = pictures[0] if len(pictures) == 1 else np.concatenate(pictures)
    table = labels_table(numbered(len(whole)), columns, name)
    return Album(table, "image", ArrayPictures(whole), own, given, tuple(notices))


def _by_part(arrays: Mapping[str, Any], name: str) -> dict[Part, str]:
    """The name of the array of pictures of each part."""
    wide = [key for key, value in arrays.items() if has_picture_shape(value)]
    if not wide:
        raise InputError(
            f"{name} holds no pictures.",
            got="; ".join(f"{key} {getattr(value, 'shape', type(value).__name__)}" for key, value in arrays.items()),
            wanted="an array of shape (N, H, W), (N, H, W, C) or (N, C, H, W)",
            fix="Save the pictures as such: numpy.savez(path, x=pictures, y=labels).",
        )
    found: dict[Part, str] = {}
    for key in sorted(wide, key=lambda key: part_and_role(key)[1] != "rows"):
        found.setdefault(part_and_role(key)[0], key)
    return found


def _columns(
    arrays: Mapping[str, Any],
    found: Mapping[Part, str],
    parts: Sequence[Part],
    rows: Sequence[int],
    name: str,
    target: str | None,
) -> tuple[dict[str, Series], str | None, set[str]]:
    """The columns beside the pictures, the one of classes, and the names of the arrays they come from."""
    flat = {key: value for key, value in arrays.items() if key not in found.values() and _is_labels(value)}
    labels = {part_and_role(key)[0]: key for key in reversed(flat) if part_and_role(key)[1] == "labels"}
    if target in flat:
        labels[part_and_role(str(target))[0]] = str(target)
    if not labels and len(flat) == len(parts) == 1:
        labels = {parts[0]: next(iter(flat))}
    used = {labels[part] for part in parts if part in labels}
    if not used:
        return {}, None, used
    for part, count in zip(parts, rows, strict=True):
        if part in labels:
            check_lengths(count, len(flat[labels[part]]), labels[part], name)
    own = target_name(target, LABEL)
    values = [np.asarray(_array(flat[labels[part]], name)) if part in labels else None for part in parts]
    columns = _joined(values, rows, own, name)
    if len(parts) == 1:
        for key, value in flat.items():
            if key not in used and len(value) == rows[0] and key not in (own, "image"):
                columns |= label_columns(value, key, name)
                used.add(key)
    return columns, own if own in columns else None, used


def _joined(values: Sequence[np.ndarray | None], rows: Sequence[int], key: str, name: str) -> dict[str, Series]:
    """The labels of all parts, one under the other; gaps for a part without."""
    if all(value is not None for value in values):
        return label_columns(np.concatenate([v.reshape(len(v), -1) for v in values if v is not None]), key, name)
    items: list[object] = []
    for value, count in zip(values, rows, strict=True):
        items += [None] * count if value is None else value.reshape(len(value), -1)[:, 0].tolist()
    return {key: series_of(key, items)}


def _is_labels(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value)
    return (isinstance(value, np.ndarray) or is_tensor(value)) and value.ndim in (1, 2)


def _array(value: Any, name: str) -> Any:
    return tensor_array(value, name) if is_tensor(value) else value


def _check_alike(pictures: Sequence[np.ndarray], parts: Sequence[str], name: str) -> None:
    if len({(p.shape[1:], p.dtype) for p in pictures}) > 1:
        raise InputError(
            f"{name}: its parts hold pictures of different forms.",
            got="; ".join(f"{part} {p.shape[1:]} {p.dtype}" for part, p in zip(parts, pictures, strict=True)),
            wanted="one size, one number of channels and one element type",
            fix="Save the parts in files of their own and give them as the source, --validation and --test.",
        )


def _no_pictures(array: np.ndarray, name: str) -> InputError:
    return InputError(
        f"{name}: this array can't be read as pictures.",
        got=f"shape {array.shape}, element type {array.dtype}",
        wanted="numbers of shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1, 3 or 4",
        fix="Reshape it so; array.transpose moves the axis of the channels.",
    )
