"""Small pictures of three shapes, as files and as arrays."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("disc", "line", "square")


def shape(kind: str, random: np.random.Generator, size: tuple[int, int] = (24, 20)) -> Image.Image:
    """A bright shape at some place of a dark, noisy picture of this width and height."""
    noise = random.integers(0, 60, (size[1], size[0], 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    draw = ImageDraw.Draw(picture)
    x, y = random.integers(8, size[0] - 8), random.integers(8, size[1] - 8)
    colour = tuple(int(v) for v in random.integers(150, 255, 3))
    box = [x - 6, y - 6, x + 6, y + 6]
    match kind:
        case "disc":
            draw.ellipse(box, fill=colour)
        case "line":
            draw.line(box, fill=colour, width=2)
        case _:
            draw.rectangle(box, fill=colour)
    return picture


def folder_of(path: Path, each: int = 12, seed: int = 0) -> Path:
    """A folder with a folder for each class."""
    random = np.random.default_rng(seed)
    for kind in CLASSES:
        (path / kind).mkdir(parents=True)
        for i in range(each):
            shape(kind, random).save(path / kind / f"{i}.png")
    return path


def arrays_of(each: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (3 · each, H, W, 3) uint8, sorted by class, and their classes as text."""
    random = np.random.default_rng(seed)
    pictures = [np.asarray(shape(kind, random)) for kind in CLASSES for _ in range(each)]
    return np.stack(pictures), np.repeat(CLASSES, each)
