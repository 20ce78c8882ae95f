"""The time between two rows, as a calendar has it, and the grid of moments it makes.

Times are int64 microseconds since 1970 by the clock of the data; positions are int64 steps since then.
"""

import re
from dataclasses import dataclass

import numpy as np

from netwright.core.schema import TimePart

MINUTE = 60 * 10**6
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FIXED = {"i": 1, "us": 1, "ms": 10**3, "s": 10**6, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
"""Microseconds of the units that always last as long; "i" counts rows instead."""
MONTHS = {"mo": 1, "q": 3, "y": 12}
"""Months of the units that don't."""
LAST = 31
"""The day of the month that stands for its last one, whichever that is."""
WEEKEND = 5
"""The first day of the week on which no business is done; Monday is 0."""

REPEATING: dict[TimePart, tuple[int, int]] = {
    "minute": (HOUR, 5 * MINUTE),
    "hour": (DAY, 12 * HOUR),
    "weekday": (7 * DAY, 2 * DAY),
    "month": (365 * DAY, 93 * DAY),
}
"""Parts of the calendar, how long each takes to repeat, and the longest step that still shows it."""


@dataclass(frozen=True)
class Step:
    """`count` units: "us", "ms", "s", "m", "h", "d", "w", "mo", "q", "y", "b" for business days, "i" for rows."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    @property
    def months(self) -> int:
        """How many months it is; 0 where it is no whole number of them."""
        return self.count * MONTHS.get(self.unit, 0)

    @property
    def size(self) -> int:
        """Microseconds it lasts, in the mean where months and business days differ."""
        if self.months:
            return round(self.months * 365.2425 / 12 * DAY)
        return self.count * FIXED.get(self.unit, round(DAY * 7 / 5))

    @property
    def daily(self) -> bool:
        """Whether it is a day or longer, so that the time of day says nothing."""
        return self.unit != "i" and self.size >= DAY


def parse_step(text: str) -> Step:
    """The step written as "15m"."""
    found = re.fullmatch(r"(\d+)([a-z]+)", text)
    assert found is not None, text
    return Step(int(found[1]), found[2])


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The moments that lie a step apart.

    `phase` is where in a step they lie: microseconds, or for steps of months the month. `day` is their day of the month
    (31 for the last) and `clock` the time of day in microseconds, where steps are months or business days.
    """

    step: Step
    phase: int = 0
    day: int = 1
    clock: int = 0

    def positions(self, times: np.ndarray) -> np.ndarray:
        """The position of the step that each of the times (N,) belongs to: the nearest, or the month it lies in."""
        if self.step.months:
            return (months(times) - self.phase) // self.step.months
        if self.step.unit == "b":
            days = (times // DAY).astype("datetime64[D]")
            return np.busday_count(np.datetime64(0, "D"), np.busday_offset(days, 0, roll="backward"))
        return (times - self.phase + self.step.size // 2) // self.step.size

    def times(self, positions: np.ndarray) -> np.ndarray:
        """The moment of each position (N,)."""
        if self.step.months:
            return self._in_months(positions * self.step.months + self.phase)
        if self.step.unit == "b":
            first = np.busday_offset(np.datetime64(0, "D"), 0, roll="forward")
            days = np.busday_offset(first, positions.astype(np.int64))
            return days.astype(np.int64) * DAY + self.clock
        return positions * self.step.size + self.phase

    def _in_months(self, which: np.ndarray) -> np.ndarray:
        first = which.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        length = (which + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - first
        return (first + np.minimum(self.day, length) - 1) * DAY + self.clock


def months(times: np.ndarray) -> np.ndarray:
    """Months since January 1970 of each of the times (N,)."""
    return times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def days_of_month(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the day of the month, from 1, and (N,) whether it is the last one."""
    day = times.astype("datetime64[us]").astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    last = (day + 1).astype("datetime64[M]") != month
    return (day - month.astype("datetime64[D]")).astype(np.int64) + 1, last


def weekdays(times: np.ndarray) -> np.ndarray:
    """(N,) the day of the week, Monday being 0."""
    return (times // DAY + 3) % 7


def parts_of(step: Step, steps: int) -> tuple[TimePart, ...]:
    """The parts of the calendar that can repeat in a series of so many steps of this length."""
    if step.unit == "i":
        return ()
    whole = step.size * steps
    return tuple(part for part, (period, most) in REPEATING.items() if step.size <= most and whole >= 1.5 * period)


def seasons(step: Step) -> tuple[int, ...]:
    """How many steps the periods of the calendar last, the shortest first; those of one step or broken ones are not."""
    if step.unit == "b":
        return (5, 21, 261)
    if step.months:
        return (12 // step.months,) if 12 % step.months == 0 and step.months < 12 else ()
    if step.unit == "i":
        return ()
    if step.unit == "w":
        return (52,) if step.count == 1 else ()
    periods = (MINUTE, HOUR, DAY, 7 * DAY)
    found = [period // step.size for period in periods if period % step.size == 0 and 1 < period // step.size <= 20_000]
    return (*found, 365) if str(step) == "1d" else tuple(found)
