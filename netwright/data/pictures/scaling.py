"""Which numbers of an array are black and which are white.

N pictures, C channels, H height, W width.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from netwright.core.notice import Notice
from netwright.core.schema import ImageColumn
from netwright.data.pictures.loaders import ArrayPictures

SCALES = (1, 15, 16, 100, 255, 1023, 4095, 16383, 65535)
"""Full scales of arrays; 16 is that of scikit-learn's digits."""
OVERSHOOT = 0.1
"""Share of its full scale by which a picture of floats that was resized may lie outside of it."""
BLOCK = 500
BYTES = (0.0, 255.0)
FEW = 100
"""Below it, the full scale of numbers that are no bytes."""


def measured_scale(loader: ArrayPictures, rows: np.ndarray) -> tuple[float, float]:
    """The numbers that become black and white, measured on these rows.

    The full scale is a usual one where the highest number fills more than half of it; what floats overshoot is
    clipped. Else the lowest number, or 0 where there is none below, and the highest are black and white themselves.
    """
    lowest, highest = 0.0, -np.inf
    for block in _chosen(loader, rows):
        low, high = _extremes(block)
        lowest, highest = min(lowest, low), max(highest, high)
        if loader.dtype == np.uint8 and highest > 127:
            return BYTES  # the rest could change nothing
    slack = OVERSHOOT if loader.dtype.kind == "f" else 0.0
    full = full_scale(highest, slack)
    if full is not None and lowest >= -slack * full:
        return 0.0, full
    if lowest == 0:
        return 0.0, highest if highest > 0 else 1.0
    if full_scale(max(-lowest, highest), slack) == 1:
        return -1.0, 1.0
    return lowest, highest if highest > lowest else lowest * (1 - 1e-6)


def full_scale(highest: float, slack: float) -> float | None:
    """The usual scale that this number fills by more than half: one that holds it, else one it hardly overshoots."""
    filled = [float(scale) for scale in SCALES if scale / 2 < highest <= scale * (1 + slack)]
    return next((scale for scale in filled if highest <= scale), filled[-1] if filled else None)


def matching_scale(loader: ArrayPictures, column: ImageColumn) -> tuple[float, float]:
    """The numbers that become 0 and 255: the column's, unless the pictures are plainly on another usual scale.

    Bytes are then from 0 to 255, floats of 1 at most from 0 to 1, and numbers that lie outside the column's are
    measured. A scale that is nobody's but the column's is kept to.
    """
    own = column.low, column.high
    if own != (-1.0, 1.0) and (own[0] != 0 or own[1] not in SCALES):
        return own
    lowest, highest = _extremes_of_all(loader)
    slack = OVERSHOOT * (own[1] - own[0])
    if loader.dtype == np.uint8:
        return (0.0, own[1]) if highest <= own[1] < FEW else BYTES
    if loader.dtype.kind == "f" and own[1] >= FEW and highest <= 1 + OVERSHOOT:
        return (0.0 if lowest >= -OVERSHOOT else -1.0), 1.0
    if highest > own[1] + slack or lowest < own[0] - slack:
        return measured_scale(loader, np.arange(len(loader)))
    return own


def scale_notice(loader: object, column: ImageColumn) -> list[Notice]:
    """What to say where pictures come on another scale than in training; nothing of bytes and floats up to 1."""
    if not isinstance(loader, ArrayPictures) or not len(loader):
        return []
    found, own = matching_scale(loader, column), (column.low, column.high)
    if found == own or {found, own} <= {BYTES, (0.0, 1.0), (-1.0, 1.0)}:
        return []
    told = [" to ".join(f"{value:g}" for value in scale) for scale in (found, own)]
    what = f"numbers from {told[0]} are taken for black to white, where training had {told[1]}"
    return [Notice(what=what, fix="bring them to the scale of training if that is wrong", column=column.name)]


def eight_bits(block: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers of any type as uint8; what lies outside is clipped."""
    if block.dtype == np.uint8 and (low, high) == BYTES:
        return block
    scaled = (block.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def blocks(loader: ArrayPictures) -> Iterator[np.ndarray]:
    """All pictures in parts (n, C, H, W)."""
    if isinstance(loader.arrays, tuple):
        return (array[None] for array in loader.arrays)
    return (loader.arrays[i : i + BLOCK] for i in range(0, len(loader), BLOCK))


def _chosen(loader: ArrayPictures, rows: np.ndarray) -> Iterable[np.ndarray]:
    if isinstance(loader.arrays, tuple):
        return (loader.arrays[i] for i in rows)
    array = loader.arrays
    return (array[rows[i : i + BLOCK]] for i in range(0, len(rows), BLOCK))


def _extremes_of_all(loader: ArrayPictures) -> tuple[float, float]:
    found = [_extremes(block) for block in blocks(loader)] or [(0.0, 0.0)]
    return min(low for low, _ in found), max(high for _, high in found)


def _extremes(block: np.ndarray) -> tuple[float, float]:
    finite = block[np.isfinite(block)] if block.dtype.kind == "f" else block
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
