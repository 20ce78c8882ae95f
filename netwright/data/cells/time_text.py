"""Dates and date-times written as text: how they are written, and their values in UTC."""

from netwright.data.cells.number_text import matching
from netwright.data.table import Series, blank, first_of, missing_times, naive_utc

DATES = {
    "%Y-%m-%d": r"^\d{4}-\d{1,2}-\d{1,2}(?:$|\D)",
    "%Y/%m/%d": r"^\d{4}/\d{1,2}/\d{1,2}(?:$|\D)",
    "%Y.%m.%d": r"^\d{4}\.\d{1,2}\.\d{1,2}(?:$|\D)",
    "%Y-%m": r"^\d{4}-\d{1,2}$",
    "%d.%m.%Y": r"^\d{1,2}\.\d{1,2}\.\d{4}(?:$|\D)",
    "%m/%d/%Y": r"^\d{1,2}/\d{1,2}/\d{4}(?:$|\D)",
    "%d/%m/%Y": r"^\d{1,2}/\d{1,2}/\d{4}(?:$|\D)",
    "%m-%d-%Y": r"^\d{1,2}-\d{1,2}-\d{4}(?:$|\D)",
    "%d-%m-%Y": r"^\d{1,2}-\d{1,2}-\d{4}(?:$|\D)",
    "%m/%d/%y": r"^\d{1,2}/\d{1,2}/\d{2}(?:$|\D)",
    "%d/%m/%y": r"^\d{1,2}/\d{1,2}/\d{2}(?:$|\D)",
    "%B %d, %Y": r"^[A-Za-z]{3,9} \d{1,2}, \d{4}(?:$|\D)",
    "%B %d %Y": r"^[A-Za-z]{3,9} \d{1,2} \d{4}(?:$|\D)",
    "%d %B %Y": r"^\d{1,2} [A-Za-z]{3,9} \d{4}(?:$|\D)",
    "%d-%B-%Y": r"^\d{1,2}-[A-Za-z]{3,9}-\d{4}(?:$|\D)",
    "%a, %d %B %Y": r"^[A-Za-z]{3}, \d{1,2} [A-Za-z]{3,9} \d{4}(?:$|\D)",
}
"""Every way of writing a day that is known, with what it looks like. %B takes short names of months too. Where day and
month could be either, the month comes first in this order, as pandas has it."""
ISO = "%Y-%m-%d"
CLOCKS = ("%H:%M:%S%.f", "%H:%M", "%I:%M %p", "%I:%M:%S %p")
NAIVE = ("", *(gap + clock for gap in (" ", "T", ", ") for clock in CLOCKS))
ZONED = tuple(form + zone for form in NAIVE[1:] for zone in ("%#z", " %#z"))
FIRST_YEAR = 1000
"""An earlier one is a number of two or three digits taken for a year."""


def date_of(time_format: str) -> str:
    """The part of a pattern that says the day."""
    return max((date for date in DATES if time_format.startswith(date)), key=len, default=ISO)


def to_times(text: Series, time_format: str) -> tuple[Series, str, int]:
    """(date-times as naive UTC, the pattern of most of them, how many had an offset) of stripped text.

    The day must be written as in `time_format`; the time of day may differ from cell to cell, and be absent.
    """
    date, left, most, most_count, zoned = date_of(time_format), text, time_format, 0, 0
    found = missing_times(text.name, len(text))
    for form in _forms(time_format.removeprefix(date)):
        if left.null_count() == len(left):
            break
        has_zone = form.endswith("z")
        parsed = _parse(left.str.replace(r" ?(?:UTC|GMT)$", "Z") if has_zone else left, date + form)
        count = len(parsed) - parsed.null_count()
        if count:
            found, left = first_of(found, parsed), blank(left, parsed.is_not_null())
            zoned += count if has_zone else 0
            most, most_count = (date + form, count) if count > most_count else (most, most_count)
    return found, most, zoned


def _forms(first: str) -> list[str]:
    return [first, *(form for form in (*NAIVE, *ZONED) if form != first)]


def _parse(text: Series, time_format: str) -> Series:
    parsed = naive_utc(text.str.to_datetime(time_format, time_unit="us", strict=False))
    return blank(parsed, parsed.dt.year() < FIRST_YEAR) if "%Y" in time_format else parsed


def find_formats(text: Series, sample: Series) -> tuple[float, list[str], int]:
    """The share of all cells that are date-times, the patterns that give it (the likelier first), cells with an offset.

    `sample`, some of the cells, only says which patterns are tried on all. Two patterns are equally good where no day
    is above 12.
    """
    tried = [date for date, look in DATES.items() if matching(sample, look) >= 0.5]
    found: list[tuple[float, str, int, Series]] = []
    for date in tried:
        times, time_format, zoned = to_times(text, to_times(sample, date)[1])
        found.append((1 - times.null_count() / len(text), time_format, zoned, times))
    top = max((share for share, *_ in found), default=0.0)
    best = [entry for entry in found if entry[0] == top]
    if top == 0:
        return 0.0, [], 0
    same = all(best[0][3].equals(entry[3]) for entry in best[1:])
    return top, [entry[1] for entry in best[: 1 if same else 2]], best[0][2]


def offsets(text: Series) -> int:
    """How many different offsets from UTC the cells carry."""
    return text.str.extract(r"(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$").drop_nulls().n_unique()
