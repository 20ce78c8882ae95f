"""Numbers and categories of a row as one flat vector, for networks that take a vector.

B rows, F number features, C category columns.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

MOST_PLACES = 256
"""One-hot places a column gets at most; its rarer values share the place of unseen ones."""


class FlatTable(nn.Module):
    """Feeds `body` with the numbers and one-hot categories of each row, side by side.

    `forward(numbers (B, F), categories (B, C) int64)` gives what `body` makes of (B, input_size).
    """

    def __init__(self, number_count: int, cardinalities: Sequence[int], body: nn.Module) -> None:
        super().__init__()
        self.places = [min(size, MOST_PLACES) for size in cardinalities]
        self.number_count = number_count
        self.body = body

    @staticmethod
    def size(number_count: int, cardinalities: Sequence[int]) -> int:
        """The length of the flat vector."""
        return number_count + sum(min(size, MOST_PLACES) for size in cardinalities)

    def flat(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """(B, input_size)."""
        parts = [numbers]
        for i, places in enumerate(self.places):
            index = categories[:, i]
            parts.append(one_hot(torch.where(index < places, index, 0), places).to(numbers.dtype))
        return torch.cat(parts, dim=1)

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """What `body` makes of the flat vectors."""
        return self.body(self.flat(numbers, categories))
