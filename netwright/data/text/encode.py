"""Texts to the numbers a network is fed, by a form.

N rows, T tokens, M n-grams.
"""

from collections.abc import Sequence

import numpy as np

from netwright.core.forms import TextForm
from netwright.core.notice import Notice
from netwright.data.table import Table
from netwright.data.text import ngrams
from netwright.data.text.ngrams import gram_rows
from netwright.data.text.tokenizer import load_tokenizer, tokens_of

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]
MORE = "--window reads more, where the network can, and takes longer; or divide long texts into several rows"
"""The mend of texts that are cut."""


def joined(table: Table, columns: Sequence[str]) -> list[str]:
    """(N,) the text of each row: that of the columns, in their order, a line each. What is missing is empty."""
    parts = [table[name].cast(str).fill_null("").to_list() for name in columns]
    return ["\n".join(cells) for cells in zip(*parts, strict=True)] if len(parts) > 1 else parts[0]


def encode_text(form: TextForm, table: Table, numbers: np.ndarray | None = None) -> tuple[Parts, Parts, list[Notice]]:
    """Tokens (N, T) int32, n-grams (N, M) int32, their weights (N, M) float32; how much of each is no padding, (N,);
    and what is to be known: texts that are empty, and texts that are longer than the network reads.

    T and M are those of the longest row, no more than the form's length and n-grams. A row without text has one token.
    `numbers` (N,) are what rows are called in what is told, counted from 1 where None. Raises ValueError where the form
    holds no tokenizer, or one of other pieces.
    """
    texts = joined(table, form.columns)
    return encode_texts(form, texts, table.name, numbers)


def encode_texts(
    form: TextForm, texts: Sequence[str], name: str = "table", numbers: np.ndarray | None = None
) -> tuple[Parts, Parts, list[Notice]]:
    """The same of joined texts; `name` is what they are from."""
    tokens, lengths, cut = tokens_of(load_tokenizer(form.tokenizer), texts, form.length)
    if tokens.size and tokens.max() >= max(2, form.pieces):  # an empty text has token 1
        raise ValueError(f"a tokenizer that gives the token {tokens.max():,}, where there are {form.pieces:,} pieces")
    grams, rarity = np.asarray(form.grams, dtype=np.uint32), np.asarray(form.rarity)
    gram_numbers, weights, many, crowded = gram_rows(texts, grams, rarity, form.most_grams)
    empty = np.array([not text.strip() for text in texts], dtype=bool)
    called = np.arange(1, len(texts) + 1) if numbers is None else numbers
    notices = [*_notices(form, name, empty, cut, crowded, called), *_endless(form, name, texts, called)]
    return (tokens, gram_numbers, weights), (lengths, many, many), notices


def _notices(
    form: TextForm, name: str, empty: np.ndarray, cut: np.ndarray, crowded: int, called: np.ndarray
) -> list[Notice]:
    notices, column, most = [], form.columns[0], form.most_grams
    if empty.any():
        first = called[empty.argmax()]
        what = f"{empty.sum():,} of {len(empty):,} rows of {name} have no text (first: row {first:,})"
        fix = (
            "they are answered from the other columns, or as rows without text are; fill the text in, or leave them out"
        )
        notices.append(Notice(what=what, fix=fix, column=column))
    if cut.any():
        what = (
            f"{cut.sum():,} of {len(cut):,} texts of {name} are longer than the network reads: it sees the first "
            f"{form.length:,} pieces of them (first: row {called[cut.argmax()]:,})"
        )
        whole = "; the n-grams beside it are of the whole text" if form.grams else ""
        notices.append(Notice(what=what + whole, fix=MORE, column=column))
    if crowded:
        what = f"{crowded:,} texts of {name} have more than {most:,} known n-grams: the {most:,} weightiest are used"
        notices.append(Notice(what=what, fix="divide long texts into several rows", column=column))
    return notices


def _endless(form: TextForm, name: str, texts: Sequence[str], called: np.ndarray) -> list[Notice]:
    """What is said of texts that are cut even for their n-grams."""
    rows = [i for i, text in enumerate(texts) if len(text) > ngrams.LONGEST] if form.grams else []
    if not rows:
        return []
    what = f"{len(rows):,} texts of {name} have more than {ngrams.LONGEST:,} letters: n-grams are of the first of them"
    fix = "divide long texts into several rows"
    return [Notice(what=f"{what} (first: row {called[rows[0]]:,})", fix=fix, column=form.columns[0])]
