"""Pictures as tags that carry their own pixels: shrunk until they fit, shown at a size that can be looked at.

n pictures, C channels (1 or 3), H height, W width.
"""

import math
from base64 import b64encode
from collections.abc import Sequence
from html import escape

import numpy as np

from netwright.data.pictures.pillow import to_png
from netwright.evaluate.format import shorten

MOST_SIDE = 160
"""Pixels of a picture's longer side; larger ones are shrunk to it."""
BUDGET = 400_000
"""Letters that all pictures of one figure may take."""
LEAST_SIDE = 24
"""Below as many pixels nothing is shrunk further."""
FEW = 8
"""Pictures that are tried first."""


def inline(pictures: Sequence[np.ndarray], words: Sequence[str], *, aim: int = 96) -> list[str]:
    """A tag for each picture (C, H, W) uint8, described by `words`, its longer side shown at about `aim` px.

    Small pictures are enlarged by a whole number, so that their pixels stay even squares. Where all together would take
    more than `BUDGET`, all are shrunk.
    """
    codes, side = _encoded(pictures)
    return [
        _tag(code, _shown(height, width, aim), text, even=max(height, width) <= min(side, aim))
        for (_, height, width), code, text in zip((p.shape for p in pictures), codes, words, strict=True)
    ]


def shown_width(height: int, width: int, aim: int) -> int:
    """The px across at which a picture of this size is shown."""
    return _shown(height, width, aim)[1]


def shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    """(C, H, W) uint8 with its longer side at most `side`: each new pixel is the mean of the area it covers."""
    _, height, width = picture.shape
    ratio = side / max(height, width)
    if ratio >= 1:
        return picture
    down, across = (_areas(size, max(1, round(size * ratio))) for size in (height, width))
    return np.rint(down @ picture.astype(np.float32) @ across.T).clip(0, 255).astype(np.uint8)


def _areas(size: int, smaller: int) -> np.ndarray:
    """(smaller, size) float32: the share each old pixel has in each new one."""
    edges = np.linspace(0, size, smaller + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(size)
    overlap = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)


def _encoded(pictures: Sequence[np.ndarray]) -> tuple[list[str], int]:
    """Each picture's file in base64, and the longest side they were allowed."""
    side = min(MOST_SIDE, max((max(p.shape[1:]) for p in pictures), default=0))
    for some in (pictures[:: max(1, len(pictures) // FEW)], pictures):  # a few tell the side, nearly
        while True:
            codes = [b64encode(to_png(shrunk(p, side))).decode("ascii") for p in some]
            total = sum(map(len, codes)) * len(pictures) / max(1, len(some))
            if total <= BUDGET or side <= LEAST_SIDE:
                break
            side = max(LEAST_SIDE, int(side * min(0.95, math.sqrt(BUDGET / total))))
    return codes, side


def _shown(height: int, width: int, aim: int) -> tuple[int, int]:
    long = max(height, width)
    scale = max(1, round(aim / long)) if long <= aim else min(long, aim * 4 / 3) / long
    return max(1, round(height * scale)), max(1, round(width * scale))


def _tag(code: str, size: tuple[int, int], words: str, *, even: bool) -> str:
    shown = f'width="{size[1]}" height="{size[0]}"' + (' class="even"' if even else "")
    return f'<img src="data:image/png;base64,{code}" {shown} alt="{escape(shorten(words, 120))}">'
