"""How many fields each record of delimited text has: one pass over the bytes, in chunks, before it is parsed.

A parser that fills short records with gaps, or cuts long ones, would lose data without a word; this pass sees them.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

CHUNK = 1 << 23
"""Bytes looked at at a time."""
SHOWN = 5
"""Odd records kept to be shown."""
QUOTE, NEWLINE, RETURN, SPACE = b'"\n\r '


@dataclass
class Scan:
    """What one pass found. Records count from 0, the header being record 0; positions are bytes from the start."""

    records: int = 0
    fields: Counter[int] = field(default_factory=Counter)
    """How many records, header and blank lines aside, have how many fields."""
    blanks: list[int] = field(default_factory=list)
    """Records that are empty lines."""
    odd: list[tuple[int, int]] = field(default_factory=list)
    """(position, fields) of the first records whose number of fields is not the header's."""
    loose: int | None = None
    """Where a quote first stands inside a cell that is not quoted, or text follows a closing quote."""
    open: bool = False
    """Whether a quote is still open at the end."""
    header: int = 0
    """Fields of the header."""
    header_end: int = 0
    """Position of the newline that ends the header."""


def scan(data: bytes, delimiter: str) -> Scan:
    """Count the fields of every record. A newline at the very end closes the last record and opens none."""
    found, walker = Scan(), _Walker(data, ord(delimiter))
    for start in range(0, len(data), CHUNK):
        begin = walker.record_start
        ends, commas = walker.step(start, min(start + CHUNK, len(data)))
        if walker.loose is not None:
            found.loose = walker.loose
            return found
        if len(ends):
            _add(found, data, np.concatenate([[begin], ends[:-1] + 1]), ends, commas + 1)
    found.open = walker.inside
    return found


class _Walker:
    """Where records end and how many delimiters each holds, chunk after chunk."""

    def __init__(self, data: bytes, delimiter: int) -> None:
        self.data, self.delimiter = data, delimiter
        self.bytes = np.frombuffer(data, np.uint8)
        self.inside, self.pending, self.record_start = False, 0, 0
        self.loose: int | None = None
        self.around = np.zeros(256, bool)
        self.around[[delimiter, NEWLINE, RETURN, QUOTE]] = True

    def step(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Ends (positions of newlines outside quotes; the end of the data counts as one) and delimiters a record."""
        chunk = self.bytes[start:stop]
        newline, comma = chunk == NEWLINE, chunk == self.delimiter
        if self.inside or self.data.find(b'"', start, stop) >= 0:
            quote = chunk == QUOTE
            # The parity of the quotes so far; uint8 wraps at 256, which keeps it.
            outside = ((np.cumsum(quote, dtype=np.uint8) + self.inside) & 1) == 0
            self._look_for_loose(start, quote, outside)
            newline &= outside
            comma &= outside
            self.inside = not bool(outside[-1])
        return self._records(np.flatnonzero(newline) + start, np.flatnonzero(comma) + start, stop)

    def _records(self, ends: np.ndarray, commas: np.ndarray, stop: int) -> tuple[np.ndarray, np.ndarray]:
        total = np.searchsorted(commas, ends)
        counts = np.diff(total, prepend=0)
        left = len(commas) - (int(total[-1]) if len(ends) else 0)
        if len(ends):
            counts[0] += self.pending
            self.record_start, self.pending = int(ends[-1]) + 1, left
        else:
            self.pending += left
        if stop == len(self.data) and self.record_start < stop:
            ends, counts = np.append(ends, stop), np.append(counts, self.pending)
        return ends, counts

    def _look_for_loose(self, start: int, quote: np.ndarray, outside: np.ndarray) -> None:
        opens, closes = np.flatnonzero(quote & ~outside) + start, np.flatnonzero(quote & outside) + start
        last = len(self.data) - 1
        good_before = (opens == 0) | self.around[self.bytes[np.maximum(opens - 1, 0)]]
        good_after = (closes == last) | self.around[self.bytes[np.minimum(closes + 1, last)]]
        wrong = np.concatenate([opens[~good_before], closes[~good_after]])
        if len(wrong):
            self.loose = int(wrong.min())


def _add(found: Scan, data: bytes, begins: np.ndarray, ends: np.ndarray, fields: np.ndarray) -> None:
    bare = _bare(data, begins, ends, fields)
    first = 0
    if not found.records:
        found.header, found.header_end, first = int(fields[0]), int(ends[0]), 1
    counts = np.bincount(fields[first:][~bare[first:]])
    found.fields.update({int(n): int(counts[n]) for n in np.flatnonzero(counts)})
    found.blanks += (np.flatnonzero(bare) + found.records).tolist()
    for i in np.flatnonzero((fields != found.header) & ~bare)[: SHOWN - len(found.odd)]:
        found.odd.append((int(begins[i]), int(fields[i])))
    found.records += len(ends)


def _bare(data: bytes, begins: np.ndarray, ends: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Which records hold nothing but white space."""
    bare = ends - begins <= 0
    begun = np.frombuffer(data, np.uint8)[np.minimum(begins, len(data) - 1)] <= SPACE
    for i in np.flatnonzero((fields == 1) & ~bare & begun):
        bare[i] = not data[begins[i] : ends[i]].strip()
    return bare
