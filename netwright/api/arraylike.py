"""X and y as scikit-learn hands them over: to a table of features, and to an array of targets."""

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from netwright.core.errors import InputError, InputTypeError
from netwright.core.notice import NetwrightWarning
from netwright.data.sources.arrays import array_table, dict_table, is_tensor, tensor_array
from netwright.data.sources.frames import frame_table, is_frame
from netwright.data.sources.values import complex_refused
from netwright.data.table import Table, storage

KINDS = {
    "integer": "number",
    "float": "number",
    "boolean": "boolean",
    "date": "datetime",
    "datetime": "datetime",
}
"""What columns of these types are taken for, whatever their values look like."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """X as a table. `names` are the columns' own names, None where they have none: the table's are then x0, x1, …

    `kinds` are, by column, what columns that are no text are taken for.
    """

    table: Table
    names: tuple[str, ...] | None
    kinds: dict[str, str]


def read_features(x: Any) -> Features:
    """X, (N, F), as a table.

    `x` is an array, a tensor, a list of rows, a frame of pandas or polars, or a dict of columns.
    Raises InputError for another shape, no rows, no columns or complex numbers, InputTypeError for a sparse matrix.
    """
    if type(x).__module__.startswith("scipy.sparse"):
        raise InputTypeError(
            "X is a sparse matrix, and sparse input is not supported.",
            got=f"{type(x).__qualname__} of shape {x.shape}",
            wanted="a dense array or a frame",
            fix="Give X.toarray().",
        )
    if isinstance(x, Mapping):
        table = dict_table(x, "X")
        return Features(table=table, names=tuple(table.columns), kinds=_kinds(table, []))
    if not is_frame(x):
        table = array_table(_array(x), "X")
        return Features(table=table, names=None, kinds=_kinds(table, []))
    _check_shape(getattr(x, "shape", (1, 1)))
    table = frame_table(x, "X")
    labels = list(x.columns)
    named = all(isinstance(label, str) for label in labels)
    if not named:
        table = renamed(table, [f"x{i}" for i in range(len(labels))])
    types = zip(table.columns, map(str, getattr(x, "dtypes", [])), strict=False)
    chosen = [name for name, kind in types if kind.lower().startswith(("categor", "enum"))]
    return Features(table=table, names=tuple(labels) if named else None, kinds=_kinds(table, chosen))


def renamed(table: Table, names: list[str]) -> Table:
    """The table with other column names."""
    return replace(table, frame=table.frame.rename(dict(zip(table.columns, names, strict=True))))


def _kinds(table: Table, categories: list[str]) -> dict[str, str]:
    """The kinds of columns that are no text. A constant column gets none, and is left out, unless there is no other."""
    kinds = {name: KINDS[storage(table[name])] for name in table.columns if storage(table[name]) in KINDS}
    kinds |= dict.fromkeys(categories, "category")
    varying = {name: kind for name, kind in kinds.items() if table[name].n_unique() > 1}
    return varying or {name: kind for name, kind in kinds.items() if table[name].null_count() < table.rows}


def _array(x: Any) -> np.ndarray:
    """(N, F) of numbers or objects."""
    if is_tensor(x):
        array = tensor_array(x, "X")
    else:
        array = x if isinstance(x, np.ma.MaskedArray) else as_array(x, "X")
        if array.dtype.kind in "US" and isinstance(x, list | tuple):
            array = as_array(x, "X", dtype=object)  # NumPy would make text of the numbers beside a text
    _check_shape(array.shape)
    if array.dtype.kind == "O":
        _check_cells(array)
    return array


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        raise InputError(
            f"Expected 2D array, got {len(shape)}D array instead. Reshape your data.",
            got=f"shape {tuple(shape)}",
            wanted="X of shape (rows, columns)",
            fix="array.reshape(-1, 1) makes a column of one feature, array.reshape(1, -1) a row of one example.",
        )
    for length, what in zip(shape, ("sample", "feature"), strict=True):
        if not length:
            raise InputError(
                f"Found array with 0 {what}(s) (shape={tuple(shape)}) while a minimum of 1 is required.",
                got=f"shape {tuple(shape)}",
                wanted="X of shape (rows, columns), one of each at the least",
                fix=f"Give X with {what}s.",
            )


def _check_cells(array: np.ndarray) -> None:
    for row in array:
        for value in row:
            if isinstance(value, Mapping):
                raise InputTypeError(
                    f"A cell's argument must be a string or a number, not {type(value).__name__!r}.",
                    got=f"{value!r:.60}",
                    wanted="numbers, booleans, dates and texts",
                    fix="Make a column of each of its fields, or leave the column out.",
                )


def as_array(values: Any, name: str, dtype: Any = None) -> np.ndarray:
    """The values as NumPy has them. Raises InputError for rows of different lengths."""
    if is_tensor(values):
        return tensor_array(values, name)
    try:
        return np.asarray(values, dtype=dtype)
    except ValueError as error:
        raise InputError(
            f"{name} can't be read as an array.",
            got=str(error)[:200],
            wanted="rows of one length",
            fix=f"Give {name} the same number of values in every row.",
        ) from None


def read_target(y: Any, estimator: str, rows: int | None = None) -> np.ndarray:
    """y as an array, (N,) or (N, T) with T > 1; a column vector is flattened, with a warning.

    Raises InputError where y is None, has another length than X has `rows`, is complex, or has gaps or infinities.
    """
    if y is None:
        raise InputError(
            f"This {estimator} estimator requires y to be passed, but the target y is None.",
            got="y=None",
            wanted="a target for each row of X",
            fix="fit(X, y).",
        )
    values = as_array(y.toarray() if type(y).__module__.startswith("scipy.sparse") else y, "y")
    if values.ndim == 2 and values.shape[1] == 1:
        _warn_of_column(values.shape)
        values = values[:, 0]
    if values.ndim not in (1, 2):
        raise InputError(
            f"y should be a 1d array, got an array of shape {values.shape} instead.",
            got=f"shape {values.shape}",
            wanted="(rows,), or (rows, targets) for several targets",
            fix="Give one target, or one row of targets, for each row of X.",
        )
    if rows is not None and len(values) != rows:
        raise InputError(
            f"Found input variables with inconsistent numbers of samples: [{rows}, {len(values)}].",
            got=f"{rows} rows of X, {len(values)} of y",
            wanted="as many of both",
            fix="Give y one value for each row of X.",
        )
    _check_values(values)
    return values


def _check_values(values: np.ndarray) -> None:
    if values.dtype.kind == "c":
        raise complex_refused("y", f"type {values.dtype}")
    if values.dtype.kind == "O":
        cells = values.ravel().tolist()
        missing = any(v is None or type(v).__name__ in ("NAType", "NaTType") for v in cells)
        missing |= any(isinstance(v, float) and np.isnan(v) for v in cells)
        infinite = any(isinstance(v, float) and np.isinf(v) for v in cells)
    else:
        missing = values.dtype.kind == "f" and bool(np.isnan(values).any())
        infinite = values.dtype.kind == "f" and bool(np.isinf(values).any())
    if missing or infinite:
        raise InputError(
            f"Input y contains {'NaN' if missing else 'infinity'}.",
            got="a target that is missing" if missing else "a target that is infinite",
            wanted="a known, finite target for each row",
            fix="Leave those rows out of X and y.",
        )


def _warn_of_column(shape: tuple[int, ...]) -> None:
    kind = getattr(sys.modules.get("sklearn.exceptions"), "DataConversionWarning", NetwrightWarning)
    what = f"A column-vector y was passed when a 1d array was expected: shape {shape}. Give y.ravel()."
    warnings.warn(what, kind, stacklevel=4)


def read_weights(weights: Any, rows: int) -> np.ndarray | None:
    """Weights of rows, (N,) float64, or None where none are given. Raises InputError for another shape."""
    if weights is None:
        return None
    values = as_array(weights, "sample_weight", dtype=np.float64)
    if values.shape != (rows,):
        raise InputError(
            "sample_weight does not fit the rows.",
            got=f"sample_weight of shape {values.shape} for {rows} samples",
            wanted=f"shape ({rows},)",
            fix="Give a weight for each row of X.",
        )
    return values
