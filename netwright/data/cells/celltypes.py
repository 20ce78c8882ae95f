"""What the cells of a table are, found once, and tables read accordingly, now and later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from netwright.core.cells import CellType
from netwright.core.notice import Notice
from netwright.data.cells.guess import WORDS, Guess, guess_plain, guess_text
from netwright.data.cells.number_text import to_numbers
from netwright.data.cells.time_text import ISO, date_of, find_formats, to_times
from netwright.data.table import Series, Table, blank, first_of, missing_times, naive_utc, plain_numbers, storage

SHOWN = 5
TRUE, FALSE = ({pair[side] for pair in WORDS} | {str(1 - side)} for side in (0, 1))
MONTH_FIRST = ("%m/", "%m-")


@dataclass(frozen=True)
class Problem:
    """Cells of one column that could not be read as it is read, and are missing now."""

    column: str
    count: int
    rows: tuple[int, ...]
    """The first of their rows, from 1."""
    values: tuple[str, ...]
    """The first of their different texts."""
    wanted: str
    """The kind the column is read as."""


def infer_types(table: Table) -> tuple[dict[str, CellType], list[Notice]]:
    """How the cells of every column are read, and what was not clear.

    A column of text is of a kind if 95 % of its values are, every value having been looked at, and the others hold few
    different texts. Where marks can be read in two ways (1,234 or 1.234; 3/4/2024), the other columns decide; where
    none does, a comma parts thousands, a point decimals, and the month comes first, with a notice.
    """
    texts = [table[name] for name in table.columns if storage(table[name]) == "text"]
    plain = {series.name for series, clear in zip(texts, plain_numbers(texts), strict=True) if clear}
    guesses = {name: guess_plain(table[name]) if name in plain else _guess(table[name]) for name in table.columns}
    notices = [notice for guess in guesses.values() for notice in guess.notices]
    chosen = {}
    for name, guess in guesses.items():
        chosen[name] = guess.cell
        if guess.either is not None:
            chosen[name], why = _choose(guess, guesses)
            notices += [_unclear(name, table[name], chosen[name], why)] if why else []
    return chosen, notices


def _guess(series: Series) -> Guess:
    match storage(series):
        case "text":
            return guess_text(series)
        case "boolean":
            return Guess(CellType(kind="boolean"))
        case "date" | "datetime":
            return Guess(CellType(kind="datetime"))
        case _:
            return Guess(CellType(kind="number"))


def _choose(guess: Guess, guesses: Mapping[str, Guess]) -> tuple[CellType, str]:
    """One of the two readings, as the clear columns of the table have it, and why; no words where it is the usual."""
    both = [cell for cell in (guess.cell, guess.either) if cell is not None]
    votes = [_vote(other.cell) for other in guesses.values() if other.marks and other.cell.kind == guess.cell.kind]
    counts = [votes.count(_vote(cell)) for cell in both]
    if counts[1] > counts[0]:
        return both[1], "as in the other columns"
    if counts[0] > counts[1]:
        return both[0], "as in the other columns"
    usual = guess.cell.kind == "number" and guess.cell.decimal == "." and not guess.cell.thousands
    return guess.cell, "" if usual else "no value decides"


def _vote(cell: CellType) -> str:
    if cell.kind == "number":
        return cell.decimal
    date = date_of(cell.time_format or ISO)
    return "month" if date.startswith(MONTH_FIRST) else "day" if date.startswith("%d") else ""


def _unclear(name: str, series: Series, cell: CellType, why: str) -> Notice:
    text = series.drop_nulls().str.strip_chars()
    example = text.filter(text.str.contains(r"[.,/-]"))[0]
    if cell.kind == "number":
        mark = "thousands" if cell.thousands else "decimals"
        what = f"{name!r}: the mark in {example!r} is taken to part {mark} ({why})"
        return Notice(what=what, fix="write numbers as 1234.5", column=name)
    what = f"{name!r}: in {example!r} the {_vote(cell)} is taken to come first ({why})"
    return Notice(what=what, fix="write dates as YYYY-MM-DD", column=name)


def convert(table: Table, types: Mapping[str, CellType]) -> tuple[Table, dict[str, Problem]]:
    """The table with each column of `types` read as it says, and by column the cells that could not be.

    Numbers become float64, booleans booleans, date-times naive UTC in microseconds (a date its midnight), the rest
    stripped text. A cell that does not fit becomes missing and is counted. Columns that `types` does not know, and
    types of columns the table lacks, are left alone.
    """
    columns, problems = {}, {}
    for name, cell in types.items():
        if name in table.columns:
            columns[name] = _READERS[cell.kind](table[name], cell)
            if columns[name].null_count() > table[name].null_count():
                problems[name] = _problem(table[name], columns[name].is_null() & table[name].is_not_null(), cell)
    frame = table.frame.with_columns(**columns) if columns else table.frame
    return replace(table, frame=frame), problems


def _problem(series: Series, lost: Series, cell: CellType) -> Problem:
    rows = tuple(int(row) + 1 for row in lost.arg_true().head(SHOWN))
    values = tuple(str(v) for v in series.filter(lost).unique(maintain_order=True).head(SHOWN))
    return Problem(series.name, int(lost.sum()), rows, values, cell.kind)


def _numbers(series: Series, cell: CellType) -> Series:
    match storage(series):
        case "text":
            return to_numbers(series.str.strip_chars(), (cell.decimal, cell.thousands))
        case "integer" | "float" | "boolean":
            return series.cast(float).fill_nan(None)
    return blank(series.cast(int), series.is_not_null()).cast(float)


def _booleans(series: Series, cell: CellType) -> Series:
    match storage(series):
        case "boolean":
            return series
        case "text":
            text = series.str.strip_chars().str.to_lowercase()
            true, false = (*TRUE, (cell.true or "true").lower()), (*FALSE, (cell.false or "false").lower())
            return blank(text.is_in(true), ~text.is_in([*true, *false]))
        case "integer" | "float":
            return blank(series == 1, (series != 0) & (series != 1))
    return blank(series.is_null(), series.is_not_null())


def _times(series: Series, cell: CellType) -> Series:
    match storage(series):
        case "date" | "datetime":
            return naive_utc(series)
        case "text":
            text = series.str.strip_chars()
            form = cell.time_format or next(iter(_formats(text)), ISO)
            times = to_times(text, form)[0]
            # ISO 8601 can be mistaken for nothing else, so it is always welcome.
            iso = blank(text, times.is_not_null())
            return times if iso.null_count() == len(iso) else first_of(times, to_times(iso, ISO)[0])
    return missing_times(series.name, len(series))


def _formats(text: Series) -> list[str]:
    present = text.drop_nulls()
    return find_formats(present, present.head(2000))[1] if len(present) else []


def _texts(series: Series, cell: CellType) -> Series:
    match storage(series):
        case "text":
            return series.str.strip_chars()
        case "float":
            whole = series.is_finite() & (series == series.round()) & (series.abs() < 1e15)
            return first_of(blank(series, ~whole).cast(int).cast(str), series.cast(str))
        case "datetime":
            times = naive_utc(series)
            midnight = (times == times.dt.truncate("1d")).all()
            return times.dt.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M:%S")
    return series.cast(str)


_READERS: dict[str, Callable[[Series, CellType], Series]] = {
    "number": _numbers,
    "boolean": _booleans,
    "datetime": _times,
    "string": _texts,
}
