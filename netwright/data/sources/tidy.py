"""Columns of every kind of source brought to the few forms a table holds."""

from collections.abc import Sequence

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.pictures.sniff import HEAD, is_picture
from netwright.data.sources.names import check_different
from netwright.data.table import Series, Table, joined, missing_series, picture_bytes, storage, table_of


def tidy_table(columns: Sequence[Series], name: str, notices: Sequence[Notice] = ()) -> Table:
    """A table of text, numbers, booleans, dates and date-times. Missing numbers and missing words become gaps.

    Categories and clock times become text, decimals numbers, durations seconds, lists text joined by `|`. Bytes that
    are pictures stay. Raises InputError naming the column for nested fields, other bytes and lists of real numbers,
    and for a table without rows or columns.
    """
    if not columns or not len(columns[0]):
        raise InputError(
            f"{name} has no {'rows' if columns else 'columns'}.",
            got=f"{len(columns)} columns, 0 rows",
            wanted="one row an example, one column a property",
            fix="Give a table that holds rows.",
        )
    check_different([series.name for series in columns], name)
    return table_of([series if _holds_pictures(series) else tidy(series, name) for series in columns], name, notices)


def _holds_pictures(series: Series) -> bool:
    """Whether the first value there is, is the bytes of a picture: `pictures.embedded` takes such a column."""
    found = picture_bytes(series.drop_nulls().head(1))
    return found is not None and any(data is not None and is_picture(data[:HEAD]) for data in found[0])


def tidy(series: Series, source: str) -> Series:
    """One column in the form a table holds it in."""
    match storage(series):
        case "text" | "boolean" | "integer" | "date" | "datetime":
            return series
        case "float":
            return series.fill_nan(None)
        case "decimal" | "category" | "time" as held:
            return series.cast(float if held == "decimal" else str)
        case "duration":
            return series.dt.total_microseconds() / 1e6
        case "nothing":
            return missing_series(series.name, len(series))
        case "list":
            return joined(series)
    raise InputError(
        f"{source}: column {series.name!r} holds values that are no cells of a table.",
        got=f"column {series.name!r} of type {series.dtype}",
        wanted="numbers, booleans, dates, texts, or lists of texts",
        fix=f"Flatten {series.name!r} into a column for each of its fields, or leave the column out.",
    )
