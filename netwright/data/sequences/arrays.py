"""Arrays, tensors and lists of arrays to sequences.

N sequences, T steps, C channels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netwright.core.errors import InputError
from netwright.data.pictures.labels import label_columns
from netwright.data.sequences.collection import NAME, Sequences, channel_names, finite, numbered, padded
from netwright.data.sources.arrays import is_tensor, tensor_array
from netwright.data.sources.numpy_file import Part, part_and_role
from netwright.data.table import Series, series_of, table_of

LABEL = "label"
PARTED: tuple[Part, ...] = ("training", "validation", "test")
LENGTHS = "length"
"""What the name of an array of lengths holds."""


def array_sequences(
    values: Any, name: str, labels: Any = None, *, lengths: Any = None, target: str | None = None
) -> Sequences:
    """Sequences of an array (N, T, C) or (N, T), or of a list of (T, C) or (T,), and their labels where given.

    Raises InputError for other shapes, for elements that are no real numbers, and for labels or lengths that don't fit.
    """
    steps, count = _values(values, name, lengths)
    columns: dict[str, Series] = {}
    if labels is not None:
        columns = label_columns(labels, target or LABEL, name)
        if len(next(iter(columns.values()))) != len(steps):
            raise InputError(
                f"{name}: there are not as many labels as sequences.",
                got=f"{len(steps):,} sequences and {len(next(iter(columns.values()))):,} labels",
                wanted="one label a sequence",
                fix="Give as many labels as there are sequences.",
            )
    own = next(iter(columns)) if len(columns) == 1 else None
    steps, notices = finite(steps, name)
    names = series_of(NAME, numbered(len(steps)))
    return Sequences(
        table=table_of([names, *(series.alias(key) for key, series in columns.items())], name),
        values=steps,
        lengths=count,
        channels=channel_names(steps.shape[2]),
        target=own,
        classes=own is not None and not columns[own].dtype.is_float(),
        notices=tuple(notices),
    )


def named_sequences(arrays: Mapping[str, np.ndarray], name: str, *, target: str | None = None) -> dict[Part, Sequences]:
    """The parts of named arrays: training (x, y, lengths), and where there are any, validation and test (x_test, …)."""
    found: dict[Part, Sequences] = {}
    for part in PARTED:
        own = {key: array for key, array in arrays.items() if part_and_role(key)[0] == part}
        lengths = next((array for key, array in own.items() if LENGTHS in key.lower()), None)
        rows = [array for array in own.values() if array.ndim == 3]
        labels = next((array for key, array in own.items() if part_and_role(key)[1] == "labels"), None)
        rows = rows or [a for k, a in own.items() if a.ndim == 2 and part_and_role(k)[1] != "labels"]
        if len(rows) == 1:
            found[part] = array_sequences(rows[0], name, labels, lengths=lengths, target=target)
        elif part == "training":
            raise _no_sequences("; ".join(f"{key} {array.shape}" for key, array in arrays.items()), name)
    return found


def _values(values: Any, name: str, lengths: Any) -> tuple[np.ndarray, np.ndarray]:
    """(N, T, C), NaN past the ends, and lengths (N,)."""
    if isinstance(values, list | tuple):
        parts = [_single(value, f"{name}, sequence {i}") for i, value in enumerate(values, start=1)]
        if not parts or len({part.shape[1] for part in parts}) > 1:
            counts = sorted({part.shape[1] for part in parts})
            raise _no_sequences(f"{len(parts)} sequences of {' and '.join(map(str, counts)) or 'no'} channels", name)
        return padded(parts, name)
    array = _array(values, name)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise _no_sequences(f"shape {array.shape}", name)
    steps = _floats(array if array.ndim == 3 else array[:, :, None])
    if lengths is None:
        return steps, np.full(len(steps), steps.shape[1], dtype=np.int64)
    count = _array(lengths, name).reshape(-1)
    if len(count) != len(steps) or (count != np.round(count)).any() or count.min() < 0 or count.max() > steps.shape[1]:
        raise InputError(
            f"{name}: the lengths do not fit the sequences.",
            got=f"{len(count):,} lengths from {count.min()} to {count.max()} for an array of shape {steps.shape}",
            wanted=f"a whole number from 0 to {steps.shape[1]} for each of {len(steps):,} sequences",
            fix="Correct the array of lengths; a length counts the steps of a sequence that are no padding.",
        )
    count = count.astype(np.int64)
    past = np.arange(steps.shape[1]) >= count[:, None]
    return np.where(past[:, :, None], steps.dtype.type(np.nan), steps), count


def _single(value: Any, name: str) -> np.ndarray:
    """One sequence as (T, C)."""
    array = _array(value, name)
    if array.ndim not in (1, 2):
        raise _no_sequences(f"shape {array.shape}", name)
    return _floats(array if array.ndim == 2 else array[:, None])


def _array(value: Any, name: str) -> np.ndarray:
    array = tensor_array(value, name) if is_tensor(value) else np.asarray(value)
    if array.dtype.kind not in "buif":
        raise _no_sequences(f"shape {array.shape}, element type {array.dtype}", name)
    return array


def _floats(array: np.ndarray) -> np.ndarray:
    """As float32 where that holds every number of this type, else as float64."""
    return array.astype(np.float32 if np.can_cast(array.dtype, np.float32) else np.float64)


def _no_sequences(got: str, name: str) -> InputError:
    return InputError(
        f"{name}: this can't be read as sequences.",
        got=got,
        wanted="numbers of shape (sequences, steps, channels), or a list of arrays (steps, channels) of any lengths",
        fix="Reshape it so: array.transpose moves an axis, array[:, :, None] makes one channel.",
    )


def is_list_of_sequences(values: Sequence[Any]) -> bool:
    """Whether this is a list of arrays or tensors (T, C) or (T,)."""
    return bool(len(values)) and all((isinstance(v, np.ndarray) or is_tensor(v)) and v.ndim in (1, 2) for v in values)
