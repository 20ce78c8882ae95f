"""The delimiter and the header of delimited text, found from its first records."""

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

DELIMITERS = "\t;|,"
"""Tried in this order where they explain the text equally well: a comma may also be a decimal mark, the others not."""
NONE = "\x1f"
"""Stands for the delimiter of text with a single column; a control character made for the purpose."""
SAMPLE = 1 << 20
"""Bytes looked at."""
RECORDS = 200
"""Records looked at."""
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?|[+-]?inf|nan", re.IGNORECASE)


@contextmanager
def large_cells() -> Iterator[None]:
    """Let the csv module read cells of any size; its limit belongs to the process and is put back."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def head(data: bytes) -> list[str]:
    """The first records' lines, whole."""
    cut = len(data)
    if cut > SAMPLE:
        cut = data.rfind(b"\n", 0, SAMPLE) + 1 or data.find(b"\n") + 1 or cut
    return io.StringIO(data[:cut].decode("utf-8", errors="replace"), newline="\n").readlines()


def records(lines: list[str], delimiter: str, most: int = RECORDS) -> list[list[str]]:
    """The first records that are not blank, parsed; none beyond one that can't be."""
    found: list[list[str]] = []
    with large_cells(), suppress(csv.Error):
        for record in csv.reader(lines, delimiter=delimiter):
            if not found or len(record) > 1 or (record and record[0].strip()):
                found.append(record)
            if len(found) == most:
                break
    return found


def find_delimiter(data: bytes) -> str:
    """The delimiter under which most records have the header's number of fields; NONE for a single column."""
    lines = head(data)
    best, best_share = NONE, -1.0
    for delimiter in DELIMITERS:
        sizes = [len(record) for record in records(lines, delimiter)]
        share = _share(sizes)
        if share > best_share:
            best, best_share = delimiter, share
    return best


def _share(sizes: list[int]) -> float:
    """The share of records that agree with the header; below zero where this can't be the delimiter."""
    header, rows = sizes[0] if sizes else 1, sizes[1:]
    if header > 1:
        return sum(size == header for size in rows) / len(rows) if rows else header / 1e6
    size, count = Counter(rows).most_common(1)[0] if rows else (1, 0)
    # One name above rows that all have three fields or more is a title above a table, not a column of text.
    return 0.0 if size > 2 and count == len(rows) > 2 else -1.0


def is_header(cells: list[str]) -> bool:
    """Whether these are names: not all of them numbers, unless 0, 1, 2 …, as pandas writes for want of names."""
    cells = [cell.strip() for cell in cells]
    if not all(NUMBER.fullmatch(cell) and any(map(str.isdigit, cell)) for cell in cells):
        return True  # a column may well be called "nan" or "inf"
    return len(cells) > 2 and cells == [str(i) for i in range(len(cells))]
