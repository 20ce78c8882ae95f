"""The gan family: two phases a step, the generator averaged.

B rows, P rows judged together.
"""

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Count, Family, Penalty, Training
from netwright.families.flat import FlatTable
from netwright.families.gan.forms import Pictures, Rows
from netwright.families.gan.gan import GAN
from netwright.families.gan.losses import (
    Loss,
    discriminator_loss,
    generator_loss,
    one_centred,
    scored,
)
from netwright.families.gan.network import GANNetwork, Shared, drawn_once, packed, packed_labels
from netwright.families.gan.sizes import SMALLEST
from netwright.families.gan.watched import watched
from netwright.tasks import Generation, Task

CRITIC_STEPS = 5
"""Updates of the WGAN critic to one of its generator (Gulrajani et al. 2017)."""
LAST_RATE = 0.25
"""Of the learning rate, what is left at the end."""


class GANConfig(Training):
    """Settings of the gan family."""

    loss: Loss = "relativistic"
    network: Literal["convolutional", "dense"] = "convolutional"
    noise_size: Count = 64
    """Numbers a row is drawn from."""
    width: Count = 32
    """Channels at the first halving of a convolutional network."""
    hidden_sizes: tuple[Count, ...] = (128, 128)
    """Width of each hidden layer of a dense network."""
    penalty: Penalty = 1.0
    """Weight of the gradient penalties: half of it of R1 and of R2, or all of WGAN-GP's."""
    penalized: float = Field(default=1.0, gt=0, le=1)
    """Share of the rows of a step that the penalties are measured on."""
    betas: tuple[float, float] = (0.0, 0.99)
    """Of Adam."""
    average: float = Field(default=0.998, ge=0, lt=1)
    """Decay of the average of the generator's weights at each step; the averaged ones are kept."""
    by_class: bool = True
    """Draw and judge by class, where rows are labelled."""
    pack: Count = 1
    """Rows the discriminator judges together."""


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """Both networks for pictures of this size or rows of these columns."""
    assert isinstance(config, GANConfig)
    assert isinstance(task, Generation)
    label = task.label if config.by_class else None
    classes, counts = (len(label.classes), label.counts) if label is not None else (0, ())
    image = schema.image
    common = {"classes": classes, "width": config.width, "hidden_sizes": config.hidden_sizes, "pack": config.pack}
    if image is not None:
        size = (image.height, image.width)
        gan = GAN(config.noise_size, image_size=size, channels=image.channels, network=config.network, **common)
        return GANNetwork(gan, Pictures(), counts)
    numbers = len(schema.number_features)
    size = FlatTable.size(numbers, schema.cardinalities)
    gan = GAN(config.noise_size, row_size=size, network="dense", layers=layers, **common)
    return GANNetwork(gan, Rows(numbers, schema.cardinalities), counts)


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """The ranges of numbers and the categories there are."""
    assert isinstance(module, GANNetwork)
    module.form.measure(*training.inputs)


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """The discriminator's update, then the generator's with the same fakes."""
    assert isinstance(config, GANConfig) and isinstance(module, GANNetwork)

    def fall(step: int) -> float:
        left = 0.5 * (1 + math.cos(math.pi * min(1.0, max(step / max(steps, 1), spent()))))
        return LAST_RATE + (1 - LAST_RATE) * left

    def made(network: nn.Module) -> Adam:
        return Adam(network.parameters(), lr=config.learning_rate, betas=config.betas, fused=True)

    def judged(module: nn.Module, batch: Batch, shared: Shared) -> Tensor:
        return _judged(module, config, shared)

    def drawn(module: nn.Module, batch: Batch, shared: Shared) -> Tensor:
        return _drawn(module, config, shared)

    judge, draw = made(module.discriminator), made(module.generator)
    every = CRITIC_STEPS if config.loss == "wgan_gp" else 1
    return [
        Phase(name="discriminator", loss=judged, optimizer=judge, scheduler=LambdaLR(judge, fall)),
        Phase(
            name="generator",
            loss=drawn,
            optimizer=draw,
            scheduler=LambdaLR(draw, lambda step: fall(step * every)),
            every=every,
            average=config.average,
        ),
    ]


def _judged(module: nn.Module, config: GANConfig, shared: Shared) -> Tensor:
    """The discriminator's loss, its penalties measured on the first rows: an unbiased estimate at a lower price."""
    assert isinstance(module, GANNetwork)
    real, fake, labels = shared
    labels = packed_labels(labels, config.pack)
    real, fake = packed(real, config.pack), packed(fake.detach(), config.pack)
    look = module.discriminator
    both = torch.cat([real, fake])
    twice = torch.cat([labels, labels]) if labels is not None else None
    if config.penalty == 0:
        scores = look(both, twice)
        return discriminator_loss(config.loss, scores[: len(real)], scores[len(real) :])
    few = max(1, round(config.penalized * len(real)))
    if config.loss == "wgan_gp":
        scores = look(both, twice)
        penalty = one_centred(look, real[:few], fake[:few], labels[:few] if labels is not None else None)
        return discriminator_loss(config.loss, scores[: len(real)], scores[len(real) :]) + config.penalty * penalty
    near = torch.cat([real[:few], fake[:few]])
    scores, squared = scored(look, near, torch.cat([labels[:few]] * 2) if labels is not None else None)
    real_scores, fake_scores = scores[:few], scores[few:]
    if few < len(real):
        far = look(torch.cat([real[few:], fake[few:]]), torch.cat([labels[few:]] * 2) if labels is not None else None)
        rest = len(real) - few
        real_scores, fake_scores = torch.cat([real_scores, far[:rest]]), torch.cat([fake_scores, far[rest:]])
    return discriminator_loss(config.loss, real_scores, fake_scores) + config.penalty * squared.mean()


def _drawn(module: nn.Module, config: GANConfig, shared: Shared) -> Tensor:
    """The generator's loss."""
    assert isinstance(module, GANNetwork)
    real, fake, labels = shared
    labels = packed_labels(labels, config.pack)
    scores = module.discriminator(packed(fake, config.pack), labels)
    if config.loss != "relativistic":
        return generator_loss(config.loss, scores, scores)
    with torch.no_grad():
        beside = module.discriminator(packed(real, config.pack), labels)
    return generator_loss(config.loss, beside, scores)


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> GANConfig:
    """Settings by the size of the rows."""
    image = schema.image
    if image is None:
        return GANConfig(network="dense", epochs=100, learning_rate=1e-3)
    return GANConfig(
        network="convolutional" if min(image.height, image.width) >= SMALLEST else "dense",
        batch_size=64,
        epochs=max(1, min(2000, 400_000 // rows)),
    )


FAMILY = Family(
    name="gan",
    phrase="a generator and a discriminator against each other",
    config=GANConfig,
    defaults=defaults,
    build=build,
    prepare=prepare,
    phases=phases,
    share=drawn_once,
    fits={"image": ("generation",), "table": ("generation",)},
    watched=watched,
)
