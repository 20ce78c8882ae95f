"""What was odd about the rows of series, in words. N rows."""

from dataclasses import dataclass, field

import numpy as np

from netwright.core.notice import Notice
from netwright.data.series.moments import time_words
from netwright.data.series.step import DAY, HOUR, Grid, days_of_month, months, weekdays

NEAR = 0.01
"""Share of a step by which a time stamp may lie beside the moment of its step and not be spoken of."""
WORTH_TELLING = 0.01
"""Share of the rows that must lie beside it."""
NONE = np.zeros(0, dtype=np.int64)


@dataclass
class Seen:
    """The numbers of rows, in the order of the source, by what is odd about them."""

    time: str | None
    id: str | None
    timeless: np.ndarray = field(default_factory=lambda: NONE)
    nameless: np.ndarray = field(default_factory=lambda: NONE)
    unsorted: np.ndarray = field(default_factory=lambda: NONE)
    infinite: dict[str, np.ndarray] = field(default_factory=dict)
    twice: np.ndarray = field(default_factory=lambda: NONE)
    turned_back: np.ndarray = field(default_factory=lambda: NONE)
    """Rows that came twice where clocks were turned back."""
    turned_at: str = ""
    beside: np.ndarray = field(default_factory=lambda: NONE)

    def clock(
        self, times: np.ndarray, codes: np.ndarray, position: np.ndarray, numbers: np.ndarray, grid: Grid
    ) -> None:
        """Look for rows (N,) of the same moment, and for those that lie between two moments of the grid."""
        order = np.lexsort((numbers, times, codes))
        same = (np.diff(times[order]) == 0) & (np.diff(codes[order]) == 0)
        again = order[1:][same]
        back = (
            turned_back(times[again])
            if grid.step.size <= HOUR and grid.step.unit != "i"
            else np.zeros(len(again), bool)
        )
        self.twice, self.turned_back = np.sort(numbers[again[~back]]), np.sort(numbers[again[back]])
        if back.any():
            self.turned_at = time_words(grid, int(times[again[back]][0]))
        if grid.step.months or grid.step.unit in ("b", "i"):
            return
        off = np.abs(times - grid.times(position)) > NEAR * grid.step.size
        if off.mean() > WORTH_TELLING or off.sum() > 3:
            self.beside = np.sort(numbers[off])


def turned_back(times: np.ndarray) -> np.ndarray:
    """(N,) whether clocks show the time twice: in the small hours of a Sunday, in autumn in the north or the south."""
    month = months(times) % 12 + 1
    late = days_of_month(times)[0]
    autumn = ((month == 10) & (late > 24)) | ((month == 11) & (late < 8)) | ((month == 4) & (late < 8))
    return (weekdays(times) == 6) & (times % DAY < 4 * HOUR) & autumn


def seen_notices(seen: Seen, grid: Grid, gaps: int, first_gap: str) -> list[Notice]:
    """What is told of the rows, the steps without a row included, of which `first_gap` is the first."""
    step, column = grid.step, seen.time
    told = [
        _told(seen.timeless, "{} no time stamp and {} left out", "fill the time in", column),
        _told(seen.nameless, "{} no id and {} left out", "fill the id in", seen.id),
    ]
    if len(seen.unsorted):
        what = f"the rows were not in the order of time and were sorted (first row {seen.unsorted[0]})"
        told.append(Notice(what=what, column=column))
    if len(seen.twice):
        what = f"{_rows(seen.twice)} a time stamp that an earlier row has (first row {seen.twice[0]}): the mean is used"
        told.append(Notice(what=what, fix="keep one row for each time stamp, or name --id", column=column))
    if len(seen.turned_back):
        count = len(seen.turned_back)
        what = (
            f"{count:,} hour(s) that clocks showed twice when they were turned back are the mean of both "
            f"({seen.turned_at}, row {seen.turned_back[0]})"
        )
        told.append(Notice(what=what, fix="give time stamps in UTC or with their offset", column=column))
    if len(seen.beside):
        what = (
            f"{_rows(seen.beside)} a time stamp between two steps of {step} (first row {seen.beside[0]}): each counts "
            "for the nearest step, several for their mean"
        )
        told.append(Notice(what=what, fix="give rows at regular times", column=column))
    for name, rows in seen.infinite.items():
        what = f"{len(rows):,} infinite or too large value(s) of {name!r} count as not observed (first row {rows[0]})"
        told.append(Notice(what=what, fix="correct them", column=name))
    if gaps:
        what = f"{gaps:,} step(s) of {step} have no row (first: {first_gap}) and are filled as empty cells are"
        told.append(Notice(what=what, fix="add the rows, or leave it so", column=column))
    return [notice for notice in told if notice is not None]


def _told(rows: np.ndarray, what: str, fix: str, column: str | None) -> Notice | None:
    if not len(rows):
        return None
    words = what.format(_rows(rows), "is" if len(rows) == 1 else "are")
    return Notice(what=f"{words} (first row {rows.min()})", fix=fix, column=column)


def _rows(rows: np.ndarray) -> str:
    return f"{len(rows):,} row has" if len(rows) == 1 else f"{len(rows):,} rows have"
