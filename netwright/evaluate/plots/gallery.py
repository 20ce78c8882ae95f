"""Pictures beside each other, each with its caption, and versions of the same pictures one above the other.

n pictures, C channels (1 or 3), H height, W width.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from netwright.evaluate.format import shorten
from netwright.evaluate.plots.inline import inline, shown_width

MOST = 100
"""Pictures of one gallery; more are not drawn."""
MOST_ROWS, MOST_ACROSS = 12, 16
"""Of the pictures in rows."""
MANY = 30
"""Above as many pictures a gallery shows each one smaller."""
AIM, AIM_OF_MANY, AIM_IN_ROWS = 96, 64, 64
"""About the px of a picture's longer side on the page."""
LEAST_WIDTH, SHORT = 84, 8
"""Of a card, in px, where its caption has more letters than `SHORT`."""


def gallery(pictures: np.ndarray, captions: Sequence[str], columns: int | None = None) -> str:
    """Pictures (n, C, H, W) uint8, each over its caption ("" for none); as many a line as fit, or `columns`."""
    shown = pictures[:MOST]
    captions = list(captions)[: len(shown)]
    if not captions:
        return ""
    aim = AIM if len(shown) <= MANY else AIM_OF_MANY
    tags = inline(list(shown), [text or f"picture {i + 1}" for i, text in enumerate(captions)], aim=aim)
    cards = [card([tag], text) for tag, text in zip(tags, captions, strict=True)]
    least = LEAST_WIDTH if max(map(len, captions)) > SHORT else 0
    return grid(cards, card_width(shown, 1, aim=aim, least=least), columns)


def rows_of(pictures: Sequence[np.ndarray], names: Sequence[str]) -> str:
    """Pictures (n, C, H, W) uint8 in several versions, a row a version with its name before it.

    At most the first `MOST_ACROSS` pictures of the first `MOST_ROWS` versions.
    """
    named = [(name, row[:MOST_ACROSS]) for name, row in zip(names, pictures, strict=True) if len(row)][:MOST_ROWS]
    if not named:
        return ""
    every = [picture for _, row in named for picture in row]
    words = [f"{name}, {i + 1}" for name, row in named for i in range(len(row))]
    tags = iter(inline(every, words, aim=AIM_IN_ROWS))
    lines = "".join(_line(name, [next(tags) for _ in row]) for name, row in named)
    return f'<table class="strips"><tbody>{lines}</tbody></table>'


def card(tags: Sequence[str], caption: str) -> str:
    """Pictures that belong together, over one caption."""
    words = escape(shorten(caption, 80))
    below = f"<figcaption>{words}</figcaption>" if words else ""
    return f'<figure class="card"><div class="together">{"".join(tags)}</div>{below}</figure>'


def grid(cards: Sequence[str], width: int, columns: int | None = None) -> str:
    """Cards of this width in px; as many a line as fit, or `columns`."""
    lines = f"repeat({columns or 'auto-fill'}, {width}px)"
    return f'<div class="cards" style="grid-template-columns: {lines}">{"".join(cards)}</div>'


def card_width(pictures: np.ndarray, together: int, *, aim: int = AIM, least: int = LEAST_WIDTH) -> int:
    """The px of a card with `together` of the pictures (n, C, H, W), wide enough for a caption."""
    width = shown_width(pictures.shape[2], pictures.shape[3], aim)
    return max(least, together * width + 4 * (together - 1))


def _line(name: str, tags: Sequence[str]) -> str:
    cells = "".join(f"<td>{tag}</td>" for tag in tags)
    return f'<tr><th scope="row">{escape(shorten(name, 40))}</th>{cells}</tr>'
