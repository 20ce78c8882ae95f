"""Byte-pair pieces of a text: frequent runs of bytes (Sennrich et al. 2016; on bytes, Radford et al. 2019).

Any text can be written with them, so that there is none that training never saw. As the library tokenizers writes
pieces, each byte stands as one printable character.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from netwright.data.corpus.vocabulary import UNSEEN
from netwright.data.text.tokenizer import library, load_tokenizer

FEWEST, MOST = 512, 8192
"""Different pieces."""
BYTES_A_PIECE = 1200
"""Of training text, so that each piece is seen often enough to be learned."""
LEARNED_FROM = 20_000_000
"""Characters that pieces are learned from at most, in stretches spread evenly."""
STRETCH = 100_000
"""Characters that are cut into pieces at a time."""


def train_pieces(training: str) -> str:
    """Pieces of the training part, as JSON for `tokenizers`. Raises InputError where that library is not installed."""
    from_library = library()
    tokenizer = from_library.Tokenizer(from_library.models.BPE())
    tokenizer.pre_tokenizer = from_library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = from_library.trainers.BpeTrainer(
        vocab_size=min(MOST, max(FEWEST, len(training.encode(errors="replace")) // BYTES_A_PIECE)),
        min_frequency=2,
        initial_alphabet=sorted(letters()),
        show_progress=False,
    )
    every = max(1, -(-len(training) // LEARNED_FROM))
    read = (stretch for i, stretch in enumerate(stretches(training)) if i % every == 0)
    tokenizer.train_from_iterator(read, trainer)
    return tokenizer.to_str()


def vocabulary_of(tokenizer: str) -> tuple[str, ...]:
    """The pieces in the order of their numbers, each one more than the library's, behind token 0."""
    pieces: dict[str, int] = load_tokenizer(tokenizer).get_vocab()
    return (UNSEEN, *sorted(pieces, key=pieces.__getitem__))


def pieces_numbered(text: str, tokenizer: str) -> np.ndarray:
    """(n,) int32 the numbers of the text's pieces, in its order; a half letter (a lone surrogate) is read as "?"."""
    text = text.encode(errors="replace").decode()
    loaded: Any = load_tokenizer(tokenizer)
    found = [np.zeros(0, dtype=np.int32)]
    batch: list[str] = []
    for stretch in stretches(text):
        batch.append(stretch)
        if len(batch) == 64:
            found += [_numbers(encoding) for encoding in loaded.encode_batch_fast(batch)]
            batch = []
    found += [_numbers(encoding) for encoding in loaded.encode_batch_fast(batch)]
    return np.concatenate(found)


def bytes_of(piece: str) -> bytes:
    """The bytes a piece stands for; none for token 0, which no piece is."""
    table = letters()
    return bytes(table[letter] for letter in piece if letter in table)


@cache
def letters() -> dict[str, int]:
    """Which byte each printable character stands for: printable bytes for themselves, the others from U+0100 on."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(others)}


def stretches(text: str) -> Iterator[str]:
    """The text in stretches of about `STRETCH` characters, cut where a line or a word begins, if one does."""
    start = 0
    while start < len(text):
        end = start + STRETCH
        if end < len(text):
            cut = max(text.rfind("\n", start + 1, end) + 1, text.rfind(" ", start + 1, end))
            end = cut if cut > start else end
        yield text[start:end]
        start = end


def _numbers(encoding: Any) -> np.ndarray:
    return np.asarray(encoding.ids, dtype=np.int32) + np.int32(1)
