"""Made pictures beside the training pictures nearest to them: whether a network merely copies.

n and m pictures, C channels (1 or 3), H height, W width.
"""

import numpy as np

from netwright.evaluate.format import number
from netwright.evaluate.plots.gallery import AIM, card, card_width, grid
from netwright.evaluate.plots.inline import inline
from netwright.metrics.generation import nearest as nearest_rows

MOST = 12
"""Made pictures shown."""
BLOCK = 1000
"""Training pictures compared at once."""


def nearest(fakes: np.ndarray, reals: np.ndarray) -> str:
    """Pairs of a made picture (n, C, H, W) uint8 and the nearest of the training pictures (m, C, H, W) uint8.

    The distance is the root of the mean squared difference of the pixels, where white is 1; 0 is a copy.
    """
    shown = fakes[:MOST]
    if not len(shown) or not len(reals):
        return ""
    places, away = nearest_pictures(shown, reals)
    words = [f"{number(float(d))} apart" for d in away]
    texts = [f"made picture {i + 1}" for i in range(len(shown))] + [
        f"the training picture nearest to it, {w}" for w in words
    ]
    tags = inline([*shown, *reals[places]], texts, aim=AIM)
    cards = [card(tags[i :: len(shown)], line) for i, line in enumerate(words)]
    return grid(cards, card_width(shown, 2))


def nearest_pictures(fakes: np.ndarray, reals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) places of the nearest among `reals`, and (n,) how far they are."""
    flat = fakes.reshape(len(fakes), -1) / 255
    found = []
    for start in range(0, len(reals), BLOCK):
        block = reals[start : start + BLOCK]
        places, away = nearest_rows(block.reshape(len(block), -1) / 255, flat)
        found.append((places + start, away))
    places, away = (np.stack(part) for part in zip(*found, strict=True))
    best, row = away.argmin(axis=0), np.arange(len(fakes))
    return places[best, row], away[best, row] / np.sqrt(flat.shape[1])
