"""Which rows train, which validate, which are held out; decided before anything is measured."""

from dataclasses import dataclass

import numpy as np

TEST_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class Split:
    """Positions of rows. `training` are the rows statistics come from.

    With one fold, `folds[0]` validates and is no part of `training`. With F > 1, the folds are parts of `training`: a
    member that validates on fold f trains on all other training rows. `reason` says why in words.
    """

    training: np.ndarray
    folds: tuple[np.ndarray, ...]
    test: np.ndarray
    reason: str

    @property
    def fitting(self) -> np.ndarray:
        """Every row that trains or validates."""
        return np.concatenate([self.training, self.folds[0]]) if len(self.folds) == 1 else self.training

    def fold_of(self, rows: int) -> np.ndarray:
        """(rows,) the fold each row lies in, −1 where in none."""
        fold = np.full(rows, -1, dtype=np.int64)
        for i, members in enumerate(self.folds):
            fold[members] = i
        return fold


def split_rows(
    *,
    strata: np.ndarray,
    keys: np.ndarray,
    keys_are: str,
    folds: int,
    fold_share: float,
    seed: int,
    test_share: float = TEST_SHARE,
) -> Split:
    """Divide rows at random, every stratum in the same proportion, rows of one key always on one side.

    `strata` (N,) integers, classes or bins of a number; `keys` (N,) integers, equal for rows that must stay together:
    a group, or exact duplicates. Each of the `folds` has `fold_share` of the rows that are not held out. A stratum of
    three units or fewer is never held out, so that it can be learned.
    """
    position = _position(strata, keys, np.random.default_rng(seed), test_share)
    test = position < test_share
    rest = (position - test_share) / (1 - test_share)
    parts = tuple(np.flatnonzero(~test & (np.floor(rest / fold_share) == f)) for f in range(folds))
    training = np.flatnonzero(~test)
    if folds == 1:
        training = np.setdiff1d(training, parts[0])
    reason = f"at random, {keys_are}"
    if len(np.unique(strata)) > 1:
        reason = f"stratified by the target, {keys_are}"
    return Split(training=training, folds=parts, test=np.flatnonzero(test), reason=reason)


def split_by_time(
    times: np.ndarray, *, column: str, asked: bool, fold_share: float, test_share: float = TEST_SHARE
) -> Split:
    """The latest rows are held out, those before them validate. Rows of one moment stay on one side.

    `times` (N,) seconds; NaN counts as the earliest.
    """
    filled = np.where(np.isnan(times), -np.inf, times)
    ordered = np.sort(filled)
    count = len(ordered)
    test_from = ordered[min(count - 1, round(count * (1 - test_share)))] if test_share else np.inf
    validation_from = ordered[min(count - 1, round(count * (1 - test_share) * (1 - fold_share)))]
    test = filled >= test_from
    validation = ~test & (filled >= validation_from)
    why = "as --time asks" if asked else f"because the rows are ordered by {column!r}: --shuffle ignores that"
    return Split(
        training=np.flatnonzero(~test & ~validation),
        folds=(np.flatnonzero(validation),),
        test=np.flatnonzero(test),
        reason=f"by time of {column!r}, the latest rows held out, {why}",
    )


def strata_of(values: np.ndarray, *, classes: bool, bins: int = 10) -> np.ndarray:
    """(N,) integers: the class of each row, or the quantile bin of a number."""
    if classes:
        return np.unique(values, return_inverse=True)[1]
    halves = values / 2  # the span of the largest numbers would overflow
    edges = np.unique(np.quantile(halves, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, halves, side="right")


def ordered_by(times: np.ndarray) -> bool:
    """Whether the rows lie in the order of these times, up or down, and nearly every moment is different."""
    if len(times) < 20 or np.isnan(times).any():
        return False
    steps = np.diff(times)
    rising = bool(np.all(steps >= 0) or np.all(steps <= 0))
    return rising and len(np.unique(times)) > len(times) / 2


def _position(strata: np.ndarray, keys: np.ndarray, random: np.random.Generator, kept: float) -> np.ndarray:
    """(N,) a place in (0, 1) for each row: uniform within each stratum, the same for all rows of one key.

    Strata of three units or fewer lie beyond `kept`, unless there is but one stratum.
    """
    first, unit, sizes = _units(keys)
    stratum = strata[first]
    order = np.lexsort((random.random(len(first)), stratum))
    ends = np.cumsum(sizes[order])
    middles = ends - sizes[order] / 2
    starts, index = np.unique(stratum[order], return_index=True)
    begin = np.concatenate([[0], ends])[index]
    total = np.diff(np.append(begin, ends[-1]))
    which = np.searchsorted(starts, stratum[order])
    place = np.empty(len(first))
    place[order] = (middles - begin[which]) / total[which]
    if len(starts) > 1:
        small = (np.bincount(which, minlength=len(starts)) <= 3)[which]
        place[order[small]] = kept + (1 - kept) * place[order[small]]
    elif len(place) > 1 and place.min() >= kept:  # a few large groups: one of them is held out all the same
        place[place.argmin()] = 0.0
    return place[unit]


def _units(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first row of each key, the unit of each row, the rows of each unit; in the order in which the keys come.

    That order, and so the split, depends on which rows are equal but not on what they hold.
    """
    _, first, unit, sizes = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[unit.ravel()], sizes[order]
