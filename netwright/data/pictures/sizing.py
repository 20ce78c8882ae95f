"""One size and one kind of colour for pictures of all sizes, found on training pictures.

N pictures, C channels, H height, W width.
"""

import numpy as np

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.core.schema import Fitting, ImageColumn
from netwright.data.pictures.album import Album
from netwright.data.pictures.labels import picture_notice
from netwright.data.pictures.loaders import ArrayPictures
from netwright.data.pictures.pillow import Head, Unreadable, size_and_mode
from netwright.data.pictures.scaling import measured_scale

LOOKED_AT = 500
"""Training pictures whose headers are read."""
MEASURED = 10_000
"""Training pictures that mean and spread are measured on."""
ALIKE = 1.1
"""Pictures have one shape where none of their ratios of width to height is further off than this factor."""
LEAST_SPREAD = 1e-3
BLOCK = 500


def choose_column(album: Album, training: np.ndarray, *, most: int, name: str) -> tuple[ImageColumn, list[Notice]]:
    """How pictures become (C, H, W) uint8, found on training rows alone; mean and std are still to be measured.

    The size is the median height and the median width, shrunk in proportion until the longer side is at most `most`
    pixels. Pictures of nearly one shape are stretched to it, others are scaled as a whole and padded. One channel
    where all pictures looked at are grey. Arrays are scaled as `measured_scale` says. Raises InputError
    where no picture can be read.
    """
    heads = _heads(album, training)
    heights, widths = (np.array([getattr(head, side) for head in heads]) for side in ("height", "width"))
    height, width = float(np.median(heights)), float(np.median(widths))
    shrink = min(1.0, most / max(height, width))
    size = max(1, round(height * shrink)), max(1, round(width * shrink))
    fitting: Fitting = "stretch" if _one_shape(heights / widths, size[0] / size[1]) else "pad"
    grey = all(head.grey for head in heads)
    low, high = measured_scale(album.loader, training) if isinstance(album.loader, ArrayPictures) else (0.0, 255.0)
    column = ImageColumn(
        name=name,
        cell=CellType(kind="string"),
        why=f"pictures, {size[0]} × {size[1]} {'in grey' if grey else 'in colour'}",
        channels=1 if grey else 3,
        height=size[0],
        width=size[1],
        fitting=fitting,
        low=low,
        high=high,
        mean=(0.5,) * (1 if grey else 3),
        std=(0.25,) * (1 if grey else 3),
    )
    return column, _notices(set(zip(heights.tolist(), widths.tolist(), strict=True)), column)


def _heads(album: Album, training: np.ndarray) -> list[Head]:
    """Size and colour of training pictures spread over all of them."""
    loader = album.loader
    if isinstance(loader, ArrayPictures):
        arrays = [loader.arrays[0]] if isinstance(loader.arrays, np.ndarray) else [loader.arrays[i] for i in training]
        return [Head(a.shape[1], a.shape[2], len(a) < 3) for a in arrays]
    heads, reasons = [], []
    for row in spread(training, LOOKED_AT):
        try:
            heads.append(size_and_mode(loader.source(int(row))))
        except Unreadable as error:
            reasons.append(f"{album.table[album.image][int(row)]}: {error}")
    if not heads:
        raise InputError(
            f"None of the pictures of {album.table.name} that were looked at can be read.",
            got="; ".join(reasons[:3]) or "no training pictures",
            wanted="pictures to learn from",
            fix="Copy the pictures again, or give the folder where they are.",
        )
    return heads


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most that many of the rows, evenly spread over them."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _one_shape(ratios: np.ndarray, wanted: float) -> bool:
    return bool(ratios.max() / ratios.min() <= ALIKE and max(ratios.max() / wanted, wanted / ratios.min()) <= ALIKE)


def _notices(sizes: set[tuple[int, int]], column: ImageColumn) -> list[Notice]:
    size = f"{column.height} × {column.width}"
    if len(sizes) == 1:
        height, width = next(iter(sizes))
        same = (height, width) == (column.height, column.width)
        what = f"pictures of {height} × {width} (height × width) become {size}"
        return [] if same else [picture_notice(what, "--image-size sets the longer side")]
    small, large = (choose(sizes, key=lambda s: (s[0] * s[1], s)) for choose in (min, max))
    how = "stretched" if column.fitting == "stretch" else "scaled as a whole and padded with their edge"
    what = (
        f"pictures of {len(sizes)} sizes from {small[0]} × {small[1]} to {large[0]} × {large[1]} (height × width) "
        f"become {size}, {how}"
    )
    return [picture_notice(what)]


def with_statistics(column: ImageColumn, pixels: np.ndarray, training: np.ndarray) -> ImageColumn:
    """The column with mean and spread of each channel over training pictures, where 255 counts as 1.

    `pixels` (N, C, H, W) uint8.
    """
    rows = spread(training, MEASURED)
    total, squares, count = np.zeros(column.channels), np.zeros(column.channels), 0
    for i in range(0, len(rows), BLOCK):
        block = pixels[rows[i : i + BLOCK]]
        counts = [np.bincount(block[:, c].ravel(), minlength=256) for c in range(column.channels)]
        values = np.arange(256) / 255
        total += [n @ values for n in counts]
        squares += [n @ values**2 for n in counts]
        count += block.shape[0] * block.shape[2] * block.shape[3]
    mean = total / max(1, count)
    std = np.sqrt(np.maximum(squares / max(1, count) - mean**2, 0)).clip(min=LEAST_SPREAD)
    return column.model_copy(update={"mean": tuple(mean.tolist()), "std": tuple(std.tolist())})
