"""Delimited text whose quotes keep to no rule, read record by record: slow, and only where the fast reader can't."""

import csv
import io
from contextlib import suppress

from netwright.core.errors import InputError
from netwright.data.sources.dialect import large_cells

SENTINEL = "\x1fend\x1f"


def parse(data: bytes, delimiter: str, name: str, above: int = 0) -> list[tuple[int, list[str]]]:
    """(line, cells) of every record, the header first; a blank line has no cells. A quote inside a cell is a letter.
    `above` lines of the file stand above the data.

    Raises InputError where a quote that opens a cell is never closed.
    """
    found: list[tuple[int, list[str]]] = []
    lines = [*io.StringIO(data.decode(), newline="\n"), "\n" + SENTINEL]
    if lines[-2].endswith("\n"):
        lines[-1] = SENTINEL
    with large_cells():
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        line = 1 + above
        try:
            for record in reader:
                found.append((line, record))
                line = reader.line_num + 1 + above
        except csv.Error as error:
            raise unreadable(name, line, str(error)) from error
    start, last = found.pop()
    if last != [SENTINEL]:
        raise never_closed(name, start)
    return found


def open_line(data: bytes, delimiter: str) -> int:
    """The line, from 1, where the quote that is never closed opens a cell."""
    start = 1
    with large_cells(), suppress(csv.Error):
        reader = csv.reader(io.StringIO(data.decode(), newline="\n"), delimiter=delimiter)
        before = 1
        for _ in reader:
            start, before = before, reader.line_num + 1
    return start


def never_closed(name: str, line: int) -> InputError:
    """The error for a quote that opens a cell and swallows the rest of the file."""
    return InputError(
        f"{name}, line {line}: a double quote opens a cell and is never closed.",
        got="a cell that runs to the end of the file",
        wanted='a closing double quote; a quote inside a quoted cell is written twice ("")',
        fix=f"Close the quote in line {line}, or take it away.",
    )


def unreadable(name: str, line: int, why: str) -> InputError:
    """The error for a record that has no meaning."""
    return InputError(
        f"{name}, line {line}: this record can't be read.",
        got=why,
        wanted="cells between delimiters, records that end with a line break",
        fix=f"Mend line {line}; a cell that holds a line break must stand in double quotes.",
    )
