"""What a network made as training went on.

n pictures, C channels (1 or 3), H height, W width.
"""

from collections.abc import Sequence

import numpy as np

from netwright.evaluate.plots.gallery import MOST_ROWS, rows_of


def timeline(frames: Sequence[tuple[str, np.ndarray]]) -> str:
    """A row a moment: its label, then the pictures (n, C, H, W) uint8 of that moment.

    Of more than `MOST_ROWS` moments those shown are evenly spread, the first and the last among them.
    """
    kept = np.linspace(0, len(frames) - 1, min(MOST_ROWS, len(frames))).round().astype(int)
    return rows_of([frames[i][1] for i in kept], [frames[i][0] for i in kept])
