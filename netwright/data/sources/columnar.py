"""Parquet, Arrow and Feather files to a table; they bring their own types."""

from netwright.core.errors import InputError
from netwright.data.sources.tidy import tidy_table
from netwright.data.table import Table, Unreadable, parse_arrow, parse_parquet

PARQUET, ARROW, STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"


def is_columnar(data: bytes) -> bool:
    """Whether these bytes begin as Parquet, an Arrow file (Feather 2) or an Arrow stream do."""
    return data.startswith((PARQUET, ARROW)) or (data.startswith(STREAM) and data[5:8].count(0) == 3 - bool(data[5]))


def read_columnar(data: bytes, name: str) -> Table:
    """The table in these bytes. Raises InputError for a file that is truncated, damaged or encrypted."""
    mark = next(mark for mark in (PARQUET, ARROW, STREAM) if data.startswith(mark))
    kind = {PARQUET: "Parquet", ARROW: "Arrow", STREAM: "Arrow"}[mark]
    if mark != STREAM and not (data.endswith(mark) and len(data) > 2 * len(mark)):
        raise InputError(
            f"{name} is truncated: a {kind} file ends with the mark it begins with.",
            got=f"{len(data):,} bytes that end with {data[-4:].hex(' ')}",
            wanted=f"{mark.decode()} at the end",
            fix="Copy or download the file again; part of it is missing.",
        )
    try:
        columns = parse_parquet(data) if mark == PARQUET else parse_arrow(data, stream=mark == STREAM)
    except Unreadable as error:
        raise InputError(
            f"{name} is damaged, truncated or of a form that can't be read.",
            got=f"{kind}: {error}",
            wanted=f"a whole {kind} file",
            fix="Copy the file again, or write its table anew as Parquet.",
        ) from error
    return tidy_table(columns, name)
