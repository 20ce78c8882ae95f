"""The gan family: two phases a step, the generator averaged.

The defaults were chosen in short runs on MNIST, one core each, by the Fréchet distance in a classifier's features:
batches of 32 at 2e-3 with the penalties on a quarter of the rows reach 10 to 12 after 45 seconds and 3 after 400. The
non-saturating loss with the same penalties reaches 9 after 45 and was not run longer; WGAN-GP, not tuned as far, 75.
"""

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Literal

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
from netwright.families.gan.losses import Loss
from netwright.families.gan.network import GANNetwork
from netwright.families.gan.sizes import SMALLEST
from netwright.families.gan.step import Shared, discriminator_step, drawn_once, generator_step
from netwright.families.gan.watched import warning, watched
from netwright.tasks import Generation, Task

CRITIC_STEPS = 5
"""Updates of the WGAN critic to one of its generator (Gulrajani et al. 2017)."""
PICTURES = 400_000
"""Pictures of 28 × 28 seen in about eight minutes on two slow cores; larger ones take as much longer."""
ROWS = 2_500_000
"""Rows of a table seen in a few minutes at most."""
AVERAGED = 20
"""Time constants of the average that a run has at least: the weights it began with must not stay in it."""
LAST_RATE = 0.1
"""Of the learning rate, what is left at the end."""


class GANConfig(Training):
    """Settings of the gan family."""

    loss: Loss = "non_saturating"
    network: Literal["convolutional", "dense"] = "convolutional"
    noise_size: Count = 64
    """Numbers a row is drawn from."""
    width: Count = 32
    """Channels at the first halving of a convolutional network."""
    hidden_sizes: tuple[Count, ...] = (128, 128)
    """Width of each hidden layer of a dense network."""
    penalty: Penalty | None = None
    """Weight of the gradient penalties: half of it of R1 and of R2, or all of WGAN-GP's. None takes what suits the loss
    and the network."""
    penalized: float = Field(default=0.25, gt=0, le=1)
    """Share of the rows of a step that the penalties are measured on."""
    betas: tuple[float, float] = (0.0, 0.99)
    """Of Adam."""
    average: float = Field(default=0.996, ge=0, lt=1)
    """Decay of the average of the generator's weights at each step, less in short runs; the averaged ones are kept."""
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
    kept = {
        "classes": classes,
        "width": config.width,
        "hidden_sizes": config.hidden_sizes,
        "pack": config.pack,
        "layers": layers,
    }
    if image is not None:
        size = (image.height, image.width)
        gan = GAN(config.noise_size, image_size=size, channels=image.channels, network=config.network, **kept)
        return GANNetwork(gan, Pictures(), counts)
    numbers = len(schema.number_features)
    size = FlatTable.size(numbers, schema.cardinalities)
    gan = GAN(config.noise_size, row_size=size, network="dense", **kept)
    return GANNetwork(gan, Rows(numbers, schema.cardinalities), counts)


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """The ranges of numbers and the categories there are."""
    assert isinstance(module, GANNetwork)
    module.form.measure(*training.inputs)


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """The discriminator's update, then the generator's with the same fakes."""
    assert isinstance(config, GANConfig) and isinstance(module, GANNetwork)

    def fall(step: int) -> float:
        left = 0.5 * (1 + math.cos(math.pi * min(1.0, max(step / max(steps, 1), spent() if step else 0.0))))
        return LAST_RATE + (1 - LAST_RATE) * left

    def made(network: nn.Module) -> Adam:
        return Adam(network.parameters(), lr=config.learning_rate, betas=config.betas, fused=True)

    def judged(module: nn.Module, batch: Batch, shared: Shared) -> Tensor:
        assert isinstance(module, GANNetwork)
        return discriminator_step(module, config.loss, weight, config.penalized, shared)

    def drawn(module: nn.Module, batch: Batch, shared: Shared) -> Tensor:
        assert isinstance(module, GANNetwork)
        return generator_step(module, config.loss, shared)

    judge, draw = made(module.discriminator), made(module.generator)
    every = CRITIC_STEPS if config.loss == "wgan_gp" else 1
    weight = penalty_of(config)
    decay = min(config.average, max(0.0, 1 - AVERAGED * every / max(steps, 1)))
    return [
        Phase(name="discriminator", loss=judged, optimizer=judge, scheduler=LambdaLR(judge, fall)),
        Phase(
            name="generator",
            loss=drawn,
            optimizer=draw,
            scheduler=LambdaLR(draw, lambda step: fall(step * every)),
            every=every,
            average=decay,
        ),
    ]


def penalty_of(config: GANConfig) -> float:
    """The weight asked for, or the one that suits: ten of WGAN-GP's, else what measured best on digits and on mixtures.

    Rows of a table have sharper edges than pictures, which a strong penalty would blur.
    """
    if config.penalty is not None:
        return config.penalty
    if config.loss == "wgan_gp":
        return 10.0
    return 0.02 if config.network == "dense" else 0.5


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> GANConfig:
    """Settings by what a row is: convolutions for pictures of 8 pixels a side or more, else linear layers."""
    image = schema.image
    if image is None:
        return _dense(rows, FlatTable.size(len(schema.number_features), schema.cardinalities))
    if min(image.height, image.width) < SMALLEST:
        return _dense(rows, image.channels * image.height * image.width)
    visits = PICTURES * min(1.0, 28 * 28 / (image.height * image.width))
    return GANConfig(epochs=round(max(1, min(400, visits / rows))), batch_size=_batch(rows, 32), learning_rate=2e-3)


def _dense(rows: int, size: int) -> GANConfig:
    """Few noise numbers for short rows: each direction that says nothing blurs what is drawn; pairs keep all modes."""
    return GANConfig(
        loss="relativistic",
        network="dense",
        noise_size=max(8, min(64, size)),
        batch_size=_batch(rows, 128),
        epochs=round(max(1, min(2000, ROWS / rows))),
        learning_rate=4e-3,
        penalized=0.5,
        average=0.99,
    )


def _batch(rows: int, most: int) -> int:
    """A power of two, a quarter of the rows at most."""
    return min(most, max(4, 2 ** int(math.log2(max(rows, 16) / 4))))


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
    warning=warning,
)
