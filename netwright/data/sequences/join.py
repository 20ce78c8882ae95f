"""Sequences of several sources, one below the other.

N sequences, T steps of the longest, C channels.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from netwright.core.errors import InputError
from netwright.data.sequences.collection import Sequences


def join(parts: Sequence[Sequences]) -> Sequences:
    """All of them, the first's columns and names; columns that a later one lacks are empty there.

    Raises InputError where one has another number of channels.
    """
    first, *others = parts
    for other in others:
        if len(other.channels) != len(first.channels):
            raise InputError(
                f"{other.table.name} has not the channels of {first.table.name}.",
                got=f"{len(other.channels)} channels: {', '.join(other.channels[:10])}",
                wanted=f"{len(first.channels)}: {', '.join(first.channels[:10])}",
                fix="Give sequences of the same channels.",
            )
    longest = max(part.values.shape[1] for part in parts)
    values = np.full((sum(map(len, parts)), longest, len(first.channels)), np.nan, dtype=np.float32)
    table, at = first.table, 0
    for part in parts:
        values[at : at + len(part), : part.values.shape[1]] = part.values
        at += len(part)
        if part is not first:
            absent = [name for name in table.columns if name not in part.table.columns]
            table = table.beneath(part.table.with_columns({name: [None] * len(part) for name in absent}))
    lengths = np.concatenate([part.lengths for part in parts])
    notices = tuple(notice for part in parts for notice in part.notices)
    return replace(first, table=table, values=values, lengths=lengths, notices=notices)
