"""Texts with the words that spoke for an answer and against it, and the words that speak most for each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from netwright.evaluate.format import clean, shorten, signed

FOR, AGAINST = "accent", "second"
"""The page's colours."""
FAINTEST, STRONGEST = 6, 60
"""Shade of a word, in percent of the colour: below the first it has none."""
LONGEST_WORD = 60
"""Letters of a word that are shown."""


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A text cut into pieces, and what each did to the answer."""

    pieces: tuple[str, ...]
    weights: tuple[float, ...]
    """Of each piece, how much less sure the answer is without it; below zero where it is surer."""
    joint: str
    """What stands between two pieces: a space, or nothing between letters."""
    above: str
    """What is said of the row, in words."""
    more: int = 0
    """Pieces that follow and are not shown."""


def weighed_texts(texts: Sequence[Weighed]) -> str:
    """Each text below what is said of it, its pieces shaded; right-to-left where its letters are."""
    return "".join(_text(text) for text in texts)


def _text(text: Weighed) -> str:
    greatest = max((abs(weight) for weight in text.weights), default=0) or 1.0
    pieces = text.joint.join(
        _piece(piece, weight, weight / greatest) for piece, weight in zip(text.pieces, text.weights, strict=True)
    )
    unit = "words" if text.joint else "letters"
    more = f' <span class="note">… {text.more:,} more {unit}</span>' if text.more else ""
    return f'<p class="note">{escape(clean(text.above))}</p><p dir="auto">{pieces}{more}</p>'


def _piece(piece: str, weight: float, share: float) -> str:
    words = escape(shorten(piece, LONGEST_WORD))
    shade = round(abs(share) * STRONGEST)
    if shade < FAINTEST:
        return words
    colour = FOR if share > 0 else AGAINST
    style = f"background:color-mix(in srgb,var(--{colour}) {shade}%,transparent);border-radius:3px"
    return f'<mark style="{style};color:inherit" title="{signed(f"{weight:+.2f}")}">{words}</mark>'


def telling_words(words: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A line for each class, its name before the words that speak most for it, the strongest first."""
    rows = [
        f'<tr><th scope="row">{escape(shorten(name, 40))}</th><td dir="auto">'
        + " · ".join(f"<bdi>{escape(shorten(word, 30))}</bdi>" for word in those)
        + "</td></tr>"
        for name, those in words
        if those
    ]
    return f"<table>{''.join(rows)}</table>" if rows else ""
