"""Which step a series goes in, found from its time stamps."""

import numpy as np

from netwright.core.errors import InputError
from netwright.data.series.step import (
    DAY,
    FIXED,
    HOUR,
    LAST,
    MINUTE,
    WEEKEND,
    Grid,
    Step,
    days_of_month,
    months,
    weekdays,
)

NEAR = 0.02
"""Share of a step by which the time between two rows may miss a round one."""
ROUND = {
    "s": (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30),
    "m": (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30),
    "h": (1, 2, 3, 4, 6, 8, 12),
    "d": (1,),
    "w": (1,),
}
"""How many of each unit make a step that divides the next larger one."""
DAYS_OF_MONTHS = {1: (27.9, 31.1), 2: (58.9, 62.1), 3: (89.9, 92.1), 4: (119.9, 123.1), 6: (180.9, 184.1)}
"""Days that so many months last, at least and at most."""
CROWDED = 0.25
"""Share of the rows that may lie in the step of the row before them, where rows are said to go in that step."""
MANY = 14
"""Days from which on the lack of weekends says something."""


def find_grid(times: np.ndarray, series: np.ndarray, *, rows: bool = False) -> Grid:
    """The grid of the time stamps (N,), in microseconds, of the series (N,) they belong to; `rows` counts rows.

    The step is the median time between two moments of a series, brought to the nearest step of a calendar. Raises
    InputError where no series has two different moments.
    """
    if rows:
        gaps = _gaps(times, series)
        size = max(1, int(np.median(gaps))) if len(gaps) else 1
        return Grid(step=Step(size, "i"), phase=_most(times % size))
    gaps = _gaps(times, series)
    if not len(gaps):
        raise InputError(
            "The time stamps are all the same, so there is no series.",
            got=f"{len(times):,} rows of one moment",
            wanted="rows of different moments",
            fix="Choose another column with --time, or the one that tells series apart with --id.",
        )
    return grid_of(_step(times, gaps), times)


def grid_of(step: Step, times: np.ndarray) -> Grid:
    """The grid of a step that is known, lying where most of the times (N,) lie."""
    if step.months:
        return _monthly(step, times)
    if step.unit == "b":
        return Grid(step=step, clock=_most(times % DAY))
    return Grid(step=step, phase=_most(times % step.size))


def step_between(times: np.ndarray, series: np.ndarray, grid: Grid, *, rows: bool = False) -> Step:
    """The step that the rows (N,) themselves go in; the grid's where most follow one another on it step by step."""
    order = np.lexsort((times, series))
    later = (np.diff(series[order]) == 0) & (np.diff(times[order]) > 0)
    apart = np.diff(grid.positions(times[order]))[later]
    if not len(apart) or (np.median(apart) == 1 and (apart == 0).mean() < CROWDED):
        return grid.step
    return find_grid(times, series, rows=rows).step


def _gaps(times: np.ndarray, series: np.ndarray) -> np.ndarray:
    """The time between each two moments of a series that follow one another, none of them 0."""
    order = np.lexsort((times, series))
    gaps, same = np.diff(times[order]), np.diff(series[order]) == 0
    return gaps[same & (gaps > 0)]


def _step(times: np.ndarray, gaps: np.ndarray) -> Step:
    middle = int(np.median(gaps))
    regular = bool((gaps == middle).mean() > 0.5)
    days = middle / DAY
    weekly = regular and middle % (7 * DAY) == 0
    if not weekly and (count := _months(times, gaps, days)):
        unit, each = next((u, n) for u, n in (("y", 12), ("q", 3), ("mo", 1)) if count % n == 0)
        return Step(count // each, unit)
    if middle == DAY and _business(times):
        return Step(1, "b")
    for unit, counts in ROUND.items():
        for count in counts:
            if abs(middle - count * FIXED[unit]) <= NEAR * count * FIXED[unit]:
                return Step(count, unit)
    return _exact(middle)


def _exact(middle: int) -> Step:
    """A step of this many microseconds in the largest unit that it is a whole number of."""
    unit = next(unit for unit in ("w", "d", "h", "m", "s", "ms", "us") if middle % FIXED[unit] == 0)
    if unit in ("ms", "us") and middle > MINUTE:  # stamps that waver: nobody counts hours in microseconds
        return Step(round(middle / FIXED["s"]), "s") if middle < HOUR else Step(round(middle / MINUTE), "m")
    return Step(middle // FIXED[unit], unit)


def _months(times: np.ndarray, gaps: np.ndarray, days: float) -> int:
    """How many months the step is; 0 where it is none."""
    if days >= 364:
        return 12 * round(days / 365.25) if abs(days / 365.25 - round(days / 365.25)) < 0.01 else 0
    count = next((n for n, (low, high) in DAYS_OF_MONTHS.items() if low <= days <= high), 0)
    if not count or len(np.unique(gaps)) > 1:
        return count
    # all alike, such as every 30 days: months only where they lie on one day of the month
    day, last = days_of_month(times)
    return count if len(np.unique(day)) == 1 or last.all() else 0


def _business(times: np.ndarray) -> bool:
    """Whether days are there for two weeks and more, and no weekend among them."""
    weekend = weekdays(times) >= WEEKEND
    return bool(times.max() - times.min() >= MANY * DAY and not weekend.any())


def _monthly(step: Step, times: np.ndarray) -> Grid:
    day, last = days_of_month(times)
    usual = LAST if last.mean() > 0.5 else _most(day)
    return Grid(step=step, phase=_most(months(times) % step.months), day=usual, clock=_most(times % DAY))


def _most(values: np.ndarray) -> int:
    """The most frequent value, of several the least."""
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])
