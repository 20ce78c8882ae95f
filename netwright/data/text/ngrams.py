"""Words and pieces of words as numbers: hashes of word 1–2-grams and letter 1–5-grams, weighed by how rare they are.

Hashes are taken of many texts at once, as arrays of letters. The lowest three bits of a hash say what it is of: `WORD`,
`PAIR`, `SINGLE` (a letter), or how many letters there are.

N texts, L letters of all of them, P places where an n-gram of some text was found, G n-grams kept, M of them in a row.

Sources: TF-IDF with sublinear counts (Manning, Raghavan and Schütze 2008, ch. 6); the hashing trick (Weinberger et al.
2009); word and letter n-grams under a linear model as the baseline to beat (Wang and Manning 2012).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

WORD, PAIR = 0, 1
"""What a hash is of, where it is not of so many letters."""
SINGLE = 6
LETTERS = (SINGLE, 2, 3, 4, 5)
"""How many letters an n-gram of letters has, or that it is a single one; the borders of words count as letters."""
MOST_KEPT = 200_000
FEWEST_ROWS = 2
"""Training texts an n-gram must be in to be kept."""
LONG = 400
"""Letters of a middling text above which n-grams of letters are left out: its words are enough, and far fewer."""
MOST_IN_ROW = 1024
MOST_FED = 64_000_000
"""N-grams of all rows together, padding too: 512 MB."""
LONGEST = 1_000_000
"""Letters of one text that are looked at, at most."""
AT_ONCE = 1_000_000
"""Letters that are hashed at a time, more or less."""
FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd, and without a pattern in its bits (the golden ratio): multiplying by it spreads what differs over all bits."""
GAP, SPACE = 0, 32
"""Between two texts, and between two words."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The n-grams of some texts: of each place, which text, which hash, and how often it is there."""

    text: np.ndarray
    """(P,) int64, rising."""
    gram: np.ndarray
    """(P,) uint32, rising within a text, no two alike."""
    count: np.ndarray
    """(P,) int64."""


def plain(text: str) -> str:
    """The text as n-grams see it: one form of each letter (NFKC), small, one space between words and around all."""
    return f" {' '.join(unicodedata.normalize('NFKC', text).lower().split())} "


def counted(texts: Sequence[str], orders: Sequence[int] = (WORD, PAIR, *LETTERS)) -> Iterator[tuple[int, Counted]]:
    """Chunk by chunk, the number of the first text and the n-grams of those that follow, counted from it."""
    start = 0
    for stop in _cuts(texts):
        yield start, _counted(texts[start:stop], orders)
        start = stop


def _cuts(texts: Sequence[str]) -> Iterator[int]:
    """Where chunks end: after about `AT_ONCE` letters, at least one text."""
    letters = 0
    for i, text in enumerate(texts, start=1):
        letters += len(text) + 3
        if letters >= AT_ONCE or i == len(texts):
            yield i
            letters = 0


def _counted(texts: Sequence[str], orders: Sequence[int]) -> Counted:
    codes, text = _letters(texts)
    found = [_of_letters(codes, text, n) for n in orders if n > PAIR]
    if WORD in orders or PAIR in orders:
        found += _of_words(codes, text, orders)
    keys = np.sort(np.concatenate([(where << np.uint64(32)) | gram for where, gram in found]))
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, np.int64)
    count = np.diff(np.append(first, len(keys)))
    different = keys[first]
    return Counted(
        text=(different >> np.uint64(32)).astype(np.int64), gram=different.astype(np.uint32), count=count
    )  # the cast keeps the lower half


