"""Convolutional generator and discriminator, with every size worked out.

B pictures, Z noise numbers, C channels, H height, W width, K classes, P pictures judged together.

Sources: DCGAN (Radford et al. 2016; strided convolutions, ReLU below, LeakyReLU above); Projection Discriminator
(Miyato and Koyama 2018; a class is a direction in the features); PacGAN (Lin et al. 2018; several pictures judged as
one).
"""

from itertools import pairwise
from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.gan.sizes import Size, doubled, ladder

SLOPE = 0.2
"""Of LeakyReLU below zero."""
LABEL_WIDTH = 32
"""Numbers a class is told to the generator in."""


class Generator(nn.Module):
    """Noise to pictures: a linear layer to the smallest size, then a transposed convolution for each doubling.

    `forward(noise (B, Z), labels (B,) int64 where there are classes)` gives (B, C, H, W) from −1 to 1. Raises
    InputError for noise of another size or labels that are missing.

    >>> Generator(64, 28)(torch.randn(5, 64)).shape
    torch.Size([5, 1, 28, 28])
    """

    def __init__(
        self,
        noise_size: int,
        image_size: int | Size,
        *,
        channels: int = 1,
        classes: int = 0,
        width: int = 32,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        sizes = ladder(image_size)[::-1]
        widths = doubled(width, len(sizes) - 1)[::-1]
        self.noise_size, self.classes = noise_size, classes
        self.smallest = (widths[0], *sizes[0])
        self.label = layers.Embedding(classes, LABEL_WIDTH) if classes else None
        inputs = noise_size + LABEL_WIDTH * bool(classes)
        self.first = layers.Linear(inputs, widths[0] * sizes[0][0] * sizes[0][1])
        self.norms = nn.ModuleList(layers.BatchNorm2d(w) for w in widths)
        steps = zip(pairwise([*widths, channels]), pairwise(sizes), strict=True)
        self.layers = nn.ModuleList(_doubling(a, b, low, high, layers) for (a, b), (low, high) in steps)
        self.relu, self.tanh = layers.functional.relu, layers.functional.tanh

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, Z) → (B, C, H, W)."""
        x = self.first(with_label(noise, labels, self.noise_size, self.label)).view(-1, *self.smallest)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = layer(self.relu(norm(x)))
        return self.tanh(x)


class Discriminator(nn.Module):
    """Pictures to a score each, higher for what looks real: a strided convolution a halving, then a linear layer.

    There is no normalisation: gradient penalties are of one picture, which others must not take part in.
    `forward(pictures (B, C, H, W), labels (B,) int64)` gives (B, 1); without labels a picture of any class is judged.
    Where P pictures are judged together, C is P times as many and labels are (B, P). Raises InputError for pictures of
    another size.

    >>> Discriminator(28)(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 1])
    """

    def __init__(
        self,
        image_size: int | Size,
        *,
        channels: int = 1,
        classes: int = 0,
        width: int = 32,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        sizes = ladder(image_size)
        widths = [channels, *doubled(width, len(sizes) - 1)]
        self.shape = (channels, *sizes[0])
        self.layers = nn.ModuleList(layers.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.activation = layers.LeakyReLU(SLOPE)
        self.head = layers.Linear(widths[-1] * sizes[-1][0] * sizes[-1][1], 1 + classes)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, C, H, W) → (B, 1)."""
        if pictures.shape[1:] != self.shape:
            raise InputError(
                "The pictures are of another size than the discriminator was made for.",
                got=f"a tensor of shape {tuple(pictures.shape)}",
                wanted=f"(B, {', '.join(map(str, self.shape))})",
                fix="Scale the pictures, or give image_size= and channels= as the pictures have them.",
            )
        x = pictures
        for layer in self.layers:
            x = self.activation(layer(x))
        return score(self.head(x.flatten(1)), labels)


def _doubling(inputs: int, outputs: int, low: Size, high: Size, layers: ModuleType) -> nn.Module:
    """A transposed convolution from one rung of the ladder to the next, an odd pixel included."""
    odd = (high[0] - 2 * low[0], high[1] - 2 * low[1])
    return layers.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, output_padding=odd)


def with_label(noise: Tensor, labels: Tensor | None, noise_size: int, label: nn.Module | None) -> Tensor:
    """(B, Z) → (B, Z) or, where there are classes, with what each says beside it. Raises InputError."""
    if noise.dim() != 2 or noise.shape[1] != noise_size:
        raise InputError(
            "The noise is of another size than the generator was made for.",
            got=f"a tensor of shape {tuple(noise.shape)}",
            wanted=f"(B, {noise_size})",
            fix=f"Give torch.randn(count, {noise_size}), or make the generator with another noise_size=.",
        )
    if label is None:
        return noise
    if labels is None:
        raise InputError(
            "The generator draws by class, and was not told which.",
            got="labels=None",
            wanted="(B,) int64 class numbers",
            fix="Give labels=, or make the generator with classes=0.",
        )
    return torch.cat([noise, label(labels)], 1)


def score(outputs: Tensor, labels: Tensor | None) -> Tensor:
    """(B, 1 + K) → (B, 1): the first output, and where labels (B,) or (B, P) are known, those of the classes added.

    A linear output for each class is the inner product of the features with an embedding of the class.
    """
    if labels is None or outputs.shape[1] == 1:
        return outputs[:, :1]
    chosen = outputs[:, 1:].gather(1, labels.view(len(outputs), -1))
    return outputs[:, :1] + chosen.mean(1, keepdim=True)
