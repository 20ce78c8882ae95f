"""Arrays by name, as in an `.npz` file or a dict, to an album: x and y, or x_train, y_train, x_test, y_test.

N pictures, C channels, H height, W width.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.pictures.album import Album
from netwright.data.pictures.arrays import LABEL, has_picture_shape, pictures_of
from netwright.data.pictures.labels import IMAGE, check_lengths, label_columns, labels_table, numbered, target_name
from netwright.data.pictures.loaders import ArrayPictures
from netwright.data.sources.arrays import is_tensor, tensor_array
from netwright.data.sources.numpy_file import Part, part_and_role
from netwright.data.table import Series, series_of

ORDER: tuple[Part, ...] = ("training", "validation", "test")


def named_album(arrays: Mapping[str, Any], name: str, *, target: str | None = None) -> Album:
    """An album of arrays by name: x or images and y or labels, or x_train … x_test, the test rows then divided off.

    The column of classes is called `label`, or `target` where that is given. A part without labels is not divided off
    where others have them. Raises InputError where no array holds pictures, or labels do not match them.
    """
    found = _pictures(arrays, name)
    parts = [part for part in ORDER if part in found]
    pictures = [pictures_of(arrays[found[part]], name) for part in parts]
    _check_alike(pictures, parts, name)
    rows = [len(p) for p in pictures]
    labels = _labels(arrays, found, parts, target)
    own = target_name(target, LABEL)
    columns = _columns(arrays, labels, parts, rows, own, name)
    first = next(iter(columns), None)
    beside = _beside(arrays, {*found.values(), *labels.values()}, rows, name) if len(parts) == 1 else {}
    columns |= {key: series for key, series in beside.items() if key not in (*columns, IMAGE)}
    left = [key for key in arrays if key not in {*found.values(), *labels.values(), *columns}]
    notices = [Notice(what=f"{name}: {', '.join(map(repr, left))} was not read")] if left else []
    table = labels_table(numbered(sum(rows)), columns, name)
    whole = pictures[0] if len(pictures) == 1 else np.concatenate(pictures)
    return Album(table, IMAGE, ArrayPictures(whole), first, _given(parts, rows, labels), tuple(notices))


def _pictures(arrays: Mapping[str, Any], name: str) -> dict[Part, str]:
    """The name of the array of pictures of each part."""
    wide = [key for key, value in arrays.items() if has_picture_shape(value)]
    if not wide:
        shapes = [f"{key} {getattr(value, 'shape', type(value).__name__)}" for key, value in arrays.items()]
        raise InputError(
            f"{name} holds no pictures.",
            got="; ".join(shapes) or "nothing",
            wanted="an array of shape (N, H, W), (N, H, W, C) or (N, C, H, W)",
            fix="Save the pictures as such: numpy.savez(path, x=pictures, y=labels).",
        )
    found: dict[Part, str] = {}
    for key in sorted(wide, key=lambda key: part_and_role(key)[1] != "rows"):
        found.setdefault(part_and_role(key)[0], key)
    return found


def _labels(
    arrays: Mapping[str, Any], found: Mapping[Part, str], parts: Sequence[Part], target: str | None
) -> dict[Part, str]:
    """The name of the array of labels of each part that has one."""
    flat = [key for key, value in arrays.items() if key not in found.values() and _is_flat(value)]
    labels = {part_and_role(key)[0]: key for key in reversed(flat) if part_and_role(key)[1] == "labels"}
    if target is not None and target in flat:
        labels[part_and_role(target)[0]] = target
    if not labels and len(flat) == len(parts) == 1:
        labels = {parts[0]: flat[0]}
    return {part: key for part, key in labels.items() if part in parts}


def _columns(
    arrays: Mapping[str, Any],
    labels: Mapping[Part, str],
    parts: Sequence[Part],
    rows: Sequence[int],
    own: str,
    name: str,
) -> dict[str, Series]:
    """The labels of all parts, one under the other; gaps for a part without."""
    if not labels:
        return {}
    for part, count in zip(parts, rows, strict=True):
        if part in labels:
            check_lengths(count, len(arrays[labels[part]]), labels[part], name)
    values = [_matrix(arrays[labels[part]], name) if part in labels else None for part in parts]
    whole = [value for value in values if value is not None]
    if len(whole) == len(parts):
        return label_columns(np.concatenate(whole), own, name)
    items: list[object] = []
    for value, count in zip(values, rows, strict=True):
        items += [None] * count if value is None else value[:, 0].tolist()
    return {own: series_of(own, items)}


def _beside(arrays: Mapping[str, Any], used: set[str], rows: Sequence[int], name: str) -> dict[str, Series]:
    """Every other array of one value a picture."""
    flat = {key: value for key, value in arrays.items() if key not in used and _is_flat(value)}
    columns = [label_columns(value, key, name) for key, value in flat.items() if len(value) == rows[0]]
    return {key: series for made in columns if len(made) == 1 for key, series in made.items()}


def _given(parts: Sequence[Part], rows: Sequence[int], labels: Mapping[Part, str]) -> dict[str, np.ndarray]:
    begins = np.concatenate([[0], np.cumsum(rows)])
    return {
        part: np.arange(begins[i], begins[i + 1])
        for i, part in enumerate(parts)
        if part != "training" and len(parts) > 1 and (part in labels or not labels)
    }


def _is_flat(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value)
    return (isinstance(value, np.ndarray) or is_tensor(value)) and value.ndim in (1, 2)


def _matrix(values: Any, name: str) -> np.ndarray:
    """(N, K) of labels of any form."""
    array = tensor_array(values, name) if is_tensor(values) else np.asarray(values)
    return array.reshape(len(array), -1)


def _check_alike(pictures: Sequence[np.ndarray], parts: Sequence[str], name: str) -> None:
    if len({(p.shape[1:], p.dtype) for p in pictures}) > 1:
        raise InputError(
            f"{name}: its parts hold pictures of different forms.",
            got="; ".join(f"{part} {p.shape[1:]} {p.dtype}" for part, p in zip(parts, pictures, strict=True)),
            wanted="one size, one number of channels and one element type",
            fix="Save the parts in files of their own and give them as the source, --validation and --test.",
        )
