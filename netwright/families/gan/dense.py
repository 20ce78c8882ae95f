"""Generator and discriminator of linear layers: for rows of a table, and for pictures of any size.

B rows, Z noise numbers, K classes, P rows judged together.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.gan.convolutional import LABEL_WIDTH, SLOPE, score, with_label


class DenseGenerator(nn.Module):
    """Noise to rows of any shape, by linear layers with ReLU between.

    `forward(noise (B, Z), labels (B,) int64 where there are classes)` gives (B, *shape): any numbers, or from −1 to 1
    where `bounded`. Raises InputError for noise of another size or labels that are missing.

    >>> import torch
    >>> DenseGenerator(16, (4,))(torch.randn(5, 16)).shape
    torch.Size([5, 4])
    """

    def __init__(
        self,
        noise_size: int,
        shape: Sequence[int],
        *,
        classes: int = 0,
        hidden_sizes: Sequence[int] = (128, 128),
        bounded: bool = False,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.noise_size, self.shape, self.bounded = noise_size, tuple(shape), bounded
        self.label = layers.Embedding(classes, LABEL_WIDTH) if classes else None
        sizes = [noise_size + LABEL_WIDTH * bool(classes), *hidden_sizes, math.prod(shape)]
        self.layers = nn.ModuleList(layers.Linear(a, b) for a, b in pairwise(sizes))
        self.relu, self.tanh = layers.functional.relu, layers.functional.tanh

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, Z) → (B, *shape)."""
        x = with_label(noise, labels, self.noise_size, self.label)
        *hidden, last = self.layers
        for layer in hidden:
            x = self.relu(layer(x))
        x = last(x).view(-1, *self.shape)
        return self.tanh(x) if self.bounded else x


class DenseDiscriminator(nn.Module):
    """Rows of any shape to a score each, higher for what looks real, by linear layers with LeakyReLU between.

    `forward(rows (B, *shape), labels (B,) int64)` gives (B, 1); without labels a row of any class is judged. Where P
    rows are judged together, the first axis of the shape is P times as long and labels are (B, P). Raises InputError
    for rows of another shape.

    >>> import torch
    >>> DenseDiscriminator((4,))(torch.zeros(5, 4)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        classes: int = 0,
        hidden_sizes: Sequence[int] = (128, 128),
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        sizes = [math.prod(shape), *hidden_sizes]
        self.layers = nn.ModuleList(layers.Linear(a, b) for a, b in pairwise(sizes))
        self.activation = layers.LeakyReLU(SLOPE)
        self.head = layers.Linear(sizes[-1], 1 + classes)

    def forward(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, *shape) → (B, 1)."""
        if rows.shape[1:] != self.shape:
            raise InputError(
                "The rows are of another shape than the discriminator was made for.",
                got=f"a tensor of shape {tuple(rows.shape)}",
                wanted=f"(B, {', '.join(map(str, self.shape))})",
                fix="Give rows of this shape, or make the discriminator for theirs.",
            )
        x = rows.flatten(1)
        for layer in self.layers:
            x = self.activation(layer(x))
        return score(self.head(x), labels)
