"""The convolutional autoencoder: strided convolutions down to a code, transposed ones up again.

B pictures, C channels, H height, W width, Z code size.
"""

from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.mlp import make_activation
from netwright.families.pixels import Size, two_sides


class ConvEncoder(nn.Module):
    """(B, C, H, W) → (B, output_size): each 3×3 convolution halves height and width, rounding up."""

    def __init__(
        self,
        input_channels: int,
        output_size: int,
        *,
        image_size: tuple[int, int],
        channels: Sequence[int] = (32, 64),
        activation: str = "relu",
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        sizes = halvings(image_size, len(channels))
        widths = [input_channels, *channels]
        self.convolutions = nn.ModuleList(layers.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.activation = make_activation(activation, layers)
        self.head = layers.Linear(widths[-1] * sizes[-1][0] * sizes[-1][1], output_size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, output_size)."""
        for convolution in self.convolutions:
            x = self.activation(convolution(x))
        return self.head(x.flatten(1))


class ConvDecoder(nn.Module):
    """(B, code_size) → (B, C, H, W), through the sizes of `ConvEncoder` in the other order."""

    def __init__(
        self,
        code_size: int,
        output_channels: int,
        *,
        image_size: tuple[int, int],
        channels: Sequence[int] = (32, 64),
        activation: str = "relu",
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        sizes = halvings(image_size, len(channels))[::-1]
        widths = [output_channels, *channels][::-1]
        self.start = (widths[0], *sizes[0])
        self.stem = layers.Linear(code_size, widths[0] * sizes[0][0] * sizes[0][1])
        self.convolutions = nn.ModuleList(
            layers.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=odd_ends(small, large))
            for (a, b), (small, large) in zip(pairwise(widths), pairwise(sizes), strict=True)
        )
        self.activation = make_activation(activation, layers)

    def forward(self, code: Tensor) -> Tensor:
        """(B, code_size) → (B, C, H, W)."""
        x = self.stem(code).unflatten(1, self.start)
        for convolution in self.convolutions:
            x = convolution(self.activation(x))
        return x


class ConvAutoencoder(nn.Module):
    """Pictures to codes and back; every size is worked out from `image_size`, which need not be even.

    `forward(x (B, input_channels, H, W))` gives the reconstruction in the same shape, raw numbers, no activation;
    `encode` gives codes (B, code_size), `decode` pictures from codes. `channels` are those of each halving. Raises
    InputError for a size below one or an unknown activation.

    >>> import torch
    >>> model = ConvAutoencoder(1, 16, image_size=28)
    >>> x = torch.rand(5, 1, 28, 28)
    >>> model.encode(x).shape, model(x).shape
    (torch.Size([5, 16]), torch.Size([5, 1, 28, 28]))
    """

    def __init__(
        self,
        input_channels: int,
        code_size: int,
        *,
        image_size: int | Size,
        channels: Sequence[int] = (32, 64),
        activation: str = "relu",
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        size = two_sides(image_size)
        if not channels or min(input_channels, code_size, *channels) < 1:
            raise InputError(
                "Every layer needs a size of one or more.",
                got=f"input_channels={input_channels}, code_size={code_size}, image_size={size}, channels={channels}",
                wanted="positive whole numbers, and one width or more in channels",
                fix="Correct input_channels, code_size, image_size or channels.",
            )
        self.encoder = ConvEncoder(
            input_channels, code_size, image_size=size, channels=channels, activation=activation, layers=layers
        )
        self.decoder = ConvDecoder(
            code_size, input_channels, image_size=size, channels=channels, activation=activation, layers=layers
        )

    def encode(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, Z)."""
        return self.encoder(x)

    def decode(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, C, H, W)."""
        return self.decoder(code)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        return self.decode(self.encode(x))


def halvings(size: tuple[int, int], times: int) -> list[tuple[int, int]]:
    """Height and width before and after each halving, which rounds up."""
    sizes = [size]
    for _ in range(times):
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def odd_ends(small: tuple[int, int], large: tuple[int, int]) -> tuple[int, int]:
    """What a transposed convolution adds at its end: a 3×3 one of stride two makes 2n − 1 of n by itself."""
    return large[0] - (2 * small[0] - 1), large[1] - (2 * small[1] - 1)
