"""The default network for pictures: a small residual network whose shape follows from the size of the pictures.

B pictures, C channels, H height, W width, K channels of the last map, h and w its height and width.

Sources: Deep Residual Learning (He et al. 2016; shortcuts, the strided stem for large pictures); cifar10-airbench
(Jordan 2024; narrow maps early, pooling before normalisation, a global maximum at the end, a scaled head).
"""

from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.families.cnn.sizes import pooled, window
from netwright.families.pixels import Size, two_sides

LARGE = 56
"""Pixels of the longer side from which on the first layer takes steps of two, and pooling follows."""
MEDIUM = 16
"""Pixels of the longer side from which on the first layer is followed by pooling."""
SMALLEST_MAP = 8
"""Pixels a side of a map needs to be halved for a further stage."""
MOST_STAGES = 4


@dataclass(frozen=True)
class Stage:
    """`pool` (h, w) is what the map is pooled by before it, `size` (h, w) that of the map in it."""

    channels: int
    pool: Size
    size: Size


def stages(image_size: Size, width: int) -> list[Stage]:
    """The stages for pictures of this size, the stem at first. Channels double twice at most.

    >>> [(s.channels, s.size) for s in stages((28, 28), 24)]
    [(24, (14, 14)), (48, (14, 14)), (96, (7, 7))]
    """
    size, pool = image_size, (1, 1)
    if max(size) >= LARGE:
        size = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    if max(size) >= MEDIUM:
        pool = window(size, SMALLEST_MAP)
        size = pooled(size, pool)
    found = [Stage(width, pool, size), Stage(2 * width, (1, 1), size)]
    while max(size) >= SMALLEST_MAP and len(found) <= MOST_STAGES:
        pool = window(size, SMALLEST_MAP)
        size = pooled(size, pool)
        found.append(Stage(min(4, 2 ** len(found)) * width, pool, size))
    return found


def work(input_channels: int, image_size: Size, width: int, depth: int = 1) -> float:
    """Multiplications of one picture's way through the network."""
    stem, *others = stages(image_size, width)
    kernel = 25 if max(image_size) >= LARGE else 9
    total = input_channels * width * kernel * stem.size[0] * stem.size[1] * stem.pool[0] * stem.pool[1]
    for before, stage in pairwise([stem, *others]):
        places = stage.size[0] * stage.size[1]
        total += 9 * before.channels * stage.channels * places + depth * 9 * stage.channels**2 * places
    return float(total)


class Norm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy 2015) that a ragged last batch can't spoil.

    A batch of fewer than `least` rows is normalised by its own statistics but not remembered, and a single value by
    the remembered ones.
    """

    def __init__(self, channels: int, least: int, layers: ModuleType = nn) -> None:
        super().__init__()
        self.norm = layers.BatchNorm2d(channels)
        self.least, self.batch_norm = least, layers.functional.batch_norm

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, h, w) → (B, K, h, w)."""
        if not self.training or len(x) >= max(self.least, 1 + (x[0, 0].numel() == 1)):
            return self.norm(x)
        norm = self.norm
        if x[:, 0].numel() == 1:
            return self.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
        return self.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)


class Residual(nn.Module):
    """x + activation(norm(convolution(x))), of as many channels as before."""

    def __init__(self, channels: int, least: int, layers: ModuleType = nn) -> None:
        super().__init__()
        self.convolution = layers.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = Norm(channels, least, layers)
        self.activation = layers.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, h, w) → (B, K, h, w)."""
        return x + self.activation(self.norm(self.convolution(x)))


class ResidualNetwork(nn.Module):
    """A stem, stages of `depth` residual layers each, the maximum of every channel over the map, and a linear layer.

    `forward(pictures (B, C, H, W) float)` gives (B, output_size): raw numbers or logits. It takes pictures of other
    sizes too, but its stages are those for `image_size`. `width` is the number of channels of the stem; `least` the
    rows a batch needs for its statistics to be remembered.

    >>> ResidualNetwork(3, 10, image_size=32)(torch.zeros(5, 3, 32, 32)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        input_channels: int,
        output_size: int,
        *,
        image_size: int | Size,
        width: int = 24,
        depth: int = 1,
        least: int = 1,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        size = two_sides(image_size)
        stem, *others = stages(size, width)
        first = (5, 2) if max(size) >= LARGE else (3, 1)
        parts = [*_entry(input_channels, stem, first, least, layers)]
        for before, stage in pairwise([stem, *others]):
            parts += _entry(before.channels, stage, (3, 1), least, layers)
            parts += [Residual(stage.channels, least, layers) for _ in range(depth)]
        self.body = nn.Sequential(*parts)
        self.head = layers.Linear(others[-1].channels, output_size)
        self.scale = others[-1].channels ** -0.5

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) → (B, output_size)."""
        return self.answer(self.maps(pictures))

    def maps(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) → the last map (B, K, h, w)."""
        return self.body(pictures)

    def answer(self, maps: Tensor) -> Tensor:
        """(B, K, h, w) → (B, output_size). Scaled down, so that a rate fit for the convolutions suits the head too."""
        return self.head(torch.amax(maps, (2, 3))) * self.scale


def _entry(channels: int, stage: Stage, first: tuple[int, int], least: int, layers: ModuleType) -> list[nn.Module]:
    """Into a stage: a convolution (kernel, stride) and pooling, the cheaper one at first, then normalisation."""
    kernel, stride = first
    convolution = layers.Conv2d(channels, stage.channels, kernel, stride=stride, padding=kernel // 2, bias=False)
    ending = [Norm(stage.channels, least, layers), layers.ReLU()]
    if stage.pool == (1, 1):
        return [convolution, *ending]
    pool = layers.MaxPool2d(stage.pool)
    order = [convolution, pool] if channels <= 3 else [pool, convolution]
    return [*order, *ending]
