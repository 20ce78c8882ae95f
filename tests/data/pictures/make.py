"""Pictures for tests, drawn here."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from netwright.core.cells import CellType
from netwright.core.schema import ImageColumn


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """(H, W) or (H, W, C) uint8."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, array: np.ndarray | None = None, **options: object) -> Path:
    """A picture file of the kind its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(6, 5) if array is None else array).save(path, **options)
    return path


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a picture file."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def column(height: int, width: int, channels: int = 3, **changes: object) -> ImageColumn:
    """What pictures are to become."""
    values = {"fitting": "stretch", "mean": (0.5,) * channels, "std": (0.25,) * channels} | changes
    cell = CellType(kind="string")
    return ImageColumn(name="image", cell=cell, why="", channels=channels, height=height, width=width, **values)
