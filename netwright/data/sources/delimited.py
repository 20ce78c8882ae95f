"""CSV, TSV and their kin to a table of strings: nothing is parsed here, so that "007" stays "007"."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.sources import dialect, lenient
from netwright.data.sources.charset import to_utf8
from netwright.data.sources.names import check_different, name_empty
from netwright.data.sources.scan import SHOWN, Scan, scan
from netwright.data.table import Series, Table, Unreadable, parse_csv, series_of, table_of

BLANK_LINES = re.compile(rb"(?:[ \t\r]*\n)+")


@dataclass(frozen=True)
class Text:
    """Delimited text in UTF-8 and what is known of it."""

    data: bytes
    name: str
    delimiter: str
    first: list[str]
    named: bool
    """Whether `first`, its first record, holds names."""
    above: int
    """Lines of the file above the data, for the line numbers in messages."""

    def line(self, position: int) -> int:
        """The line of the file, from 1, at this byte of the data."""
        return self.data.count(b"\n", 0, position) + 1 + self.above


def read_delimited(data: bytes, name: str) -> Table:
    """The table in these bytes: encoding, delimiter, quoting and header are found out.

    Raises InputError, with the lines, for text that is empty, a header alone, ragged, or without names that differ.
    """
    utf8, notices = to_utf8(data, name)
    utf8, above, given = _trim(utf8, name)
    delimiter = given or dialect.find_delimiter(utf8)
    first = _first(utf8, delimiter, name, above)
    text = Text(utf8, name, delimiter, first, dialect.is_header(first), above)
    found = scan(utf8, delimiter)
    first, columns, more = _read_fast(text, found) if found.loose is None else _read_leniently(text, found.loose)
    notices += more
    if not text.named:
        first = [f"x{i}" for i in range(len(columns))]
        what = f"{name} has no header, its first row is all numbers: columns are called x0, x1 …"
        notices.append(Notice(what=what, fix="add a first row of names"))
    columns, more = _named(first, columns, name)
    notices += more
    return table_of(columns, name, notices)


def _first(data: bytes, delimiter: str, name: str, above: int) -> list[str]:
    found = dialect.records(dialect.head(data), delimiter, 1)
    if not found:
        raise lenient.unreadable(name, above + 1, "a carriage return inside a cell that is not quoted")
    return found[0]


def _trim(text: bytes, name: str) -> tuple[bytes, int, str | None]:
    """The text from its first line that says something, the lines above it, and the delimiter a line `sep=;` names."""
    if text[-1:] == b"\x1a":  # the end mark of DOS files
        text = text[:-1]
    if not text[:4096].strip() and not text.strip():
        raise InputError(
            f"{name} is empty.",
            got=f"{len(text):,} bytes without a record",
            wanted="a first row of column names, then one row an example",
            fix="Give a file that holds a table.",
        )
    above = 0
    if b"\r" in text and b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    blank = BLANK_LINES.match(text)
    if blank:
        above, text = text.count(b"\n", 0, blank.end()), text[blank.end() :]
    line, _, rest = text[:16].partition(b"\n")
    if line[:4].lower() == b"sep=" and len(line.strip()) == 5 and rest:
        return text[len(line) + 1 :], above + 1, chr(line[4])
    return text, above, None


def _read_fast(text: Text, found: Scan) -> tuple[list[str], list[Series], list[Notice]]:
    """First record and columns of the body by the library's parser, once the scan has seen that it loses nothing."""
    if found.open:
        raise lenient.never_closed(text.name, lenient.open_line(text.data, text.delimiter) + text.above)
    # Every row with one field more or less than the header: a trailing delimiter on one side only.
    shift = next(iter(found.fields)) - found.header if len(found.fields) == 1 else 0
    if found.odd and abs(shift) != 1:
        raise _ragged(text, found)
    _need_rows(text.name, found.records - len(found.blanks), named=text.named)
    data = text.data
    if shift == 1:
        data = data[: found.header_end].rstrip(b"\r") + text.delimiter.encode() + data[found.header_end :]
    try:
        columns = parse_csv(data, text.delimiter, quoted=b'"' in data, named=text.named)
    except Unreadable:
        columns = []
    if not columns or len(columns[0]) != found.records - text.named:
        return _read_leniently(text, None)
    if shift and not (_empty(columns[-1])):
        raise _ragged(text, found)
    columns = columns[:-1] if shift == 1 else columns
    columns, notices = _without_blanks(columns, [row - text.named for row in found.blanks], text)
    return text.first, columns, notices


