"""Time stamps of steps to come, written as those of the data are. n steps."""

from itertools import product

import numpy as np

from netwright.core.cells import CellType
from netwright.data.cells.time_text import ISO, date_of, to_times
from netwright.data.series.clock import zoned
from netwright.data.series.layout import Layout
from netwright.data.series.stamps import MONTHS, OFFSET, UNITS, time_columns
from netwright.data.series.step import days_of_month, months
from netwright.data.table import Series, Table, series_of, storage

LOOKED_AT = 50
"""Cells whose form is looked at: the last ones."""
FORMS = {
    "%B": ("%B", "%b"),
    "%d": ("%d", "%-d"),
    "%m": ("%m", "%-m"),
    "%H": ("%H", "%-H"),
    "%I": ("%I", "%-I"),
    "%p": ("%p", "%P"),
    "%.f": ("%.f", "%.3f", "%.6f"),
}
"""Ways of writing a part that are read alike, the usual one first."""
STEP = "step"
"""The column that counts steps where there are no time stamps."""


def stamps_written(times: np.ndarray, layout: Layout, raw: Table, cell: CellType | None) -> list[Series]:
    """The columns of the time stamps at `times` (n,), microseconds by the clock of the layout, as `raw` has them.

    `cell` is how the column is read. Years, months and numbers stay such; text keeps its form and its offset.
    """
    if layout.time is None:
        return [series_of(STEP, times)]
    stamps, columns = layout.stamps, time_columns(layout.time, raw.columns)
    if stamps.form == "parts":
        year = 1970 + months(times) // 12
        found = [_like(raw[columns[0]], year), _months_like(raw[columns[1]], months(times) % 12 + 1)]
        return [*found, _like(raw[columns[2]], days_of_month(times)[0])] if len(columns) > 2 else found
    series = raw[layout.time]
    if stamps.form == "years":
        return [_like(series, 1970 + months(times) // 12)]
    if stamps.form in UNITS:
        return [_like(series, times // UNITS[stamps.form])]
    if storage(series) == "text":
        return [series_of(layout.time, _texts(times, series, cell, local=stamps.local))]
    whole = zoned(times, stamps.zone, local=stamps.local, name=layout.time)
    return [whole.cast(series.dtype)]


def _like(series: Series, values: np.ndarray) -> Series:
    """Whole numbers in the type of the series; as text with as many digits where it has leading zeros."""
    if storage(series) != "text":
        return series_of(series.name, values).cast(series.dtype)
    words = series.drop_nulls().tail(LOOKED_AT).to_list()
    wide = min((len(word.strip()) for word in words if word.strip().startswith("0")), default=0)
    return series_of(series.name, [f"{value:0{wide}d}" for value in values])


def _months_like(series: Series, values: np.ndarray) -> Series:
    """Months 1 to 12 as numbers or, where the series has them so, as names, short or whole, in its case."""
    words = [word.strip() for word in series.drop_nulls().head(LOOKED_AT).cast(str).to_list()]
    if all(word.replace(".0", "").isdigit() for word in words):
        return _like(series, values)
    short = all(len(word.rstrip(".")) == 3 for word in words)
    dot = "." if all(word.endswith(".") for word in words) else ""
    case = str.upper if words[0].isupper() else str.lower if words[0].islower() else str.capitalize
    names = [case(MONTHS[value - 1][:3] if short else MONTHS[value - 1]) + dot for value in values]
    return series_of(series.name, names)


def _texts(times: np.ndarray, series: Series, cell: CellType | None, *, local: bool) -> list[str]:
    text = series.drop_nulls().str.strip_chars()
    text = text.filter(text != "").tail(LOOKED_AT)
    _, form, offsets = to_times(text, (cell.time_format if cell is not None else None) or ISO)
    form = form.removesuffix("%#z").rstrip() if offsets else form
    ends = text.str.extract(r"(?:\d| [AaPp][Mm])( ?" + OFFSET[:-1] + ")$") if offsets else None
    last = next((word for word in reversed(ends.to_list()) if word), "") if ends is not None else ""
    if not local:
        last = "Z" if "Z" in last else last[: len(last) - len(last.lstrip())] + "+00:00"
    bare = (
        [word.removesuffix(end or "") for word, end in zip(text.to_list(), ends.to_list(), strict=True)]
        if ends is not None
        else text.to_list()
    )
    read = to_times(series_of("time", bare), form)[0]
    best = max(
        _variants(form), key=lambda one: sum(a == b for a, b in zip(read.dt.strftime(one).to_list(), bare, strict=True))
    )
    moments = series_of("time", times.astype("datetime64[us]"))
    return [word + last for word in moments.dt.strftime(best).to_list()]


def _variants(form: str) -> list[str]:
    """Every way to write the form, the usual one first."""
    date = date_of(form)
    here = [part for part in FORMS if part in date or part in form]
    found = []
    for chosen in product(*(FORMS[part] for part in here)):
        one = form
        for part, way in zip(here, chosen, strict=True):
            one = one.replace(part, way)
        found.append(one)
    return found
