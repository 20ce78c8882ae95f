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

    Raises InputError where one has other channels, or as a wide table other steps.
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
        if first.id is not None and other.id is not None and other.channels != first.channels:
            raise _otherwise("channels", other, first.table.name, other.channels, first.channels)
        if first.steps and other.steps and other.steps != first.steps:
            raise _otherwise("steps", other, first.table.name, other.steps, first.steps)
    longest = max(part.values.shape[1] for part in parts)
    kind = np.result_type(*(part.values.dtype for part in parts))
    values = np.full((sum(map(len, parts)), longest, len(first.channels)), np.nan, dtype=kind)
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


def _otherwise(what: str, other: Sequences, name: str, got: Sequence[str], wanted: Sequence[str]) -> InputError:
    """The error where columns that must be the same ones are others, or stand in another order."""
    place = next((i for i, pair in enumerate(zip(got, wanted, strict=False)) if pair[0] != pair[1]), None)
    place = min(len(got), len(wanted)) if place is None else place
    return InputError(
        f"The {what} of {other.table.name} are not those of {name}.",
        got=f"{len(got):,}, of which number {place + 1} is {got[place] if place < len(got) else 'missing'!r}",
        wanted=f"{len(wanted):,}, of which it is {wanted[place] if place < len(wanted) else 'missing'!r}",
        fix="Give both the same columns of numbers in one order, or take the others away with --exclude.",
    )
