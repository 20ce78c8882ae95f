"""A table in memory, and the one file that imports polars.

Everything else works on a `Table` and on the series it hands out, so that the library behind it can be changed here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from typing import Any, Literal

import numpy as np
import polars as pl

from netwright.core.notice import Notice

Series = pl.Series
Storage = Literal["text", "boolean", "integer", "float", "datetime", "date", "time", "duration", "decimal", "category",
                  "nothing", "list", "nested", "object", "bytes", "other"]  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Named columns of one length.

    Columns of text sources are strings until `cells.celltypes.convert` has read them; binary sources bring their types.
    `name` is the file (or "table" for values from memory); rows are named by their number, the first data row being 1.
    """

    frame: pl.DataFrame
    name: str = "table"
    notices: tuple[Notice, ...] = field(default=())

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.frame.height

    @property
    def columns(self) -> list[str]:
        """Column names, in the order of the source."""
        return self.frame.columns

    def __getitem__(self, column: str) -> Series:
        return self.frame[column]

    def take(self, rows: np.ndarray) -> "Table":
        """The rows with these positions (from 0), in this order."""
        return replace(self, frame=self.frame[np.asarray(rows)])

    def row_hashes(self) -> np.ndarray:
        """(N,) a number for each row, equal for rows that are equal in every column."""
        return self.frame.hash_rows(seed=0).to_numpy()

    def without(self, columns: Sequence[str]) -> "Table":
        """The table without these columns; names it does not have are ignored."""
        return replace(self, frame=self.frame.drop(columns, strict=False))

    def with_columns(self, columns: Mapping[str, Any]) -> "Table":
        """The table with these columns added, or replaced where the name exists."""
        return replace(self, frame=self.frame.with_columns([pl.Series(k, v) for k, v in columns.items()]))

    def beneath(self, other: "Table") -> "Table":
        """This table with the rows of the other below its own; only the columns of this one are taken.

        Columns that hold other types are both taken as text.
        """
        frame, more = self.frame, other.frame.select(self.columns)
        text = [name for name in self.columns if frame[name].dtype != more[name].dtype]
        as_text = [pl.col(name).cast(pl.String) for name in text]
        return replace(self, frame=frame.with_columns(as_text).vstack(more.with_columns(as_text)))

    def blanked(self, columns: Sequence[str], where: np.ndarray) -> "Table":
        """The table with the values of these columns taken away in the rows where the mask (N,) is true."""
        mask = pl.Series(where)
        return replace(self, frame=self.frame.with_columns([blank(self.frame[name], mask) for name in columns]))


class Unreadable(Exception):
    """The polars reader gave up; its own words are in the message. Callers turn it into an InputError."""


def series_of(name: str, values: Any) -> Series:
    """A series of a NumPy array, or of a list that holds one Python type and None."""
    return pl.Series(name, values, strict=True)


def missing_series(name: str, rows: int) -> Series:
    """A text series without a single value."""
    return pl.Series(name, [None] * rows, dtype=pl.String)


def table_of(columns: Sequence[Series], name: str, notices: Sequence[Notice] = ()) -> Table:
    """A table of series whose names differ and whose lengths agree."""
    return Table(frame=pl.DataFrame(list(columns)), name=name, notices=tuple(notices))


def frame_columns(frame: Any) -> list[Series]:
    """The columns of a polars frame."""
    return frame.get_columns()


def parse_csv(data: bytes, delimiter: str, *, quoted: bool, named: bool) -> list[Series]:
    """The body of delimited UTF-8 text, every cell a string; `named` text has a header to skip. Raises Unreadable."""
    quote = '"' if quoted else None
    read = partial(pl.read_csv, separator=delimiter, quote_char=quote, infer_schema=False, has_header=named)
    return _guard(lambda: read(data).get_columns())


def parse_parquet(data: bytes) -> list[Series]:
    """The columns of a Parquet file. Raises Unreadable."""
    return _guard(lambda: pl.read_parquet(BytesIO(data)).get_columns())


def parse_arrow(data: bytes, *, stream: bool) -> list[Series]:
    """The columns of an Arrow file (Feather 2) or an Arrow stream. Raises Unreadable."""
    read = pl.read_ipc_stream if stream else pl.read_ipc
    return _guard(lambda: read(BytesIO(data)).get_columns())


def _guard(read: Callable[[], list[Series]]) -> list[Series]:
    # A damaged file can make polars panic; its PanicException is not an Exception.
    try:
        return read()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise Unreadable(str(error).strip().split("\n")[0]) from error


