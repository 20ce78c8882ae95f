"""What the training sequences are like: their channels, lengths, means and spreads.

n training sequences, T steps, C channels.
"""

import numpy as np

from netwright.core.errors import InputError
from netwright.core.forms import MOST, SequenceForm
from netwright.data.sequences.collection import Sequences

AT_ONCE = 2**24
"""Values that are looked at together, so that no copy of all is made."""
ROUNDING = 1e-13
"""A spread smaller than this share of the mean is rounding, not change."""


def fit_form(sequences: Sequences, training: np.ndarray) -> SequenceForm:
    """The form of the sequences at these positions (n,), no other being looked at.

    A channel that never changes has a scale of 1. Raises InputError for sequences that are too long.
    """
    lengths = sequences.lengths[training]
    if int(lengths.max(initial=0)) > MOST:
        longest = int(training[lengths.argmax()])
        raise InputError(
            f"{sequences.table.name}: a sequence is too long.",
            got=f"{int(lengths.max()):,} steps in sequence {longest + 1}",
            wanted=f"{MOST:,} steps at most",
            fix="Keep every tenth step or so, or cut it into several.",
        )
    mean, scale = _statistics(sequences.values, training)
    return SequenceForm(
        channels=sequences.channels,
        length=max(1, int(lengths.max(initial=1))),
        shortest=max(1, int(lengths.min(initial=MOST))),
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        order=sequences.order,
        id=sequences.id,
        steps=sequences.steps,
    )


def _statistics(values: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(C,) mean and (C,) standard deviation of each channel over all steps that have a value, in float64."""
    channels = values.shape[2]
    count, total, squares = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    step = max(1, AT_ONCE // max(1, values[0].size if len(values) else 1))
    parts = [training[start : start + step] for start in range(0, len(training), step)]
    for rows in parts:
        part = values[rows].astype(np.float64)
        count += (~np.isnan(part)).sum((0, 1))
        total += np.nansum(part, (0, 1))
    mean = total / np.maximum(count, 1)
    for rows in parts:
        squares += np.nansum(np.square(values[rows].astype(np.float64) - mean), (0, 1))
    scale = np.sqrt(squares / np.maximum(count, 1))
    return mean, np.where(scale > ROUNDING * np.abs(mean), scale, 1.0)
