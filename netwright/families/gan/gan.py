"""Generator and discriminator as one plain module."""

from collections.abc import Sequence
from types import ModuleType
from typing import Literal

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.gan.convolutional import Discriminator, Generator
from netwright.families.gan.dense import DenseDiscriminator, DenseGenerator
from netwright.families.gan.sizes import SMALLEST
from netwright.families.pixels import Size, two_sides

Kind = Literal["convolutional", "dense"]
AT_ONCE = 256
"""Rows drawn at once, so that many take no more memory than few."""


class GAN(nn.Module):
    """`.generator` and `.discriminator` for pictures (C, H, W) from −1 to 1, or for rows of `row_size` numbers.

    `forward(noise (B, Z), labels (B,) int64 where there are classes)` is the generator's. `network` is "convolutional"
    or "dense"; by default the first for pictures of 8 pixels a side or more, else the second. `pack` rows are judged
    together, as channels of one (Lin et al. 2018). Raises InputError for sizes that make no network.

    B rows, Z noise numbers, C channels, H height, W width.

    >>> gan = GAN(64, image_size=28, classes=10, width=8)
    >>> pictures = gan.sample(5, labels=torch.arange(5))
    >>> pictures.shape, gan.discriminator(pictures).shape
    (torch.Size([5, 1, 28, 28]), torch.Size([5, 1]))
    """

    def __init__(
        self,
        noise_size: int,
        *,
        image_size: int | Size | None = None,
        channels: int = 1,
        row_size: int | None = None,
        classes: int = 0,
        network: Kind | None = None,
        width: int = 32,
        hidden_sizes: Sequence[int] = (128, 128),
        pack: int = 1,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.noise_size, self.classes, self.pack = noise_size, classes, pack
        shape = _shape(noise_size, image_size, channels, row_size, pack)
        if network == "convolutional" or (network is None and len(shape) == 3 and min(shape[1:]) >= SMALLEST):
            if len(shape) != 3:
                raise InputError(
                    "Convolutions draw pictures, not rows of numbers.",
                    got=f"network='convolutional', row_size={row_size}",
                    wanted="image_size= and channels=",
                    fix='Give image_size= in place of row_size=, or network="dense".',
                )
            size, kept = (shape[1], shape[2]), {"classes": classes, "width": width, "layers": layers}
            self.generator: nn.Module = Generator(noise_size, size, channels=channels, **kept)
            self.discriminator: nn.Module = Discriminator(size, channels=channels * pack, **kept)
        else:
            kept = {"classes": classes, "hidden_sizes": hidden_sizes, "layers": layers}
            self.generator = DenseGenerator(noise_size, shape, bounded=len(shape) == 3, **kept)
            self.discriminator = DenseDiscriminator((shape[0] * pack, *shape[1:]), **kept)

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, Z) → (B, C, H, W) or (B, row_size)."""
        return self.generator(noise, labels)

    @torch.no_grad()
    def sample(self, count: int, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """`count` new rows as the generator draws them in use, (count, …); of any class where no labels are given."""
        return drawn(self.generator, self.noise_size, self.classes, count, labels, generator)


def drawn(
    network: nn.Module,
    noise_size: int,
    classes: int,
    count: int,
    labels: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """(count, …) rows of a generator network in eval mode. Noise is drawn on the CPU, so that devices agree."""
    weight = next(network.parameters())
    if classes and labels is None:
        labels = torch.randint(classes, (count,), generator=generator)
    if classes and labels is not None and len(labels) != count:
        raise InputError(
            "There must be a label for each row that is drawn.",
            got=f"{len(labels)} labels for {count} rows",
            wanted=f"{count} class numbers",
            fix="Give as many labels as count says.",
        )
    training = network.training
    network.eval()
    parts = []
    for first in range(0, count, AT_ONCE):
        rows = min(AT_ONCE, count - first)
        noise = torch.randn(rows, noise_size, generator=generator).to(weight)
        own = labels[first : first + rows].to(weight.device) if classes and labels is not None else None
        parts.append(network(noise, own))
    network.train(training)
    if not parts:
        noise = weight.new_zeros(0, noise_size)
        return network(noise, labels.to(weight.device) if classes and labels is not None else None)
    return torch.cat(parts)


def _shape(
    noise_size: int, image_size: int | Size | None, channels: int, row_size: int | None, pack: int
) -> tuple[int, ...]:
    """Of one picture (C, H, W) or row (D,)."""
    if (image_size is None) == (row_size is None):
        raise InputError(
            "A GAN draws either pictures or rows of numbers.",
            got=f"image_size={image_size}, row_size={row_size}",
            wanted="one of the two",
            fix="Give image_size= for pictures or row_size= for rows.",
        )
    shape = (row_size,) if row_size is not None else (channels, *two_sides(image_size if image_size is not None else 0))
    if min(noise_size, pack, *shape) < 1:
        raise InputError(
            "Every size of a GAN is one or more.",
            got=f"noise_size={noise_size}, pack={pack}, rows of shape {shape}",
            wanted="positive whole numbers",
            fix="Correct noise_size, pack, image_size, channels or row_size.",
        )
    return shape