def storage(series: Series) -> Storage:
    """What a series holds, in netwright's words."""
    dtype = series.dtype
    if isinstance(dtype, pl.List | pl.Array):
        inner = storage(pl.Series(dtype=dtype.inner)) if dtype.inner is not None else "other"
        return "list" if inner in ("text", "category", "integer", "boolean", "nothing") else "nested"
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    return _STORAGE.get(dtype.base_type(), "other")


_STORAGE: dict[Any, Storage] = {
    pl.String: "text",
    pl.Boolean: "boolean",
    pl.Datetime: "datetime",
    pl.Date: "date",
    pl.Time: "time",
    pl.Duration: "duration",
    pl.Decimal: "decimal",
    pl.Categorical: "category",
    pl.Enum: "category",
    pl.Null: "nothing",
    pl.Struct: "nested",
    pl.Object: "object",
    pl.Binary: "bytes",
}


def joined(series: Series) -> Series:
    """A column of lists as texts, their items joined by `|`."""
    if isinstance(series.dtype, pl.Array):
        series = series.arr.to_list()
    return series.cast(pl.List(pl.String)).list.join("|", ignore_nulls=True)


def naive_utc(series: Series) -> Series:
    """A column of dates or date-times as naive UTC date-times in microseconds; a date becomes its midnight."""
    zoned = isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is not None
    series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else series
    return series.cast(pl.Datetime("us"))


def blank(series: Series, where: Series) -> Series:
    """The series with its value taken away wherever the mask is true."""
    return pl.select(pl.when(~where).then(series).alias(series.name)).to_series()


def first_of(series: Series, other: Series) -> Series:
    """The series, its gaps filled from another of the same type."""
    return pl.select(pl.coalesce(series, other).alias(series.name)).to_series()


def missing_times(name: str, rows: int) -> Series:
    """A series of date-times without a single value."""
    return pl.Series(name, [None] * rows, dtype=pl.Datetime("us"))


def holding(columns: Sequence[Series], words: Sequence[str]) -> list[bool]:
    """Whether each column of text holds one of these words, white space around them aside; all looked at in one go."""
    return _of_each(columns, lambda text: text.str.strip_chars().is_in(words).any())


def plain_numbers(columns: Sequence[Series]) -> list[bool]:
    """Whether each column of text holds numbers that can be read in one way only, with or without a decimal point."""
    code, point = (
        r"^[+-]?0\d|^[+-]?\d{16}",
        r"\.\d{0,2}$|\.\d{4}|^[+-]?0?\.|[eE]",
    )  # a point not followed by three digits
    numbers = _of_each(columns, lambda text: text.str.strip_chars().cast(float, strict=False).is_not_nan().sum())
    some = [n > 0 and n == len(s) - s.null_count() for n, s in zip(numbers, columns, strict=True)]
    left = [series for series, good in zip(columns, some, strict=True) if good]
    codes = iter(_of_each(left, lambda text: text.str.contains(code).any()))
    clear = iter(_of_each(left, lambda text: text.str.contains(point).any() | ~text.str.contains(r"\.").any()))
    return [good and not next(codes) and next(clear) for good in some]


def _of_each(columns: Sequence[Series], ask: Callable[[pl.Expr], pl.Expr]) -> list[Any]:
    frame = pl.DataFrame([series.alias(str(i)) for i, series in enumerate(columns)])
    return list(frame.select([ask(pl.col(str(i))) for i in range(len(columns))]).row(0)) if columns else []


def picture_bytes(series: Series) -> tuple[list[bytes | None], list[str | None]] | None:
    """(N,) the bytes and (N,) the paths in a column of bytes or of structs {bytes, path}; None for any other column."""
    paths: list[str | None] = [None] * len(series)
    if isinstance(series.dtype, pl.Struct):
        inner = {field.name: field.dtype for field in series.dtype.fields}
        if inner.get("bytes") != pl.Binary:
            return None
        if inner.get("path") == pl.String:
            paths = series.struct.field("path").to_list()
        series = series.struct.field("bytes")
    return (series.to_list(), paths) if series.dtype == pl.Binary else None


def matrix_of(table: Table, columns: Sequence[str]) -> np.ndarray | None:
    """(N, F) the numbers in these columns, also where they are written as text: int32 or float32.

    None where a cell is empty or no number.
    """
    frame = table.frame.select(columns)
    if not all(dtype.is_numeric() or dtype == pl.String for dtype in frame.dtypes):
        return None
    stripped = [pl.col(n).str.strip_chars() if d == pl.String else pl.col(n) for n, d in frame.schema.items()]
    frame = frame.select([column.cast(pl.Float32, strict=False) for column in stripped])
    if any(series.null_count() or not series.is_finite().all() for series in frame.get_columns()):
        return None
    values = frame.to_numpy()
    whole = bool((values == np.rint(values)).all()) and bool((np.abs(values) < 2**24).all())
    return values.astype(np.int32) if whole else values