def _letters(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The letters of all texts as uint64 (L,), a `GAP` after each text, and the text each is of (L,) uint64."""
    made = [plain(text[:LONGEST]) for text in texts]
    joined = "".join(f"{text}\0" for text in (one.replace("\0", " ") for one in made))
    codes = np.frombuffer(joined.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32).astype(np.uint64)
    text = np.repeat(np.arange(len(made), dtype=np.uint64), [len(one) + 1 for one in made])
    return codes, text


def _mixed(values: np.ndarray, kind: int) -> np.ndarray:
    """(P,) uint32 in uint64: 29 well mixed bits of each, then what it is of."""
    values = (values ^ (values >> np.uint64(32))) * FACTOR
    values = (values ^ (values >> np.uint64(29))) * FACTOR
    return ((values >> np.uint64(35)) << np.uint64(3)) | np.uint64(kind)


def _of_letters(codes: np.ndarray, text: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Text and hash of every n letters in a row that are within a text; `n` may be `SINGLE`."""
    kind, n = n, 1 if n == SINGLE else n
    size = max(0, len(codes) - n + 1)
    rolled, within = np.zeros(size, np.uint64), np.ones(size, bool)
    for i in range(n):
        rolled = rolled * FACTOR + codes[i : i + size]
        within &= codes[i : i + size] != GAP
    if kind == SINGLE:
        within &= codes != SPACE
    return text[:size][within], _mixed(rolled[within], kind)


def _of_words(codes: np.ndarray, text: np.ndarray, orders: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Text and hash of every word, and of every two words that follow each other in a text."""
    kinds = _kinds(codes)
    starts = (kinds > 0) & ((kinds != 1) | (np.concatenate([[0], kinds[:-1]]) != 1))
    begin = np.flatnonzero(starts)
    if not len(begin):
        return [(np.empty(0, np.uint64), np.empty(0, np.uint64))]
    # The sum of letter · factor^place from each start to the next; places count from the word's own start.
    number = np.cumsum(starts) - 1
    inside = np.where((kinds > 0) & (number >= 0))[0]
    place = inside - begin[number[inside]]
    spread = _powers(int(place.max()) + 1)[place] * (codes[inside] + np.uint64(1))
    word = np.add.reduceat(spread, np.searchsorted(inside, begin))
    of = text[begin]
    found = [(of, _mixed(word, WORD))] if WORD in orders else []
    if PAIR in orders:
        same = of[1:] == of[:-1]
        found.append((of[1:][same], _mixed(word[:-1][same] * FACTOR + word[1:][same], PAIR)))
    return found


def _powers(count: int) -> np.ndarray:
    """(count,) 1, FACTOR, FACTOR² … modulo 2⁶⁴."""
    return np.concatenate([np.ones(1, np.uint64), np.multiply.accumulate(np.full(count - 1, FACTOR, np.uint64))])


def _kinds(codes: np.ndarray) -> np.ndarray:
    """(L,) int8: 0 no part of a word, 1 part of one, 2 a word of its own: marks, emoji, and letters of scripts that
    write without spaces.
    """
    different, place = np.unique(codes, return_inverse=True)
    return np.array([_kind(int(code)) for code in different], dtype=np.int8)[place]


def _kind(code: int) -> int:
    if code in (GAP, SPACE):
        return 0
    letter = chr(code)
    category = unicodedata.category(letter)
    if category[0] in "LN":
        return 2 if _unspaced(code) else 1
    return 1 if category[0] == "M" else 0 if category[0] in "CZ" else 2


def _unspaced(code: int) -> bool:
    """Letters of Chinese, Japanese, Thai, Lao, Burmese and Khmer."""
    return (
        0x0E00 <= code < 0x0F00
        or 0x1000 <= code < 0x10A0
        or 0x1780 <= code < 0x1800
        or 0x3040 <= code < 0x3100
        or 0x3400 <= code < 0xA000
        or 0xF900 <= code < 0xFB00
        or 0x20000 <= code < 0x32000
    )


def fit_grams(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The n-grams kept, (G,) uint32 rising, and the rarity of each, (G,) float64: ln((1 + N)/(1 + texts with it)) + 1.

    Those in `FEWEST_ROWS` texts or more, the most frequent `MOST_KEPT`; where that leaves none, all.
    """
    long = len(texts) > 0 and float(np.median([len(text) for text in texts])) > LONG
    grams, rows = np.empty(0, np.uint32), np.empty(0, np.int64)
    for _, found in counted(texts, (WORD, PAIR) if long else (WORD, PAIR, *LETTERS)):
        grams, rows = _added(grams, rows, found.gram)
    kept = np.flatnonzero(rows >= FEWEST_ROWS)
    kept = kept if len(kept) else np.arange(len(grams))
    if len(kept) > MOST_KEPT:
        kept = np.sort(kept[np.argsort(-rows[kept], kind="stable")[:MOST_KEPT]])
    return grams[kept], np.log((1 + len(texts)) / (1 + rows[kept])) + 1


def _added(grams: np.ndarray, rows: np.ndarray, more: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The n-grams and the texts each is in, with more of them counted in, (P,) once for each text."""
    new, count = np.unique(more, return_counts=True)
    both, place = np.unique(np.concatenate([grams, new]), return_inverse=True)
    return both, np.bincount(place, weights=np.concatenate([rows, count]), minlength=len(both)).astype(np.int64)


def most_in_row(rows: int) -> int:
    """How many n-grams of a row are fed at most, by the number of training rows: fewer where there are very many."""
    return max(16, min(MOST_IN_ROW, MOST_FED // max(1, rows)))


def gram_rows(
    texts: Sequence[str], grams: np.ndarray, rarity: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Numbers (N, M) int32 of the n-grams in each text, from 1, 0 behind the last; weights (N, M) float32 of length one
    a row; how many there are of them, (N,); and of how many rows the lightest were left out to keep M within `most`.
    """
    orders = sorted({int(kind) for kind in np.unique(grams & np.uint32(7))}) if len(grams) else []
    parts, lengths, cut = [], np.zeros(len(texts), np.int64), 0
    for start, found in counted(texts, orders) if orders else ():
        text, number, weight, more = _lightest_out(*_weighed(found, grams, rarity), most)
        count = np.bincount(text)
        weight = weight / _lengths(text, (grams[number - 1] & np.uint32(7)) > PAIR, weight, len(count))
        rows = slice(start, start + len(count))
        lengths[rows] = count
        parts.append((rows, number.astype(np.int32), weight.astype(np.float32)))
        cut += more
    width = int(lengths.max()) if len(lengths) else 0
    numbers = np.zeros((len(texts), width), np.int32)
    weights = np.zeros((len(texts), width), np.float32)
    for rows, number, weight in parts:
        filled = np.arange(width) < lengths[rows, None]
        numbers[rows][filled], weights[rows][filled] = number, weight
    return numbers, weights, lengths, cut


def _lengths(text: np.ndarray, letters: np.ndarray, weight: np.ndarray, rows: int) -> np.ndarray:
    """(P,) what to divide by, so that a text's words have length √½, and its n-grams of letters: else those, being
    many more, would drown the words. One of the two alone has length one.
    """
    size = np.sqrt(np.bincount(2 * text + letters, weights=np.square(weight), minlength=2 * rows)).reshape(-1, 2)
    both = (size > 0).all(1)
    return (size * np.where(both, np.sqrt(2), 1)[:, None])[text, letters.astype(int)]


def _weighed(found: Counted, grams: np.ndarray, rarity: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Text, number and weight (1 + ln count) · rarity of those that are kept."""
    place = np.minimum(np.searchsorted(grams, found.gram), len(grams) - 1)
    known = grams[place] == found.gram
    weight = (1 + np.log(found.count[known])) * rarity[place[known]]
    return found.text[known], place[known] + 1, weight


def _lightest_out(
    text: np.ndarray, number: np.ndarray, weight: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """No more than `most` of a text, the heaviest; and how many texts had more."""
    lengths = np.bincount(text)
    long = lengths > most
    if not long.any():
        return text, number, weight, 0
    order = np.lexsort((-weight, text))
    rank = np.arange(len(text)) - (np.cumsum(lengths) - lengths)[text]
    kept = np.sort(order[rank < most])
    return text[kept], number[kept], weight[kept], int(long.sum())


def hashes_of(pieces: Sequence[str], *, whole: bool) -> np.ndarray:
    """(P,) uint32 the hash of each piece: of whole words, or of as many letters, which are `plain` already."""
    if whole:
        found = {
            start + int(place): gram
            for start, some in counted(pieces, (WORD,))
            for place, gram in zip(some.text, some.gram, strict=True)
        }
        return np.array([found.get(i, 0) for i in range(len(pieces))], dtype=np.uint32)
    hashes = []
    for piece in pieces:
        codes = np.array([ord(letter) for letter in piece], dtype=np.uint64)
        hashes.append(_of_letters(codes, np.zeros_like(codes), len(piece))[1])
    return np.concatenate(hashes).astype(np.uint32) if hashes else np.empty(0, np.uint32)
