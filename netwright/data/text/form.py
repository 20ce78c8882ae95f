"""What is read of texts, measured on training rows."""

from collections.abc import Sequence

import numpy as np

from netwright.core.errors import InputError
from netwright.core.forms import TextForm
from netwright.core.notice import Notice
from netwright.data.text.ngrams import fit_grams, most_in_row
from netwright.data.text.tokenizer import load_tokenizer, pieces_in, tokens_of, train_tokenizer

SHORT, LONGEST = 64, 256
"""Tokens up to which the longest training text is read whole, and tokens read at most, where nobody says."""
MOST_LENGTH = 4096
MEASURED = 4_000
"""Training texts whose tokens are counted."""


def fit_text(
    texts: Sequence[str],
    columns: tuple[str, ...],
    *,
    tokenizer: str | None = None,
    length: int | None = None,
    grams: bool = True,
) -> tuple[TextForm, list[Notice]]:
    """The form of these training texts, each the joined text of the columns, and what was decided.

    A `tokenizer`, in JSON, is kept as it is, else one is trained. `length` is how many tokens a row may have at most;
    where None the longest text has room, or 99 of 100 do, within `LONGEST`. Raises InputError where there is nothing to
    read, and ValueError for a tokenizer that is none.
    """
    if not any(text.strip() for text in texts):
        raise InputError(
            "There is no text to learn from.",
            got=f"{len(texts):,} training rows whose text is empty, in {', '.join(map(repr, columns))}",
            wanted="texts of a word or more",
            fix="Look at the column, or leave it out with --exclude.",
        )
    written = train_tokenizer(texts) if tokenizer is None else tokenizer
    loaded = load_tokenizer(written)
    some = texts[:: -(-len(texts) // MEASURED)]
    most = length or MOST_LENGTH
    lengths = tokens_of(loaded, some, most)[1]
    longest = int(lengths.max())
    if length is None and longest > SHORT:
        longest = min(LONGEST, max(SHORT, int(np.ceil(np.quantile(lengths, 0.99)))))
    kept, rarity = fit_grams(texts) if grams else (np.empty(0, np.uint32), np.empty(0))
    form = TextForm(
        columns=columns,
        tokenizer=written,
        pieces=pieces_in(loaded),
        length=length or longest,
        grams=tuple(kept.tolist()),
        rarity=tuple(np.round(rarity, 5).tolist()),
        most_grams=most_in_row(len(texts)),
    )
    return form, []