def _read_leniently(text: Text, loose: int | None) -> tuple[list[str], list[Series], list[Notice]]:
    """First record and columns of the body by the csv module, which is slow but takes quotes anywhere."""
    rows = [(line, cells) for line, cells in lenient.parse(text.data, text.delimiter, text.name, text.above) if cells]
    header = len(rows[0][1])
    _need_rows(text.name, len(rows), named=text.named)
    odd = [(line, len(cells)) for line, cells in rows if len(cells) != header]
    if odd:
        raise _ragged_lines(text, header, Counter(len(cells) for _, cells in rows[1:]), odd[:SHOWN])
    notices = []
    if loose is not None:
        what = f"{text.name}, line {text.line(loose)}: a double quote is out of place; it was read as well as can be"
        notices.append(Notice(what=what, fix="quote whole cells, and double the quotes in them"))
    body = [cells for _, cells in rows[text.named :]]
    columns = [series_of(str(i), list(cells)) for i, cells in enumerate(zip(*body, strict=True))]
    return rows[0][1], columns, notices


def _empty(series: Series) -> bool:
    return not series.drop_nulls().str.strip_chars().str.len_bytes().sum()


def _need_rows(name: str, records: int, *, named: bool) -> None:
    if records - named < 1:
        raise InputError(
            f"{name} has a header but no rows.",
            got="one record, the column names",
            wanted="a row of values an example",
            fix="Give a file with rows under the header.",
        )


def _without_blanks(columns: list[Series], blanks: list[int], text: Text) -> tuple[list[Series], list[Notice]]:
    """Columns without the rows of empty lines. In a single column an empty line is a missing value, but at the end."""
    rows = len(columns[0])
    inner = list(blanks)
    last = rows - 1
    while inner and inner[-1] == last:
        last = inner.pop() - 1
    dropped = blanks if text.delimiter != dialect.NONE else blanks[len(inner) :]
    if not dropped:
        return columns, []
    keep = np.ones(rows, bool)
    keep[dropped] = False
    kept = [series.filter(series_of("", keep)) for series in columns]
    if not inner or text.delimiter == dialect.NONE:
        return kept, []
    return kept, [Notice(what=f"{text.name}: {len(inner):,} empty lines between rows were skipped")]


def _named(names: list[str], columns: list[Series], source: str) -> tuple[list[Series], list[Notice]]:
    """The columns under their names; a last column without name and values is the work of a trailing delimiter."""
    notices = []
    names = [name.strip() for name in names]
    if len(names) > 1 and not names[-1] and _empty(columns[-1]):
        names, columns = names[:-1], columns[:-1]
        notices.append(Notice(what=f"{source}: rows end with a delimiter; the empty last column was left out"))
    names, more = name_empty(names, source)
    check_different(names, source)
    return [series.alias(name) for name, series in zip(names, columns, strict=True)], notices + more


def _ragged(text: Text, found: Scan) -> InputError:
    return _ragged_lines(text, found.header, found.fields, [(text.line(at), size) for at, size in found.odd])


def _ragged_lines(text: Text, header: int, fields: Counter[int], odd: list[tuple[int, int]]) -> InputError:
    count = sum(n for size, n in fields.items() if size != header)
    most = fields.most_common(1)[0][0]
    fix = "Mend these lines; a cell that holds the delimiter must stand in double quotes."
    if most != header:
        fix = f"Most rows have {most} fields: give as many names in the header, or remove the lines above it."
    parted = f", parted by {text.delimiter!r}" if text.delimiter != dialect.NONE else ""
    return InputError(
        f"{text.name}: {count:,} of {fields.total():,} rows don't have as many fields as the header.",
        got="; ".join(f"line {line} has {size}" for line, size in odd) + (" …" if count > len(odd) else ""),
        wanted=f"{header} fields in every row{parted}",
        fix=fix,
    )
