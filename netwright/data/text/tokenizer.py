"""Texts to numbered pieces: the one file that imports `tokenizers`.

Pieces are byte-pair pieces (Sennrich, Haddow and Birch 2016) of the training texts, in one form of each letter (NFKC),
small letters, words marked where they begin. A letter that training never saw is told by its bytes in UTF-8, so that no
text is unreadable.
"""

from collections.abc import Sequence
from itertools import chain
from types import ModuleType
from typing import Any

import numpy as np

from netwright.core.errors import InputError

PAD, UNKNOWN = "[PAD]", "[UNK]"
"""Tokens 0 and 1."""
MOST_PIECES = 16_000
MOST_LETTERS = 4_000
"""Different letters that get a piece of their own; rarer ones are told by their bytes."""
NEVER = 2**40
"""How often two pieces would have to stand side by side to be joined, where none are to be."""
READ = 8_000_000
"""Letters of the training texts that pieces are learned from, at most, spread evenly."""
LONGEST = 1_000
"""Letters of a text that are learned from, at most."""
LONGEST_FILE = 100_000_000
"""Bytes of a tokenizer."""
SPARE = 16
"""Letters that are looked at for each token that is wanted: no piece of a natural text stands for more."""


def library() -> ModuleType:
    """`tokenizers`. Raises InputError where it is not installed."""
    try:
        import tokenizers
    except ImportError:
        raise InputError(
            "Texts are cut into pieces by the library tokenizers, which is not installed.",
            got="no module named tokenizers",
            wanted="tokenizers 0.20 or later",
            fix='pip install "netwright[text]"',
        ) from None
    return tokenizers


def train_tokenizer(texts: Sequence[str]) -> str:
    """A tokenizer of pieces that are frequent in these texts, as JSON; token 0 pads. Raises InputError without library.

    As many merges as there are different words that occur twice, to `MOST_PIECES` pieces; none where texts are single
    words, such as names, or are written without spaces: their pieces are letters.
    """
    from_library = library()
    read = _spread(texts)
    bytes_of = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = from_library.Tokenizer(from_library.models.BPE(unk_token=UNKNOWN, byte_fallback=True, fuse_unk=False))
    tokenizer.normalizer = from_library.normalizers.Sequence(
        [from_library.normalizers.NFKC(), from_library.normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = from_library.pre_tokenizers.Sequence(
        [
            from_library.pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always"),
            from_library.pre_tokenizers.Punctuation(behavior="isolated"),
        ]
    )
    letters, merges = len(set("".join(read))), _merges(read)
    trainer = from_library.trainers.BpeTrainer(
        vocab_size=min(MOST_PIECES, 258 + min(letters, MOST_LETTERS) + merges),
        min_frequency=2 if merges else NEVER,
        limit_alphabet=MOST_LETTERS,
        special_tokens=[PAD, UNKNOWN, *bytes_of],
        show_progress=False,
    )
    tokenizer.train_from_iterator(read, trainer)
    return tokenizer.to_str()


def _spread(texts: Sequence[str]) -> list[str]:
    """Texts, each cut to `LONGEST`, spread evenly over all, that have about `READ` letters together."""
    letters = sum(min(len(text), LONGEST) for text in texts)
    stride = max(1, -(-letters // READ))
    return [text[:LONGEST] for text in texts[::stride]]


def _merges(texts: Sequence[str]) -> int:
    """How many pieces longer than a letter are worth having."""
    words: dict[str, int] = {}
    for text in texts:
        for word in text.lower().split():
            words[word] = words.get(word, 0) + 1
    if sum(words.values()) < 2 * len(texts):
        return 0
    return sum(count > 1 for count in words.values())


def load_tokenizer(text: str) -> Any:
    """The tokenizer this JSON tells of. Raises ValueError where it is none, and InputError without the library."""
    if len(text) > LONGEST_FILE:
        raise ValueError(f"a tokenizer of {len(text):,} letters; {LONGEST_FILE:,} at most")
    from_library = library()
    try:
        tokenizer = from_library.Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"no tokenizer: {str(error).splitlines()[0][:200]}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def pieces_in(tokenizer: Any) -> int:
    """How many different tokens there are: one more than the greatest number."""
    return max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1


def tokens_of(tokenizer: Any, texts: Sequence[str], length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, T) int32 tokens, 0 behind the last, T the longest row's; (N,) how many; (N,) whether a text was cut.

    A text has `length` tokens at most. One without any, an empty text, has token 1.
    """
    tokenizer.enable_truncation(length)
    tokenizer.encode_special_tokens = True  # a text that says "[PAD]" is no padding
    cut_at = SPARE * (length + 1)
    rows: list[list[int]] = []
    cut: list[bool] = []
    for start in range(0, len(texts), 4096):
        some = [clean(text)[:cut_at] for text in texts[start : start + 4096]]
        found = tokenizer.encode_batch_fast(some)
        rows += [encoding.ids or [1] for encoding in found]
        cut += [bool(encoding.overflowing) for encoding in found]
    tokenizer.no_truncation()
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    tokens = np.zeros((len(rows), int(lengths.max()) if rows else 1), dtype=np.int32)
    if rows:
        tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = np.fromiter(chain.from_iterable(rows), dtype=np.int32)
    return tokens, lengths, np.array(cut, dtype=bool)


def clean(text: str) -> str:
    """The text with one space between words and none around, and no half letters (lone surrogates)."""
    return " ".join(text.split()).encode("utf-8", errors="replace").decode()
