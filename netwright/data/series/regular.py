"""Rows at any moments become steps of one grid, series after series.

N rows, S series, M steps of all series together, V columns of numbers.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.series.grid import find_grid, grid_of, step_between
from netwright.data.series.layout import Layout
from netwright.data.series.moments import moment_words
from netwright.data.series.remarks import Seen, seen_notices
from netwright.data.series.stamps import NONE
from netwright.data.series.step import Grid, Step
from netwright.data.table import Table

LARGEST = 1e150
"""Numbers beyond this, infinities too, count as not observed: their squares must not overflow."""
MOST_GAPS, FEW_STEPS = 50, 10_000
"""Steps for each row, and steps in any case, that may be made of rows with gaps between them."""
OFF_GRID = 0.05
"""Share of a step that a time stamp may miss its step's moment by and be taken for it."""


@dataclass(frozen=True, kw_only=True)
class Regular:
    """S series of steps that lie on one grid without a gap, one series after another.

    Series s (S) named `ids[s]` has the steps `starts[s]` to `starts[s + 1]`, the first of them at the position
    `first[s]` of the grid. `values` (M, V) are in their unit, NaN where not observed; `row` (M,) is the number of the
    first row of the source that a step came from, 0 for none.
    """

    grid: Grid
    ids: tuple[str, ...]
    starts: np.ndarray
    first: np.ndarray
    values: np.ndarray
    row: np.ndarray
    notices: tuple[Notice, ...]
    apart: Step
    """How far the rows themselves lie from one another: the grid's step but where that of training was given."""

    @property
    def steps(self) -> int:
        """M."""
        return len(self.values)

    @property
    def series(self) -> np.ndarray:
        """(M,) which series each step belongs to."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.starts))

    @property
    def positions(self) -> np.ndarray:
        """(M,) the position on the grid of each step."""
        return np.arange(self.steps) - self.starts[self.series] + self.first[self.series]

    def known(self, columns: int) -> np.ndarray:
        """(M,) whether any of the first so many columns was observed."""
        return np.asarray(np.isfinite(self.values[:, :columns]).any(axis=1))

    def of(self, which: int) -> slice:
        """The steps of a series."""
        return slice(int(self.starts[which]), int(self.starts[which + 1]))

    def select(self, kept: np.ndarray) -> "Regular":
        """The steps in the mask (M,), which leaves every series without a hole; series without a step are gone."""
        series = self.series[kept]
        there, first, counts = np.unique(series, return_index=True, return_counts=True)
        return replace(
            self,
            ids=tuple(self.ids[s] for s in there),
            starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            first=self.positions[kept][first],
            values=self.values[kept],
            row=self.row[kept],
        )

    def columns(self, which: list[int]) -> "Regular":
        """With these of the columns of numbers, in this order."""
        return replace(self, values=self.values[:, which])


def regular(table: Table, layout: Layout, *, numbers: np.ndarray | None = None, step: Step | None = None) -> Regular:
    """The rows of a table as series on a grid: that of the `step` of training where one is given, else the one found.

    Rows of one series and one moment, or between two moments of the grid, become one step: the mean of what they say.
    `numbers` (N,) are the rows' numbers in their source. Raises InputError where no row has a time stamp, and where
    the time between rows is so uneven that nearly every step would be a gap.
    """
    numbers = np.arange(1, table.rows + 1) if numbers is None else numbers
    seen = Seen(time=layout.time, id=layout.id)
    codes, ids = _series(table, layout.id)
    times = layout.stamps.times
    there = (times != NONE) & (codes >= 0)
    seen.timeless, seen.nameless = numbers[times == NONE], numbers[codes < 0]
    if not there.any():
        raise InputError(
            f"No row of {table.name} can be placed in a series.",
            got=f"{table.rows:,} rows without {'a time stamp' if (times == NONE).all() else 'an id'}",
            wanted=f"a value in {layout.time if (times == NONE).all() else layout.id!r}",
            fix="Fill the column in, or choose another with --time or --id.",
        )
    times, codes, numbers = times[there], codes[there], numbers[there]
    if layout.time is None:  # each series counts its own rows
        times = _counted(codes)
    values = _values(table, layout.numbers, seen, numbers, there)
    counted = layout.stamps.form == "steps"
    # moments have no place on a grid of counted rows, nor the other way round: then the step is found again
    fitting = step is not None and (step.unit == "i") == counted
    found = grid_of(step, times) if step is not None and fitting else find_grid(times, codes, rows=counted)
    position = found.positions(times)
    order = np.lexsort((numbers, position, codes))
    seen.unsorted = _unsorted(times, codes, numbers)
    seen.clock(times, codes, position, numbers, found)
    made = _stepped(found, ids, codes[order], position[order], values[order], numbers[order], seen)
    return replace(made, apart=step_between(times, codes, found, rows=counted)) if fitting else made


def _series(table: Table, column: str | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """(N,) the number of each row's series, −1 where it has none, and the names of the series."""
    if column is None:
        return np.zeros(table.rows, dtype=np.int64), ("",)
    texts = names_of(table, column)
    known = dict.fromkeys(text for text in texts if text is not None)
    places = {name: i for i, name in enumerate(known)}
    return np.asarray([-1 if t is None else places[t] for t in texts], dtype=np.int64), tuple(known)


