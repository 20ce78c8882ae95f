"""What the time stamps of a table are: moments on one clock, whatever form they are written in. N rows."""

import re
from dataclasses import dataclass

import numpy as np

from netwright.core.errors import InputError
from netwright.data.series.step import DAY
from netwright.data.table import Series, Table, storage

NONE = np.iinfo(np.int64).min
"""Stands where there is no time stamp."""
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
OFFSET = r"(Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d)$"
"""What says the zone behind a time of day written as text."""
JOIN = "+"
"""Between the names of columns that make a time stamp together: "year+month"."""
SECONDS = (1e8, 5e9)
"""Numbers between these are taken for seconds since 1970, as milliseconds and as years those between …"""
MILLISECONDS = (1e11, 5e12)
YEARS = (1000, 3000)
UNITS = {"seconds": 10**6, "milliseconds": 10**3, "steps": 1}
"""Microseconds that a number of each form stands for; steps stay as they are."""


@dataclass(frozen=True, kw_only=True)
class Stamps:
    """`times` (N,) int64 microseconds by the clock of the data, `NONE` where there is none.

    `zone` is None where the stamps say none, else "UTC", "+02:00" or the name of a zone such as "Europe/Berlin".
    `form` is how they are written: "datetime", "parts" (a year and a month), "years", "seconds",
    "milliseconds", "steps".
    `local` is True where the times are those that clocks on the wall show, False where they are UTC.
    """

    times: np.ndarray
    form: str
    zone: str | None = None
    local: bool = True


def read_stamps(table: Table, raw: Table, column: str | None) -> Stamps:
    """The time stamps of a table whose cells were read, and of the same as it came; rows count where there are none.

    Raises InputError where the column holds nothing that a time can be read from.
    """
    if column is None:
        return Stamps(times=np.arange(table.rows, dtype=np.int64), form="steps")
    parts = time_columns(column, table.columns)
    if len(parts) > 1:
        return Stamps(times=_joined(table, parts), form="parts")
    series = table[parts[0]]
    if series.dtype.is_temporal():
        return _moments(series, raw[parts[0]])
    values = series.to_numpy().astype(np.float64) if series.dtype.is_numeric() else np.full(table.rows, np.nan)
    known = values[np.isfinite(values)]
    if not len(known) or np.any(known != np.round(known)) or np.abs(known).max() > 1e15:
        raise InputError(
            f"The column {column!r} holds no time stamps.",
            got=f"such as {next(iter(raw[parts[0]].drop_nulls()), None)!r}",
            wanted="dates, date-times, years, seconds or milliseconds since 1970, or whole numbers that count steps",
            fix=f"Give another --time column, or perhaps --kind {column}=datetime.",
        )
    whole = np.where(np.isfinite(values), values, 0).astype(np.int64)
    limits = {"years": YEARS, "seconds": SECONDS, "milliseconds": MILLISECONDS}
    form = next((name for name, limit in limits.items() if _within(known, limit)), "steps")
    if form == "years":
        whole = _microseconds((whole - 1970).astype("datetime64[Y]"))
    whole *= UNITS.get(form, 1)
    return Stamps(times=np.where(np.isfinite(values), whole, NONE), form=form)


def time_columns(column: str, columns: list[str]) -> tuple[str, ...]:
    """The columns a time stamp is made of: the one of this name, or those it joins as "year+month"."""
    if column in columns or JOIN not in column:
        return (column,)
    return tuple(column.split(JOIN))


def month_number(text: str) -> int:
    """1 to 12 of "January", "jan" or "1"; 0 of anything else."""
    word = text.strip().lower().rstrip(".")
    if word.isdigit():
        return int(word) if 1 <= int(word) <= 12 else 0
    return next(
        (i for i, name in enumerate(MONTHS, 1) if word == name or (len(word) >= 3 and name.startswith(word))), 0
    )


def _within(values: np.ndarray, limits: tuple[float, float]) -> bool:
    return bool(values.min() >= limits[0] and values.max() <= limits[1])


def _microseconds(moments: np.ndarray) -> np.ndarray:
    return moments.astype("datetime64[us]").astype(np.int64)


def _joined(table: Table, parts: tuple[str, ...]) -> np.ndarray:
    """(N,) the months, or days, that a year and a month, or also a day, name."""
    year = table[parts[0]].cast(float, strict=False).to_numpy()
    words = table[parts[1]].cast(str).fill_null("").to_list()
    numbers = {word: month_number(word.removesuffix(".0")) for word in set(words)}
    month = np.asarray([numbers[word] for word in words], dtype=np.float64)
    day = table[parts[2]].cast(float, strict=False).to_numpy() if len(parts) > 2 else np.ones(table.rows)
    good = np.isfinite(year) & (month > 0) & np.isfinite(day) & (np.abs(np.nan_to_num(year)) < YEARS[1]) & (day >= 1)
    good &= day <= 31
    count = np.where(good, (year - 1970) * 12 + month - 1, 0).astype(np.int64)
    first = _microseconds(count.astype("datetime64[M]"))
    return np.where(good, first + (np.where(good, day, 1).astype(np.int64) - 1) * DAY, NONE)


def _moments(series: Series, raw: Series) -> Stamps:
    """Of a column of date-times, naive UTC where they said a zone."""
    utc = series.dt.epoch("us").fill_null(NONE).to_numpy()
    there = utc != NONE
    zone, ahead = _zone(raw, there)
    if zone is None:
        return Stamps(times=utc, form="datetime")
    shown = np.where(there, utc + ahead, NONE)
    clock = shown[there] % DAY
    named = storage(raw) == "datetime"
    # where every stamp has one time of day, days are counted by the clock on the wall: some last 23 hours
    if (len(clock) and (clock == clock[0]).all()) or (not named and len(np.unique(ahead[there])) <= 1):
        return Stamps(times=shown, form="datetime", zone=zone)
    return Stamps(times=utc, form="datetime", zone=zone if named else "UTC", local=False)


def _zone(raw: Series, there: np.ndarray) -> tuple[str | None, np.ndarray]:
    """The zone a column was written in, and (N,) microseconds it is ahead of UTC."""
    ahead = np.zeros(len(raw), dtype=np.int64)
    kind = storage(raw)
    zone = getattr(raw.dtype, "time_zone", None)
    if zone is not None:
        wall = raw.dt.replace_time_zone(None).dt.epoch("us").fill_null(0).to_numpy()
        return str(zone), np.where(there, wall - raw.dt.epoch("us").fill_null(0).to_numpy(), 0)
    if kind != "text":
        return None, ahead
    said = raw.str.strip_chars().str.extract(r"\d ?" + OFFSET).to_list()
    # a date alone ends like an offset: 2024-01-05
    dates = raw.str.contains(":").fill_null(value=False).to_list()
    words = [word if word and timed else None for word, timed in zip(said, dates, strict=True)]
    found = {word: _offset(word) for word in set(words) if word}
    if not found:
        return None, ahead
    ahead = np.asarray([found.get(word, 0) if word else 0 for word in words], dtype=np.int64)
    last = next(word for word in reversed(words) if word)
    return ("UTC" if found[last] == 0 else last), ahead


def _offset(word: str) -> int:
    """Microseconds ahead of UTC of "+02:00"."""
    digits = re.findall(r"\d\d", word)
    if not digits:
        return 0
    minutes = int(digits[0]) * 60 + (int(digits[1]) if len(digits) > 1 else 0)
    return (-minutes if word.startswith("-") else minutes) * 60 * 10**6
