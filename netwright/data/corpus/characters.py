"""Characters as numbers: the code points of a text, looked up in a table.

n characters.
"""

import numpy as np

AT_ONCE = 1 << 24
"""Characters turned at a time, so that a large text does not stand in memory many times."""
POINTS = 0x110000
"""Code points there are."""


def code_points(text: str) -> np.ndarray:
    """(n,) int32, one a character; halves of surrogate pairs too, which a command line may hold."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<i4")


def counted(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different code points, rising, and how often each occurs."""
    counts = np.bincount(points, minlength=1)
    found = np.flatnonzero(counts)
    return found, counts[found]


def numbered(text: str, vocabulary: tuple[str, ...]) -> np.ndarray:
    """(n,) int32 the number of each character in the vocabulary, 0 where it is not there."""
    table = np.zeros(POINTS, dtype=np.int32)
    table[[ord(character) for character in vocabulary[1:]]] = np.arange(1, len(vocabulary), dtype=np.int32)
    parts = [table[code_points(text[start : start + AT_ONCE])] for start in range(0, len(text), AT_ONCE)]
    return np.concatenate([np.zeros(0, dtype=np.int32), *parts])
