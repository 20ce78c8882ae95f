"""Rows of a table or pictures as one flat vector each.

B rows, F number features, K category columns, D length of the vector.
"""

import torch
from torch import Tensor, nn

from netwright.core.schema import Schema
from netwright.families.flat import MOST_PLACES, FlatTable


class Flat(nn.Module):
    """Inputs → (B, D): pixels from 0 to 1, channel by channel; or the numbers and one-hot categories of a table.

    `shape` is (C, H, W) of pictures, else None; `numbers` the count of number features and `places` the one-hot places
    of each category column, which follow them.
    """

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        image = schema.image
        self.shape = (image.channels, image.height, image.width) if image is not None else None
        self.numbers = 0 if image is not None else len(schema.number_features)
        cardinalities = () if image is not None else schema.cardinalities
        self.places = [min(size, MOST_PLACES) for size in cardinalities]
        self.table = FlatTable(self.numbers, cardinalities, nn.Identity())
        self.size = self.numbers + sum(self.places)
        if self.shape is not None:
            self.size = self.shape[0] * self.shape[1] * self.shape[2]
        self.unit: Tensor
        self.register_buffer("unit", torch.tensor(1 / 255))

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, D)."""
        if self.shape is None:
            return self.table.flat(*inputs)
        return inputs[0].flatten(1).to(self.unit.dtype) * self.unit

    def bounded(self, x: Tensor) -> Tensor:
        """Vectors (B, D) with what can't be cut off: pixels and one-hot places beyond 0 and 1."""
        if self.shape is not None:
            return x.clamp(0, 1)
        return torch.cat([x[:, : self.numbers], x[:, self.numbers :].clamp(0, 1)], dim=1)


def evenly(inputs: tuple[Tensor, ...], most: int) -> tuple[Tensor, ...]:
    """At most so many of the rows, taken evenly."""
    rows = len(inputs[0])
    count = min(rows, max(most, 1))
    at = torch.arange(count, device=inputs[0].device) * rows // count
    return tuple(x[at] for x in inputs)


def seeded(device: torch.device, seed: int = 0) -> torch.Generator:
    """A stream of random numbers that is the same whenever rows are judged."""
    return torch.Generator(device).manual_seed(seed)