def names_of(table: Table, column: str) -> list[str | None]:
    """(N,) the names of the series the rows belong to; whole numbers are written without a point."""
    series = table[column]
    if series.dtype.is_float():
        return [None if v is None or math.isnan(v) else f"{v:.0f}" if v == round(v) else repr(v) for v in series]
    return [None if value is None or value == "" else str(value) for value in series.to_list()]


def _counted(codes: np.ndarray) -> np.ndarray:
    """(N,) how many rows of the same series came before."""
    order = np.argsort(codes, kind="stable")
    place = np.empty(len(codes), dtype=np.int64)
    _, first, counts = np.unique(codes[order], return_index=True, return_counts=True)
    place[order] = np.arange(len(codes)) - np.repeat(first, counts)
    return place


def _values(table: Table, columns: tuple[str, ...], seen: Seen, numbers: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(n, V) float64 of the rows that are there; what is infinite or too large is NaN."""
    values = np.empty((int(there.sum()), len(columns)))
    for i, name in enumerate(columns):
        column = table[name].cast(float).to_numpy().astype(np.float64)[there]
        large = np.abs(column) > LARGEST
        if large.any():
            seen.infinite[name] = numbers[large]
        values[:, i] = np.where(large, np.nan, column)
    return values


def _unsorted(times: np.ndarray, codes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The numbers of the rows that lie before the row above them of the same series."""
    order = np.argsort(codes, kind="stable")
    back = (np.diff(times[order]) < 0) & (np.diff(codes[order]) == 0)
    return np.sort(numbers[order[1:][back]])


def _stepped(
    grid: Grid,
    ids: tuple[str, ...],
    codes: np.ndarray,
    position: np.ndarray,
    values: np.ndarray,
    numbers: np.ndarray,
    seen: Seen,
) -> Regular:
    """Rows in the order of series and position, brought together step by step, with a step where none came."""
    new = np.concatenate([[True], (np.diff(position) != 0) | (np.diff(codes) != 0)])
    first = np.flatnonzero(new)
    merged = _means(values, first) if len(first) < len(values) else values
    own, at = codes[first], position[first]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(own) != 0]))
    lengths = np.maximum.reduceat(at, starts) - at[starts] + 1
    total = int(lengths.sum())
    if total > MOST_GAPS * len(first) + FEW_STEPS:
        raise _too_uneven(grid, own, at, numbers[first], total)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    place = offsets[np.searchsorted(own[starts], own)] + at - at[starts][np.searchsorted(own[starts], own)]
    whole = np.full((total, values.shape[1]), np.nan)
    row = np.zeros(total, dtype=np.int64)
    whole[place], row[place] = merged, numbers[first]
    made = Regular(
        grid=grid,
        ids=tuple(ids[c] for c in own[starts]),
        starts=offsets.astype(np.int64),
        first=at[starts],
        values=whole,
        row=row,
        notices=(),
        apart=grid.step,
    )
    return replace(made, notices=tuple(seen_notices(seen, made.grid, total - len(first), _first_gap(made))))


def _means(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The mean over each run of rows of what was observed."""
    known = np.isfinite(values)
    count = np.add.reduceat(known, first, axis=0, dtype=np.int64)
    # each is divided before they are added, so that no sum overflows
    share = np.where(known, values, 0) / np.repeat(np.maximum(count, 1), np.diff([*first, len(values)]), axis=0)
    return np.where(count > 0, np.add.reduceat(share, first, axis=0), np.nan)


def _first_gap(made: Regular) -> str:
    """The first step that no row stood for, in words; "" where there is none."""
    empty = np.flatnonzero(made.row == 0)
    if not len(empty):
        return ""
    which = int(empty[0])
    name = made.ids[int(made.series[which])]
    return moment_words(made.grid, int(made.positions[which])) + (f" of {name!r}" if name else "")


def _too_uneven(grid: Grid, codes: np.ndarray, at: np.ndarray, numbers: np.ndarray, total: int) -> InputError:
    gaps = np.where(np.diff(codes) == 0, np.diff(at), 0)
    widest = int(gaps.argmax())
    return InputError(
        "The time stamps are so uneven that nearly every step of the series would be a gap.",
        got=f"a step of {grid.step} makes {total:,} steps of {len(at):,} moments; the widest gap, of "
        f"{int(gaps[widest]):,} steps, is before row {int(numbers[widest + 1])}",
        wanted="rows that lie about as far from one another",
        fix="Correct that row's time stamp, or give rows of one period.",
    )
