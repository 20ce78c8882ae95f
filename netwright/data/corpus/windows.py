"""Tokens of a text, and the windows a network is fed: views of one array, none of which costs memory of its own.

n tokens, L of a window, N windows.
"""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from netwright.core.errors import InputError
from netwright.core.forms import CorpusForm
from netwright.data.corpus.characters import numbered
from netwright.data.corpus.pieces import bytes_of, pieces_numbered


def tokens_of(text: str, form: CorpusForm) -> np.ndarray:
    """(n,) int32 the tokens of a text; 0 for what training never saw.

    Raises InputError for a tokenizer that has pieces which the vocabulary lacks.
    """
    if form.level == "characters":
        return numbered(text, form.vocabulary)
    tokens = pieces_numbered(text, form.tokenizer)
    if len(tokens) and tokens.max() >= len(form.vocabulary):
        raise InputError(
            "The tokenizer is not the one that the vocabulary is of.",
            got=f"piece {int(tokens.max()):,}",
            wanted=f"a piece below {len(form.vocabulary):,}",
            fix="Train again: netwright train TEXT.txt --level pieces.",
        )
    return tokens


def text_of(tokens: np.ndarray, form: CorpusForm) -> str:
    """The text that tokens (n,) stand for; bytes that are no text show as �."""
    if form.level == "characters":
        return "".join([form.vocabulary[token] for token in tokens.tolist()])
    return b"".join(token_bytes(form, tokens.tolist())).decode(errors="replace")


def token_bytes(form: CorpusForm, tokens: Sequence[int]) -> list[bytes]:
    """The UTF-8 that each token stands for; of a piece it may be part of a character."""
    if form.level == "characters":
        return [form.vocabulary[token].encode(errors="replace") for token in tokens]
    return [bytes_of(form.vocabulary[token]) for token in tokens]


def windows_of(tokens: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, L) every window of tokens (n,) and (N, L) the same one token further on; N = n − L.

    Row i is the window that begins at token i.
    """
    return sliding_window_view(tokens[:-1], length), sliding_window_view(tokens[1:], length)


def unrolled(windows: np.ndarray, further: np.ndarray) -> np.ndarray:
    """(n,) the tokens whose windows these are."""
    return np.concatenate([windows[:, 0], windows[-1, 1:], further[-1, -1:]])


def starts_within(begin: int, end: int, length: int, *, apart: int = 1) -> np.ndarray:
    """(M,) where windows begin, `apart` tokens from each other, that lie in the tokens from `begin` up to `end` with
    the token behind them. Of those further apart one more ends with the part, so that all of it is covered.
    """
    last = end - length - 1
    if last < begin:
        return np.zeros(0, dtype=np.int64)
    starts = np.arange(begin, last + 1, apart, dtype=np.int64)
    return starts if starts[-1] == last else np.append(starts, last)


def spread(starts: np.ndarray, most: int) -> np.ndarray:
    """So many of the starts (M,) at most, the first and, of more than one, the last among them, the others between."""
    if len(starts) <= most:
        return starts
    return starts[np.linspace(0, len(starts) - 1, most).astype(np.int64)]
