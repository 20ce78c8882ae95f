"""Which column says what series a row belongs to, where time stamps repeat. N rows."""

import numpy as np

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.data.series.stamps import NONE, Stamps
from netwright.data.table import Table

FEW = 0.1
"""Share of repeated time stamps up to which they are taken for rows that came twice."""
FEWEST_STEPS = 3
"""Rows a series has in the mean, at least."""


def find_id(table: Table, stamps: Stamps, candidates: list[str], time: str | None) -> tuple[str | None, list[Notice]]:
    """The column, of those that are free, within whose values no time stamp repeats; None for one series alone.

    Raises InputError where time stamps repeat and no column, or no single one, tells series apart.
    """
    there = stamps.times != NONE
    times = stamps.times[there]
    repeated = 1 - len(np.unique(times)) / max(1, len(times))
    if time is None or repeated <= FEW:
        return None, []
    found: list[tuple[int, str]] = []
    for name in candidates:
        codes = codes_of(table, name)
        groups = len(np.unique(codes))
        if 1 < groups <= len(times) / FEWEST_STEPS and not _repeats(times, codes[there]):
            found.append((groups, name))
    if found:
        groups, name = min(found, key=lambda pair: pair[0])
        what = f"time stamps repeat, so each of the {groups:,} values of {name!r} is a series of its own"
        return name, [Notice(what=what, fix="--id COLUMN names another column", column=name)]
    texts = [name for name in candidates if table[name].dtype == table[name].cast(str).dtype]
    raise InputError(
        "Time stamps repeat, and no column tells one series from another.",
        got=f"{len(times):,} rows of {len(np.unique(times)):,} different moments in {time!r}",
        wanted="a column within whose values no time stamp comes twice",
        fix=f"Name it: --id {texts[0] if texts else 'COLUMN'}; where it takes two columns, join them into one.",
    )


def codes_of(table: Table, name: str) -> np.ndarray:
    """(N,) equal where the column has equal values; gaps are a value too."""
    return table[name].rank("dense").fill_null(0).to_numpy().astype(np.int64)


def _repeats(times: np.ndarray, codes: np.ndarray) -> bool:
    """Whether a series has one moment more than once, in more rows than may have come twice."""
    order = np.lexsort((times, codes))
    twice = (np.diff(times[order]) == 0) & (np.diff(codes[order]) == 0)
    return bool(twice.mean() > FEW / 10) if len(twice) else False
