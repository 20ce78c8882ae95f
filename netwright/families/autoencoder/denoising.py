"""Noise taken out of pictures and rows.

B rows, C channels, H height, W width, D length of the flat vector.

Sources: the noise is what is predicted (DnCNN, Zhang et al. 2017), on a grid of 2×2 pixels side by side as channels
(FFDNet, Zhang et al. 2018), which costs a quarter of the time.
"""

from collections.abc import Sequence
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional

from netwright.core.batch import Batch
from netwright.core.schema import Schema
from netwright.families.autoencoder.config import AutoencoderConfig
from netwright.families.autoencoder.dense import silence
from netwright.families.autoencoder.principal import EXACT, Chunks, Principal
from netwright.families.autoencoder.rows import Flat, seeded
from netwright.families.mlp import MLP, make_activation
from netwright.tasks import Task

WEAKEST, STRONGEST = 0.2, 1.8
"""Range of the noise while training, as a share of the one asked: what a person brings is never of one strength."""
MOST_COMPONENTS, FEW_COMPONENTS = 256, 64
"""Principal components of the linear filter; few where all would take long to find."""
CHANGED = 0.2
"""Share of categories changed at random, for each share of noise."""


class SmallU(nn.Module):
    """(B, 2C, H, W) → (B, C, H, W): from a picture with noise and its linear filter, what is to be added.

    Two levels, of `widths` channels, at half and a quarter of the size, the coarse one added to the fine one.
    """

    def __init__(self, channels: int, widths: Sequence[int], activation: str, layers: ModuleType = nn) -> None:
        super().__init__()
        fine, coarse = widths[0], widths[-1]
        self.activation = make_activation(activation, layers)
        self.gather, self.spread = nn.PixelUnshuffle(2), nn.PixelShuffle(2)
        self.stem = layers.Conv2d(8 * channels, fine, 3, padding=1)
        self.before = layers.Conv2d(fine, fine, 3, padding=1)
        self.down = layers.Conv2d(fine, coarse, 3, stride=2, padding=1)
        self.deep = nn.ModuleList(layers.Conv2d(coarse, coarse, 3, padding=1) for _ in range(2))
        self.up = layers.ConvTranspose2d(coarse, fine, 2, stride=2)
        self.after = layers.Conv2d(fine, fine, 3, padding=1)
        self.head = layers.Conv2d(fine, 4 * channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2C, H, W) → (B, C, H, W)."""
        height, width = x.shape[-2:]
        x = self.gather(functional.pad(x, (0, -width % 4, 0, -height % 4), mode="replicate"))
        fine = self.activation(self.before(self.activation(self.stem(x))))
        coarse = self.activation(self.down(fine))
        for layer in self.deep:
            coarse = coarse + self.activation(layer(coarse))
        joined = self.activation(self.after(self.activation(fine + self.up(coarse))))
        return self.spread(self.head(joined))[..., :height, :width]


class DenoisingNetwork(nn.Module):
    """`forward(*inputs)` gives cleaned pictures (B, C, H, W) from 0 to 1, or cleaned flat vectors of a table (B, D)."""

    def __init__(self, flat: Flat, body: nn.Module, noise: float) -> None:
        super().__init__()
        self.flat, self.body, self.noise = flat, body, noise
        self.convolutional = isinstance(body, OnPictures)
        self.filtered = flat.size <= EXACT
        self.principal = Principal(flat.size, min(flat.size, MOST_COMPONENTS if flat.size <= EXACT else FEW_COMPONENTS))
        self.spread: Tensor
        self.center: Tensor
        self.register_buffer("spread", torch.ones(flat.size))
        self.register_buffer("center", torch.zeros(flat.size))

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, C, H, W) or (B, D)."""
        cleaned = self.reconstruct(*inputs)
        return cleaned if self.flat.shape is None else cleaned.unflatten(1, self.flat.shape)

    def reconstruct(self, *inputs: Tensor) -> Tensor:
        """The cleaned rows as flat vectors, (B, D)."""
        return self.cleaned(self.flat(*inputs))

    def cleaned(self, x: Tensor) -> Tensor:
        """Flat vectors with noise, (B, D), → without."""
        return self.flat.bounded(self.unbounded(self.flat.bounded(x)))

    def unbounded(self, x: Tensor) -> Tensor:
        """(B, D) → (B, D); what is learned is added to what the linear filter makes of a row, or to a large picture."""
        linear = self.cleaned_linear(x)
        seen = (x - self.center) / self.spread
        if self.convolutional:
            seen = torch.cat([seen, (linear - self.center) / self.spread], dim=1)
        return (linear if self.filtered else x) + self.spread * self.body(seen)

    def cleaned_linear(self, x: Tensor) -> Tensor:
        """Flat vectors (B, D) cleaned by the best linear filter: each code times its share of the variance."""
        variance = self.principal.spread.square()
        share = variance / (variance + self.noise_level**2)
        return self.principal.decode(share * self.principal.encode(x))

    @property
    def noise_level(self) -> Tensor:
        """Spread of the noise it is made for, in the unit of the flat vector, ()."""
        return self.noise * self.spread.square().mean().sqrt()

    def noised(self, batch: Batch, strength: Tensor | float, generator: torch.Generator | None = None) -> Tensor:
        """Flat vectors with noise of this share of the spread, (B, D).

        Pixels stay within 0 and 1, as they do in a file. Of categories some are changed to another at random.
        """
        x = self.flat(*batch.inputs)
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        if self.flat.shape is not None:
            return (x + strength * self.spread * noise).clamp(0, 1)
        numbers = self.flat.numbers
        parts = [x[:, :numbers] + (strength * self.spread * noise)[:, :numbers]]
        for places, values in zip(self.flat.places, x[:, numbers:].split(self.flat.places, 1), strict=True):
            draw = torch.rand(len(x), 2, generator=generator, dtype=x.dtype, device=x.device)
            other = functional.one_hot((draw[:, 1] * places).long().clamp(max=places - 1), places).to(x.dtype)
            parts.append(torch.where(draw[:, :1] < CHANGED * strength, other, values))
        return torch.cat(parts, dim=1)

    def losses(self, batch: Batch, task: Task) -> Tensor:
        """While training: squared error of each row, (B,), cleaned of noise of any strength, in units of variance."""
        x = self.flat(*batch.inputs)
        between = torch.rand(len(x), 1, dtype=x.dtype, device=x.device)
        strength = self.noise * (WEAKEST + (STRONGEST - WEAKEST) * between)
        return ((self.unbounded(self.noised(batch, strength)) - x) / self.spread).square().mean(1)

    def judged(self, batch: Batch, task: Task) -> Tensor:
        """Mean squared error of each row, (B,), cleaned of a noise that is always the same."""
        fed = self.noised(batch, self.noise, seeded(self.spread.device))
        return (self.cleaned(fed) - self.flat(*batch.inputs)).square().mean(1)

    def prepare(self, task: Task, training: Batch) -> None:
        """Measure the spread: of each column of a table, of all pixels together."""
        chunks = Chunks(self.flat, training.inputs)
        self.principal.fit(chunks)
        mean = chunks.mean()
        variance = chunks.variance(mean)
        if self.flat.shape is not None:
            mean, variance = mean.mean().expand(len(mean)), variance.mean().expand(len(mean))
        spread = variance.sqrt()
        self.center.copy_(mean)
        self.spread.copy_(torch.where(spread > 1e-6, spread, 1.0))

    def finish(self, task: Task, training: Batch, validation: Batch) -> None:
        """Nothing is left to be measured."""


class OnPictures(nn.Module):
    """A body for pictures, fed with flat vectors: of each row two, (B, 2D)."""

    def __init__(self, shape: tuple[int, int, int], body: nn.Module) -> None:
        super().__init__()
        channels, height, width = shape
        self.shape, self.body = (2 * channels, height, width), body

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2D) → (B, D)."""
        return self.body(x.unflatten(1, self.shape)).flatten(1)


def build(config: AutoencoderConfig, schema: Schema, task: Task, layers: ModuleType) -> DenoisingNetwork:
    """A small U for pictures, dense layers for rows."""
    flat = Flat(schema)
    if config.convolutional and flat.shape is not None:
        u = SmallU(flat.shape[0], config.hidden_sizes, config.activation, layers)
        silence(u)
        return DenoisingNetwork(flat, OnPictures(flat.shape, u), config.noise)
    body = MLP(flat.size, config.hidden_sizes, flat.size, activation=config.activation, layers=layers)
    silence(body)
    return DenoisingNetwork(flat, body, config.noise)
