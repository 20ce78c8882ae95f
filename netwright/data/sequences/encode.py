"""Sequences to the numbers a network is fed, by a form.

N sequences, T steps, C channels.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from netwright.core.forms import SequenceForm
from netwright.core.notice import Notice
from netwright.data.encode import FAR, Encoded, parts_encoded
from netwright.data.sequences.collection import Sequences

AT_ONCE = 2**22
"""Values that are standardised together, so that no copy of all is made in float64."""


def encode_sequences(form: SequenceForm, sequences: Sequences) -> Encoded:
    """Values (N, T, C) float32, standardised by channel and zero past the end, and lengths (N,).

    What is missing within a sequence lies on the line between its neighbours, at an end it is as the nearest value; a
    channel without any value is the mean of training. `gaps` counts such values by channel.
    """
    gaps = missing(sequences)
    values = np.empty(sequences.values.shape, dtype=np.float32)
    step = max(1, AT_ONCE // max(1, values[:1].size))
    for rows in (slice(start, start + step) for start in range(0, len(values), step)):
        values[rows] = _standardised(form, filled(sequences.values[rows], sequences.lengths[rows], gaps[rows]))
    counts = Counter({name: int(n) for name, n in zip(form.channels, gaps.sum((0, 1)), strict=True)})
    encoded = parts_encoded(values, sequences.lengths, lengths=(sequences.lengths, None))
    return replace(encoded, gaps=+counts, notices=tuple(gap_notices(sequences, gaps)))


def _standardised(form: SequenceForm, values: np.ndarray) -> np.ndarray:
    """(N, T, C) by the means and spreads of training, in float64: far from zero a float32 has no digits to spare."""
    with np.errstate(over="ignore"):
        values = (values - np.asarray(form.mean)) / np.asarray(form.scale)
    np.nan_to_num(values, copy=False, nan=0.0, posinf=FAR, neginf=-FAR)
    return np.clip(values, -FAR, FAR, out=values)


def missing(sequences: Sequences) -> np.ndarray:
    """(N, T, C) where a value is missing within a sequence."""
    inside = np.arange(sequences.values.shape[1]) < sequences.lengths[:, None]
    return np.isnan(sequences.values) & inside[:, :, None]


def filled(values: np.ndarray, lengths: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """A copy of the values (N, T, C) with the gaps (N, T, C) filled, but for channels without any value."""
    values = values.copy()
    for row, channel in np.argwhere(gaps.any(1)):
        own, gap = values[row, : lengths[row], channel], gaps[row, : lengths[row], channel]
        if not gap.all():
            own[gap] = np.interp(np.flatnonzero(gap), np.flatnonzero(~gap), own[~gap])
    return values


def gap_notices(sequences: Sequences, gaps: np.ndarray) -> list[Notice]:
    """What is said of values that were missing, (N, T, C), and of sequences without a step."""
    notices = []
    touched = gaps.any((1, 2))
    if touched.any():
        names = [sequences.channels[i] for i in np.flatnonzero(gaps.sum((0, 1)))]
        what = f"{int(gaps.sum()):,} value(s) are missing in {int(touched.sum()):,} of {len(sequences):,} sequences"
        what += f" (first in sequence {int(np.flatnonzero(touched)[0]) + 1}; {', '.join(map(repr, names[:5]))}): "
        what += "each is put on the line between its neighbours, or as the nearest at an end"
        notices.append(Notice(what=what, fix="fill them in to say otherwise"))
    empty = np.flatnonzero(sequences.lengths == 0)
    if len(empty):
        what = f"{len(empty):,} sequence(s) have no step at all (first is number {empty[0] + 1})"
        notices.append(Notice(what=what, fix="leave them out: nothing can be told from them"))
    return notices
