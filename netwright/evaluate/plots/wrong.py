"""Pictures a network errs on, and where it looked.

n pictures, C channels (1 or 3), H height, W width.
"""

from collections.abc import Sequence

import numpy as np

from netwright.evaluate.format import percent, shorten
from netwright.evaluate.plots.gallery import AIM, card, card_width, grid
from netwright.evaluate.plots.heat import overlaid
from netwright.evaluate.plots.inline import inline

MOST = 24
"""Pictures shown; more are left out."""


def wrong(
    pictures: np.ndarray,
    truth: Sequence[str],
    said: Sequence[str],
    probabilities: Sequence[float] | np.ndarray,
    heat: np.ndarray | None,
) -> str:
    """Pictures (n, C, H, W) uint8, beside each its heat (n, H, W) from 0 to 1, below it what it is and was taken for.

    `probabilities` (n,) are those of the classes said; without `heat` the pictures stand alone.
    """
    shown = pictures[:MOST]
    lines = [_words(*of) for of in zip(truth, said, np.asarray(probabilities).tolist(), strict=True)][: len(shown)]
    every, words = list(shown), list(lines)
    if heat is not None:
        every += list(overlaid(shown, heat[: len(shown)]))
        words += [f"where it looked: {line}" for line in lines]
    tags = inline(every, words, aim=AIM)
    groups = [tags[i :: len(shown)] for i in range(len(shown))]
    cards = [card(group, line) for group, line in zip(groups, lines, strict=True)]
    return grid(cards, card_width(shown, len(groups[0]))) if cards else ""


def _words(true: str, said: str, probability: float) -> str:
    true, said = shorten(true, 28), shorten(said, 28)
    if true == said:
        return f"is {true}, and said so ({percent(probability)})"
    return f"is {true}, taken for {said} ({percent(probability)})"
