"""The convolutional network of the tutorials: convolution, activation, pooling, and two linear layers at the end.

B pictures, C channels, H height, W width, K channels of the last map, h and w its height and width.
"""

from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.cnn.sizes import pooled, window
from netwright.families.mlp import make_activation
from netwright.families.pixels import Size, two_sides


class CNN(nn.Module):
    """A convolution for each of `channels`, each with an activation and max-pooling by 2; then two linear layers.

    `forward(pictures (B, C, H, W) float)` gives (B, output_size): raw numbers or logits, no softmax. All sizes follow
    from `image_size`, a number or (H, W); a side that has come down to one pixel is pooled no further. `activation` is
    a name or any function or module of one tensor; `dropout` acts before the last layer. Raises InputError for sizes
    that can't be, and in `forward` for pictures of another size.

    >>> import torch
    >>> CNN(1, 10, image_size=28)(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        input_channels: int,
        output_size: int,
        *,
        image_size: int | Size,
        channels: Sequence[int] = (32, 64),
        kernel_size: int = 3,
        hidden_size: int = 128,
        activation: str | nn.Module = "relu",
        dropout: float = 0.0,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        _check(input_channels, output_size, channels, kernel_size, hidden_size)
        size = two_sides(image_size)
        self.input_shape = (input_channels, *size)
        self.convolutions, self.pools = nn.ModuleList(), nn.ModuleList()
        for a, b in pairwise([input_channels, *channels]):
            self.convolutions.append(layers.Conv2d(a, b, kernel_size, padding=kernel_size // 2))
            size = _convolved(size, kernel_size)
            by = window(size)
            self.pools.append(layers.MaxPool2d(by))
            size = pooled(size, by)
        self.map_shape = (channels[-1], *size)
        self.activation = make_activation(activation, layers) if isinstance(activation, str) else activation
        self.hidden = layers.Linear(channels[-1] * size[0] * size[1], hidden_size)
        self.dropout = layers.Dropout(dropout)
        self.head = layers.Linear(hidden_size, output_size)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) → (B, output_size)."""
        if pictures.dim() != 4 or tuple(pictures.shape[1:]) != self.input_shape:
            raise InputError(
                "The pictures are not of the size this network was made for.",
                got=f"a tensor of shape {tuple(pictures.shape)}",
                wanted=f"(batch, {', '.join(map(str, self.input_shape))})",
                fix="Resize the pictures, or make the network with their input_channels and image_size.",
            )
        return self.answer(self.maps(pictures))

    def maps(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) → the last map (B, K, h, w)."""
        x = pictures
        for convolution, pool in zip(self.convolutions, self.pools, strict=True):
            x = pool(self.activation(convolution(x)))
        return x

    def answer(self, maps: Tensor) -> Tensor:
        """(B, K, h, w) → (B, output_size)."""
        return self.head(self.dropout(self.activation(self.hidden(maps.flatten(1)))))


def _convolved(size: Size, kernel_size: int) -> Size:
    """An even kernel has no middle: padded by its half, the map grows by one pixel."""
    grown = 1 - kernel_size % 2
    return (size[0] + grown, size[1] + grown)


def _check(input_channels: int, output_size: int, channels: Sequence[int], kernel_size: int, hidden_size: int) -> None:
    if not channels or min(input_channels, output_size, *channels, kernel_size, hidden_size) < 1:
        raise InputError(
            "Every layer needs a size of one or more.",
            got=f"input_channels={input_channels}, output_size={output_size}, channels={tuple(channels)}, "
            f"kernel_size={kernel_size}, hidden_size={hidden_size}",
            wanted="positive whole numbers, and one convolution or more",
            fix="Correct input_channels, output_size, channels, kernel_size or hidden_size.",
        )
