"""Reduction to a few dimensions that begins as PCA and is never worse.

B rows, D length of the flat vector, Z code size.
"""

from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.schema import Schema
from netwright.families.autoencoder.config import AutoencoderConfig
from netwright.families.autoencoder.convolutional import ConvDecoder, ConvEncoder
from netwright.families.autoencoder.dense import silence
from netwright.families.autoencoder.principal import Chunks, Principal
from netwright.families.autoencoder.rows import Flat
from netwright.families.mlp import MLP
from netwright.tasks import Task


class ReductionNetwork(nn.Module):
    """Principal components and their inverse, each with a non-linear correction that starts at zero.

    `forward(*inputs)` gives codes (B, Z): PCA's codes, plus the correction in units of their spread. `alone` is 1 where
    PCA without the corrections was found to be as good on validation rows; it then answers.
    """

    def __init__(self, flat: Flat, size: int, down: nn.Module, up: nn.Module) -> None:
        super().__init__()
        self.flat, self.down, self.up = flat, down, up
        self.principal = Principal(flat.size, size)
        self.spread: Tensor
        self.alone: Tensor
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("alone", torch.zeros(()))

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, Z)."""
        return self.code(self.flat(*inputs))

    encode = forward

    def code(self, x: Tensor) -> Tensor:
        """(B, D) → (B, Z)."""
        linear = self.principal.encode(x)
        corrected = linear + self.principal.spread * self.down((x - self.principal.mean) / self.spread)
        return torch.where(self.alone > 0, linear, corrected)

    def decode(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, D)."""
        linear = self.principal.decode(code)
        corrected = linear + self.spread * self.up(code / self.principal.spread)
        return torch.where(self.alone > 0, linear, corrected)

    def reconstruct(self, *inputs: Tensor) -> Tensor:
        """Rows made again from their codes, (B, D)."""
        return self.flat.bounded(self.decode(self.forward(*inputs)))

    def reconstruct_linear(self, *inputs: Tensor) -> Tensor:
        """Rows made again by PCA alone, (B, D): what the network must beat."""
        return self.principal.decode(self.principal.encode(self.flat(*inputs)))

    def losses(self, batch: Batch, task: Task) -> Tensor:
        """While training: squared error of each row in units of the data's variance, (B,)."""
        x = self.flat(*batch.inputs)
        return ((self.decode(self.code(x)) - x) / self.spread).square().mean(1)

    def judged(self, batch: Batch, task: Task) -> Tensor:
        """Mean squared error of each row, (B,), in the unit of the flat vector."""
        return (self.reconstruct(*batch.inputs) - self.flat(*batch.inputs)).square().mean(1)

    def prepare(self, task: Task, training: Batch) -> None:
        """Measure the principal components and the spread of the data."""
        chunks = Chunks(self.flat, training.inputs)
        self.principal.fit(chunks)
        variance = chunks.variance(self.principal.mean.double()).mean()
        self.spread.fill_(float(variance.sqrt()) or 1.0)

    def finish(self, task: Task, training: Batch, validation: Batch) -> None:
        """Compare with PCA on validation rows, or on training rows where there are none."""
        batch = validation if len(validation) else training
        self.alone.fill_(0.0)
        network = linear = 0.0
        for inputs in Chunks(self.flat, batch.inputs).pieces():
            x = self.flat(*inputs)
            network += float((self.reconstruct(*inputs) - x).double().square().sum())
            linear += float((self.reconstruct_linear(*inputs) - x).double().square().sum())
        self.alone.fill_(0.0 if network < linear else 1.0)


def build(config: AutoencoderConfig, schema: Schema, task: Task, layers: ModuleType) -> ReductionNetwork:
    """PCA with corrections, dense or convolutional."""
    flat, size, hidden = Flat(schema), task.output_size, config.hidden_sizes
    if config.convolutional and flat.shape is not None:
        channels, image = flat.shape[0], flat.shape[1:]
        options = {"image_size": image, "channels": hidden, "activation": config.activation, "layers": layers}
        down: nn.Module = nn.Sequential(nn.Unflatten(1, flat.shape), ConvEncoder(channels, size, **options))
        up: nn.Module = nn.Sequential(ConvDecoder(size, channels, **options), layers.Flatten())
    else:
        down = MLP(flat.size, hidden, size, activation=config.activation, layers=layers)
        up = MLP(size, hidden[::-1], flat.size, activation=config.activation, layers=layers)
    silence(down)
    silence(up)
    return ReductionNetwork(flat, size, down, up)
