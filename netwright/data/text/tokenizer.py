"""Texts to numbered pieces: the one file that imports `tokenizers`.

Pieces are byte-pair pieces (Sennrich, Haddow and Birch 2016) of the training texts, in one form of each letter (NFKC),
small letters, words marked where they begin. A letter that training never saw is told by its bytes in UTF-8, so that no
text is unreadable.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
AT_ONCE, LETTERS_AT_ONCE = 4096, 2_000_000
"""Texts, and letters of them, that are cut into pieces at a time: a piece takes some hundred bytes meanwhile."""
PROBE = "Word, WORD 0! ßéשλ 漢字 ꙮ 🙂\u0378"
"""Letters of many scripts, some that no tokenizer knows."""
MOST_NUMBER = 2**31
"""What token numbers are below."""


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
    """The tokenizer this JSON tells of. Raises ValueError where it is none, or one that some texts or token numbers
    are too much for, and InputError without the library.
    """
    if len(text) > LONGEST_FILE:
        raise ValueError(f"a tokenizer of {len(text):,} letters; {LONGEST_FILE:,} at most")
    from_library = library()
    with refused():
        tokenizer = from_library.Tokenizer.from_str(text)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tried = [number for encoding in tokenizer.encode_batch_fast([PROBE, ""]) for number in encoding.ids]
    greatest = max(pieces_in(tokenizer) - 1, *tried, 0)
    if greatest >= MOST_NUMBER:
        raise ValueError(f"no tokenizer: a token with the number {greatest:,}; below {MOST_NUMBER:,} is wanted")
    return tokenizer


@contextmanager
def refused() -> Iterator[None]:
    """Whatever the library raises as a ValueError: it raises bare Exception, and where its Rust code panics what is
    not even an Exception.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:
        raise ValueError(f"no tokenizer: {(str(error) or type(error).__name__).splitlines()[0][:200]}") from None


def pieces_in(tokenizer: Any) -> int:
    """How many different tokens there are: one more than the greatest number."""
    return max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1


def tokens_of(tokenizer: Any, texts: Sequence[str], length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, T) int32 tokens, 0 behind the last, T the longest row's; (N,) how many; (N,) whether a text was cut.

    A text has `length` tokens at most. One without any, an empty text, has token 1. Raises ValueError where the
    tokenizer can't do it.
    """
    cut_at = SPARE * (length + 1)
    rows: list[np.ndarray] = []
    cut: list[bool] = []
    with refused():
        tokenizer.enable_truncation(length)
        tokenizer.encode_special_tokens = True  # a text that says "[PAD]" is no padding
        for some in _batches(texts, cut_at):
            found = tokenizer.encode_batch_fast([text[:cut_at] for text in some])
            rows += [np.array(encoding.ids or [1], dtype=np.int32) for encoding in found]
            cut += [len(text) > cut_at or bool(e.overflowing) for text, e in zip(some, found, strict=True)]
        tokenizer.no_truncation()
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    tokens = np.zeros((len(rows), int(lengths.max()) if rows else 1), dtype=np.int32)
    if rows:
        tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = np.concatenate(rows)
    return tokens, lengths, np.array(cut, dtype=bool)


def _batches(texts: Sequence[str], letters: int) -> Iterator[list[str]]:
    """Clean texts, one letter more of each than are wanted, some at a time."""
    some, held = [], 0
    for text in texts:
        some.append(clean(text, letters + 1))
        held += len(some[-1])
        if len(some) == AT_ONCE or held >= LETTERS_AT_ONCE:
            yield some
            some, held = [], 0
    if some:
        yield some


def clean(text: str, letters: int) -> str:
    """The first letters of the text, with one space between words and none around, and no half letters (lone
    surrogates).
    """
    words = text.split(None, letters)  # more words than letters are not looked for
    return " ".join(words)[:letters].encode("utf-8", errors="replace").decode()
