"""Numbers and names as a person reads them, the same in the terminal and in the report."""

import math
import re
from datetime import datetime

import numpy as np

PER_ONE = {
    "accuracy",
    "balanced accuracy",
    "label accuracy",
    "exact match",
    "ROC AUC",
    "R²",
    "log loss",
    "Brier score",
    "confident share",
    "confident share of real rows",
    "bits per character",
    "explained variance",
    "interval coverage",
    "nats per character",
    "precision",
    "recall",
}
"""Figures around one, shown with three decimals."""
PERCENT = {"alarms", "false alarms", "found"}
"""Figures that are shares of rows and read best as percentages."""
NONE = "–"
"""Stands where there is no value."""
# Control characters, halves of surrogate pairs, marks that turn the direction of what follows.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)


def figure(name: str, value: float) -> str:
    """A metric's value: 0.985, 543, 12,340; more decimals where three would round it up to one."""
    if name in PERCENT:
        return finer_percent(value)
    if not math.isfinite(value) or name not in PER_ONE or abs(value) >= 10:
        return number(value)
    if 0 < 1 - value < 5e-4:
        return f"{value:.{min(8, -math.floor(math.log10(1 - value)))}f}"
    return signed(f"{value:.{4 if 5e-5 < abs(value) < 5e-3 else 3}f}")


def number(value: float) -> str:
    """A number to three significant digits, whole above a thousand: 0.0123, 12.3, 543, 12,340, 1.23e+12."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-4 or size >= 1e9:
        return signed(f"{value:.2e}")
    if size >= 999.5:
        return signed(f"{value:,.0f}")
    return signed(f"{value:.{max(0, 2 - math.floor(math.log10(size)))}f}")


def signed(text: str) -> str:
    """The same number with a true minus sign, and none before zero."""
    if not text.startswith("-"):
        return text
    return "−" + text[1:] if text.strip("-0.,") else text[1:]


def count(rows: int, noun: str = "", plural: str = "") -> str:
    """How many: 12,345; with a noun "1 row", "12,345 rows"."""
    return f"{rows:,} {noun if rows == 1 else plural or noun + 's'}" if noun else f"{rows:,}"


def percent(share: float) -> str:
    """A share of one as a whole percentage; "<1 %" and ">99 %" where rounding would claim none or all."""
    if math.isnan(share):
        return NONE
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"


def finer_percent(share: float) -> str:
    """A share of one as a percentage, with a decimal where it is nearly none or all: 93 %, 1.2 %, 98.7 %."""
    if not 0 < min(share, 1 - share) < 0.095:
        return percent(share)
    return f"{100 * share:.1f} %" if min(share, 1 - share) >= 5e-4 else percent(share)


def duration(seconds: float) -> str:
    """A time span: 45 ms, 1.2 s, 34 s, 3 min 20 s, 2 h 05 min."""
    if math.isnan(seconds):
        return NONE
    if seconds < 0.995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def cell(value: object) -> str:
    """One cell of the data as it came, its number shortened to six significant digits."""
    match value:
        case None:
            return NONE
        case bool() | np.bool_():
            return "true" if value else "false"
        case float() | np.floating():
            return NONE if math.isnan(value) else signed(f"{float(value):.6g}")
        case int() | np.integer():
            return signed(str(int(value))) if abs(int(value)) < 10**30 else f"{value!s:.30}…"
        case datetime():
            return value.isoformat(" ").removesuffix(" 00:00:00")
        case _:
            return clean(str(value))


def clean(text: str) -> str:
    """Text without characters that a terminal would obey or a page may not hold."""
    return UNPRINTABLE.sub("�", text)


def shorten(text: str, width: int) -> str:
    """Text on one line, at most `width` characters long."""
    flat = " ".join(clean(text[: 4 * width + 100]).split())
    return flat if len(flat) <= width else flat[: width - 1].rstrip() + "…"


def squeeze(name: str, width: int) -> str:
    """A name on one line, cut in its middle: names that differ often differ at their end."""
    flat = " ".join(clean(name[:10_000]).split())
    if len(flat) <= width:
        return flat
    head = (width - 1) * 3 // 5
    return f"{flat[:head].rstrip()}…{flat[head + 1 - width :].lstrip()}"
