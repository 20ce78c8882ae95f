"""Sequences in memory, and the table of what stands beside them.

N sequences, T steps of the longest, C channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from netwright.core.errors import InputError
from netwright.core.memory import available_memory
from netwright.core.notice import Notice
from netwright.data.table import Table

NAME = "sequence"
"""The column of names, where the source has none of its own."""
MOST = float(np.finfo(np.float32).max)
"""The largest value."""


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """N sequences and what is said of each."""

    table: Table
    """One row a sequence: a column of names, then labels and whatever does not change within a sequence."""
    values: np.ndarray
    """(N, T, C) floats as exact as the source's, NaN where a value is missing and past the end. They become float32
    once they are standardised, not before: of values far from zero little would be left."""
    lengths: np.ndarray
    """(N,) int64 steps of each."""
    channels: tuple[str, ...]
    target: str | None = None
    """The column of labels, where the source itself has one."""
    classes: bool = False
    """Whether these are classes: words, or whole numbers, and not measurements."""
    given: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Rows of "test" and "validation", where the source divides itself."""
    order: str | None = None
    """The column of a long table that ordered the steps."""
    id: str | None = None
    """The column of a long table that said which sequence a step belongs to."""
    steps: tuple[str, ...] = ()
    """The columns of a wide table that are the steps."""
    notices: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: np.ndarray) -> "Sequences":
        """The sequences with these positions (from 0), in this order, no longer divided."""
        rows = np.asarray(rows)
        return replace(
            self, table=self.table.take(rows), values=self.values[rows], lengths=self.lengths[rows], given={}
        )

    def digests(self) -> np.ndarray:
        """(N,) uint64, equal for sequences of the same steps."""
        found = np.empty(len(self), dtype=np.uint64)
        for row, (values, length) in enumerate(zip(self.values, self.lengths, strict=True)):
            digest = blake2b(int(length).to_bytes(8, "little") + values[:length].tobytes(), digest_size=8)
            found[row] = int.from_bytes(digest.digest(), "little")
        return found


def padded(parts: Sequence[np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (Tᵢ, C) as values (N, T, C), NaN past their ends, and lengths (N,).

    Raises InputError where that is more than fits in memory.
    """
    lengths = np.asarray([len(part) for part in parts], dtype=np.int64)
    longest, channels = int(lengths.max(initial=0)), parts[0].shape[1] if len(parts) else 1
    kind = np.result_type(np.float32, *{part.dtype for part in parts})
    needed, room = len(parts) * longest * channels * kind.itemsize, available_memory()
    if needed > room * 3 // 4:
        raise InputError(
            f"{name}: the sequences do not fit in memory, all of them as long as the longest.",
            got=f"{len(parts):,} sequences of {channels} channels, the longest of {longest:,}: {needed / 1e9:.1f} GB",
            wanted=f"no more than {room * 0.75 / 1e9:.1f} GB, three quarters of the memory that is free",
            fix="Cut the longest into several, keep every tenth step or so, or give fewer sequences.",
        )
    values = np.full((len(parts), longest, channels), np.nan, dtype=kind)
    for row, part in enumerate(parts):
        values[row, : len(part)] = part
    return values, lengths


def finite(values: np.ndarray, name: str) -> tuple[np.ndarray, list[Notice]]:
    """The values (N, T, C) with infinite ones, and those no float32 could hold, taken away, and a notice of them."""
    wild = np.abs(values) > MOST
    if not wild.any():
        return values, []
    first = int(np.flatnonzero(wild.any((1, 2)))[0]) + 1
    what = f"{name}: {int(wild.sum()):,} value(s) are infinite, or too large to be meant, and count as missing"
    what += f" (first in sequence {first})"
    return np.where(wild, values.dtype.type(np.nan), values), [Notice(what=what, fix="correct them in the source")]


def channel_names(count: int) -> tuple[str, ...]:
    """Names for channels that have none."""
    return ("value",) if count == 1 else tuple(f"channel {i}" for i in range(1, count + 1))


def numbered(count: int) -> list[str]:
    """Names for sequences that have none."""
    return [f"{NAME} {i}" for i in range(1, count + 1)]
