"""pandas and polars frames, and others alike, to a table. The one file that imports narwhals."""

from typing import Any

import narwhals as nw

from netwright.core.errors import InputError, InputTypeError
from netwright.core.notice import Notice
from netwright.data.sources.arrays import array_series
from netwright.data.sources.names import check_different
from netwright.data.sources.tidy import tidy_table
from netwright.data.sources.values import as_text, values_series
from netwright.data.table import Series, Table, frame_columns, series_of


def is_frame(source: object) -> bool:
    """Whether narwhals knows this as a frame or a series."""
    try:
        return nw.from_native(source, pass_through=True, allow_series=True) is not source
    except nw.exceptions.DuplicateError:
        return True


def frame_table(source: Any, name: str) -> Table:
    """A table of a frame's columns, or of one series. pandas' index is ignored, with a notice if it says anything.

    Raises InputTypeError for a lazy frame, InputError for columns that have the same name or several levels of names.
    """
    _check_labels(source, name)
    frame: Any = nw.from_native(source, allow_series=True)
    if isinstance(frame, nw.LazyFrame):
        raise InputTypeError(
            f"{name} is a lazy frame.",
            got=type(source).__name__,
            wanted="a frame whose rows are in memory, in their order",
            fix="Call .collect() on it.",
        )
    if isinstance(frame, nw.Series):
        frame = frame.alias(str(frame.name or "x0")).to_frame()
    if frame.implementation.is_polars():
        return tidy_table(frame_columns(frame.to_native()), name)
    columns = [_series(str(key), frame[:, i], name) for i, key in enumerate(frame.columns)]
    return tidy_table(columns, name, _index_notice(source, name))


def _check_labels(source: Any, name: str) -> None:
    """pandas allows labels that are no names; narwhals would only say that they are duplicates."""
    labels = list(getattr(source, "columns", [])) if hasattr(source, "iloc") else []
    if any(isinstance(label, tuple) for label in labels):
        raise InputError(
            f"{name}: the columns have several levels of names.",
            got=", ".join(map(str, labels[:3])),
            wanted="one name a column",
            fix="Join the levels: frame.columns = ['_'.join(map(str, label)) for label in frame.columns].",
        )
    check_different([str(label) for label in labels], name)


def _series(key: str, column: Any, name: str) -> Series:
    """One column of a frame of another library, without the help of pyarrow."""
    dtype = column.dtype
    missing = column.is_null()
    if dtype.is_numeric() and not isinstance(dtype, nw.Decimal):
        if not missing.any():
            return array_series(key, column.to_numpy(), name)
        if dtype.is_integer():
            return series_of(key, [None if gap else int(v) for v, gap in zip(column, missing, strict=True)])
        return array_series(key, column.cast(nw.Float64).to_numpy().astype(float), name)
    values = [None if gap else value for value, gap in zip(column.to_list(), missing.to_list(), strict=True)]
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return values_series(key, [None if v is None else as_text(v) for v in values], name)
    return values_series(key, values, name)


def _index_notice(source: Any, name: str) -> list[Notice]:
    index = getattr(source, "index", None)
    if index is None or callable(index):
        return []
    plain = type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1
    if plain and index.name is None:
        return []
    called = f" {index.name!r}" if getattr(index, "name", None) is not None else ""
    what = f"{name}: the index{called} of the frame is no column and was ignored"
    return [Notice(what=what, fix="frame.reset_index() makes a column of it")]
