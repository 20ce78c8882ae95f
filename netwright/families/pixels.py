"""Pictures as a network wants them.

B pictures, C channels, H height, W width.
"""

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.core.schema import ImageColumn

Size = tuple[int, int]


class Standardize(nn.Module):
    """(B, C, H, W) uint8 → float, each channel of mean 0 and spread 1 over the training pictures."""

    def __init__(self, column: ImageColumn) -> None:
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.tensor(column.mean).view(1, -1, 1, 1) * 255)
        self.register_buffer("scale", 1 / (torch.tensor(column.std).view(1, -1, 1, 1) * 255))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        return (pictures.to(self.mean.dtype) - self.mean) * self.scale


def two_sides(image_size: int | Size) -> Size:
    """(H, W), of which one number stands for both. Raises InputError for a side below one pixel.

    >>> two_sides(28)
    (28, 28)
    """
    sides = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(sides) != 2 or min(sides) < 1:
        raise InputError(
            "Pictures need a height and a width of one pixel or more.",
            got=f"image_size={image_size!r}",
            wanted="a whole number, or (height, width)",
            fix="Correct image_size.",
        )
    return sides
