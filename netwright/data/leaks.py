"""Columns that give the answer away: copies or functions of the target."""

from collections.abc import Sequence

import numpy as np

from netwright.core.notice import Notice
from netwright.data.table import Table

FEWEST_ROWS = 30
"""With fewer rows a perfect match is no evidence."""
PURE = 0.999
"""Share of rows that must fit; a copy may have a few gaps or slips."""


def find_leaks(table: Table, columns: Sequence[str], target: np.ndarray, *, classes: bool) -> list[Notice]:
    """A warning for each of `columns` from which the target follows, or that follows from it.

    `target` (N,): class numbers, or values for regression. Give training rows only.
    """
    found = []
    for name in columns:
        values, numeric = _codes(table, name)
        known = values >= 0 if not numeric else ~np.isnan(values)
        if known.sum() < max(FEWEST_ROWS, table.rows / 2):
            continue
        why = _relation(values[known], numeric, target[known], classes)
        if why:
            found.append(
                Notice(
                    what=f"{name!r} gives the target away: {why}. Would you have it before the answer is known?",
                    fix=f"--exclude {name}",
                    column=name,
                    serious=True,
                )
            )
    return found


def _codes(table: Table, name: str) -> tuple[np.ndarray, bool]:
    """(N,) the values of a number or a time, NaN where absent; or an integer a value, −1 where absent."""
    series = table[name]
    if series.dtype.is_numeric():
        return series.to_numpy().astype(np.float64), True
    if series.dtype.is_temporal():
        return series.dt.epoch("s").cast(float).to_numpy(), True
    return (series.cast(str).rank("dense").cast(int).fill_null(0).to_numpy().astype(np.int64) - 1), False


def _relation(values: np.ndarray, numeric: bool, target: np.ndarray, classes: bool) -> str:
    different = len(np.unique(values))
    if different < 2 or len(np.unique(target)) < 2:
        return ""
    if numeric and not classes:
        return "it rises or falls exactly as the target does" if _monotone(values, target) else ""
    if not numeric and classes:
        return _pure_both_ways(values, target)
    if numeric and different > 2:
        return "its values separate the classes without a slip" if _separates(values, target) else ""
    if numeric:
        return _pure_both_ways(np.unique(values, return_inverse=True)[1], target)
    return "it is the target cut into ranges" if different > 2 and _separates(target, values) else ""


def _monotone(values: np.ndarray, target: np.ndarray) -> bool:
    """Whether the ranks agree (Spearman's correlation above 0.9999), with many different values on both sides."""
    if min(len(np.unique(values)), len(np.unique(target))) < 10:
        return False
    ranks = np.stack([np.unique(v, return_inverse=True)[1].ravel() for v in (values, target)])
    return bool(abs(np.corrcoef(ranks)[0, 1]) > 0.9999)


def _separates(values: np.ndarray, codes: np.ndarray) -> bool:
    """Whether each code forms a single run when sorted by `values`; two codes must both be well filled."""
    if len(np.unique(codes)) < 3 and len(np.unique(values)) > 10:
        return _two_runs(values, codes)
    ordered = codes[np.argsort(values, kind="stable")]
    runs = 1 + int(np.sum(ordered[1:] != ordered[:-1]))
    return runs == len(np.unique(codes)) and np.bincount(codes.astype(np.int64)).max() < len(codes) * 0.95


def _two_runs(values: np.ndarray, codes: np.ndarray) -> bool:
    """Two classes either side of one threshold: told only when both are well filled."""
    ordered = codes[np.argsort(values, kind="stable")]
    shares = np.unique(codes, return_counts=True)[1] / len(codes)
    return int(np.sum(ordered[1:] != ordered[:-1])) == 1 and bool(shares.min() > 0.05)


def _pure_both_ways(values: np.ndarray, target: np.ndarray) -> str:
    if _pure(values, target):
        return "each of its values belongs to one class"
    if _pure(target, values) and np.unique(values, return_counts=True)[1].max() < 0.95 * len(values):
        return "each class has one value of it"
    return ""


def _pure(keys: np.ndarray, values: np.ndarray) -> bool:
    """Whether nearly every row's value is the most frequent one of its key, five rows a key on average or more."""
    keys = np.unique(keys, return_inverse=True)[1].ravel()
    values = np.unique(values, return_inverse=True)[1].ravel()
    if len(keys) < 5 * (keys.max() + 1):
        return False
    joint, counts = np.unique(keys * (values.max() + 1) + values, return_counts=True)
    best = np.zeros(keys.max() + 1)
    np.maximum.at(best, joint // (values.max() + 1), counts)
    return bool(best.sum() >= PURE * len(keys)) and len(np.unique(values)) > 1
