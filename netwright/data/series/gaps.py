"""What stands in for values that were not observed: only what came before, so that no future leaks into a past.

M steps of all series, V columns.
"""

from itertools import pairwise

import numpy as np

from netwright.core.notice import Notice

SHORT = 2
"""Steps in a row without a value for which the last value stands; for more the values one season before."""
RULE = (
    "the last value stands in, in runs of more than two the values one season before, and the training mean where no "
    "value came before"
)


def filled(values: np.ndarray, starts: np.ndarray, season: int) -> np.ndarray:
    """The values (M, V) without NaN but where a series, from `starts[s]` to `starts[s + 1]`, has no value yet.

    A run of one or two steps without a value gets the last one, a longer one the values a season before where there is
    a season and they are known.
    """
    out = values.copy()
    for column in range(out.shape[1]):
        one = out[:, column]
        if not np.isnan(one).any():
            continue
        for begin, end in pairwise(starts):
            part = one[begin:end]
            if np.isnan(part).any():
                _fill(part, season)
    return out


def _fill(values: np.ndarray, season: int) -> None:
    """Fill one series (n,) in place."""
    for begin, end in runs(np.isnan(values)):
        if begin == 0:
            continue
        last = values[begin - 1]
        if season > 1 and end - begin > SHORT:
            for at in range(begin, end, season):
                upto = min(at + season, end)
                if at - season >= 0:
                    values[at:upto] = values[at - season : upto - season]
        part = values[begin:end]
        part[np.isnan(part)] = last


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end of each run of true values in (n,)."""
    edges = np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def gap_notices(values: np.ndarray, row: np.ndarray, starts: np.ndarray, names: tuple[str, ...]) -> list[Notice]:
    """What is told of empty cells: steps that a row (M,) stood for, but without a value of the column."""
    told = []
    for i, name in enumerate(names):
        empty = np.isnan(values[:, i])
        cells = empty & (row > 0)
        if not cells.any():
            continue
        breaks = np.zeros(len(empty), dtype=bool)
        breaks[starts[1:-1]] = True
        longest = max(_longest(part) for part in np.split(empty, np.flatnonzero(breaks)))
        first = int(row[np.flatnonzero(cells)[0]])
        what = (
            f"{name!r} has {int(cells.sum()):,} empty cell(s) (first row {first}, longest run {longest:,} steps): "
            f"{RULE}; what is empty is never counted as an answer"
        )
        told.append(Notice(what=what, fix="fill them in to use them", column=name))
    return told


def _longest(mask: np.ndarray) -> int:
    return max((end - begin for begin, end in runs(mask)), default=0)
