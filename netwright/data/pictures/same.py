"""One picture under two classes."""

from collections.abc import Sequence

import numpy as np

from netwright.core.notice import Notice

NAMED = 3
"""Pairs named in words."""


def same_content(names: Sequence[str], contents: np.ndarray, labels: Sequence[object] | np.ndarray) -> list[Notice]:
    """A notice of the pictures whose content lies in more than one class; none where there are none.

    `names` what messages call the pictures, `contents` (N,) as `digests` gives them, `labels` (N,) the classes.
    """
    _, group, counts = np.unique(contents, return_inverse=True, return_counts=True)
    members: dict[int, list[int]] = {}
    for row in np.flatnonzero(counts[group] > 1):
        members.setdefault(int(group[row]), []).append(int(row))
    pairs = [pair for rows in members.values() if (pair := _differing(rows, labels)) is not None]
    if not pairs:
        return []
    said = [f"{names[a]} ({labels[a]}) and {names[b]} ({labels[b]})" for a, b in pairs[:NAMED]]
    more = f"; and {len(pairs) - NAMED:,} more" if len(pairs) > NAMED else ""
    what = f"{len(pairs):,} picture(s) lie in more than one class with the same content: {'; '.join(said)}{more}"
    return [Notice(what=what, fix="delete the copy in the wrong class", serious=True)]


def _differing(rows: Sequence[int], labels: Sequence[object] | np.ndarray) -> tuple[int, int] | None:
    first = rows[0]
    return next(((first, row) for row in rows[1:] if labels[row] != labels[first]), None)
