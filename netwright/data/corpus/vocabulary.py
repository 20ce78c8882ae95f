"""Which tokens a text is made of: counted in its training part alone."""

from collections import Counter

import numpy as np

from netwright.core.notice import Notice
from netwright.data.corpus.characters import code_points, counted

UNSEEN = "�"
"""Token 0: what training never saw."""
SMALL = 5_000_000
"""Bytes of UTF-8 below which a text is read character by character."""
MANY = 1000
"""Different characters above which those seen once share token 0: they are too rare to be learned one by one."""


def level_of(text: str) -> str:
    """ "characters" for a text of less than five million bytes, else "pieces"."""
    return "characters" if len(text) < SMALL and len(text.encode()) < SMALL else "pieces"


def characters_of(training: str) -> tuple[tuple[str, ...], list[Notice]]:
    """The characters of the training part, the most frequent first, behind token 0; and what was odd."""
    points, counts = counted(code_points(training))
    kept = np.ones(len(points), dtype=bool)
    notices = []
    if len(points) > MANY:
        kept = counts > 1
    if not kept.all():
        what = f"{int((~kept).sum()):,} characters stand in the training part once and share one token"
        notices.append(Notice(what=what, fix="--level pieces writes each of them"))
    order = np.lexsort((points[kept], -counts[kept]))
    return (UNSEEN, *map(chr, points[kept][order].tolist())), notices


def unseen_notice(tokens: np.ndarray, text: str, part: str) -> list[Notice]:
    """What is said of characters of this part, tokens (n,) of `text`, that training never saw."""
    where = np.flatnonzero(tokens == 0)
    if not len(where) or len(tokens) != len(text):
        return []
    most = ", ".join(repr(c) for c, _ in Counter(text[i] for i in where[:100_000].tolist()).most_common(5))
    what = f"{len(where):,} of {len(tokens):,} characters of the {part} have no token of their own ({most})"
    return [Notice(what=what)]
