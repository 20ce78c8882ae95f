"""The cnn family: a small residual network, trained with one rise and fall of the rate, its weights averaged.

B pictures, C channels, H height, W width.
"""

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import log_softmax
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.core.schema import ImageColumn, Schema
from netwright.families.cnn import augment
from netwright.families.cnn.mirror import PICTURES, alike, binned, shrunk
from netwright.families.cnn.network import AT_ONCE, PictureNetwork
from netwright.families.cnn.residual import ResidualNetwork, work
from netwright.families.cnn.tutorial import CNN
from netwright.families.family import Count, Dropout, Family, Penalty, Training
from netwright.tasks import Answering, Classification, Supervised, Task

RISE = 0.15
"""Share of the run over which the rate rises."""
WINDOWS = 25
"""Times that the steps averaged over must fit into the run."""
LARGE = 48
"""Pixels a side above which colours are changed and rectangles erased."""
BUDGET = 8e12
"""Multiplications of a whole run, forwards, where nobody says how long: some eight minutes on two slow cores."""
MOST_PIXELS = 128
"""The longest side of pictures where nobody asks for more: a step takes the square of it."""
FEWEST = 20
"""Validation pictures that tell how sure a network may be, at least."""
SETTLED_ON = 4096
"""Training pictures the normalisations are measured on in the end."""


class CNNConfig(Training):
    """Settings of the cnn family."""

    network: Literal["residual", "plain"] = "residual"
    """`plain` is the network of the tutorials, `nw.CNN`."""
    width: Count = 16
    """Channels of the stem of a residual network; its stages have two, four and eight times as many."""
    channels: tuple[Count, ...] = (32, 64)
    """Channels of each convolution of a plain network."""
    hidden_size: Count = 128
    """Width of the hidden layer of a plain network."""
    dropout: Dropout = 0.2
    """Share of its hidden values that a plain network sets to zero in training."""
    weight_decay: Penalty = 0.05
    """Decoupled weight decay of AdamW, not of biases and normalisations."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Share of the truth that is spread over all classes."""
    shift: int = Field(default=2, ge=0)
    """Pixels a training picture is moved by at most."""
    mirror: Literal["auto", "yes", "no"] = "auto"
    """Whether left and right are exchanged at random in training and averaged in answers; auto finds out."""
    recolour: float = Field(default=0.0, ge=0, le=1)
    """How much the colours of training pictures are changed."""
    erase: float = Field(default=0.0, ge=0, le=1)
    """Share of the training pictures that lose a rectangle."""
    average: float = Field(default=0.95, ge=0, lt=1)
    """Decay of the moving average of the weights; less where there are few steps."""


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The network for pictures of this size."""
    column = schema.image
    assert isinstance(config, CNNConfig) and column is not None
    size, outputs = (column.height, column.width), task.output_size
    if config.network == "residual":
        least = max(1, min(8, config.batch_size // 4))
        body = ResidualNetwork(
            column.channels, outputs, image_size=size, width=config.width, least=least, layers=layers
        )
        return PictureNetwork(column, body)
    plain = CNN(
        column.channels,
        outputs,
        image_size=size,
        channels=config.channels,
        hidden_size=config.hidden_size,
        dropout=config.dropout,
        layers=layers,
    )
    return PictureNetwork(column, plain)


@torch.no_grad()
def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Find out whether pictures may be mirrored."""
    assert isinstance(module, PictureNetwork) and isinstance(config, CNNConfig)
    mirrors = config.mirror == "yes"
    if config.mirror == "auto":
        module.eval()
        halves = [_some(batch, PICTURES) for batch in (training, validation)]
        parts = [part for batch in halves for part in batch.inputs[0].split(AT_ONCE)]
        pictures = torch.cat([shrunk(module.standardize(part)) for part in parts])
        mirrors = alike(pictures, binned(torch.cat([batch.target for batch in halves])))
    module.mirrors.fill_(mirrors)


def _some(batch: Batch, most: int) -> Batch:
    """At most so many rows, spread evenly."""
    rows = torch.linspace(0, len(batch) - 1, min(most, len(batch)), device=batch.target.device).long()
    return Batch(inputs=(batch.inputs[0][rows],), target=batch.target[rows], fold=batch.fold[rows])


@torch.no_grad()
def finish(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Measure the normalisations, and how sure it may be, on the weights that were kept."""
    assert isinstance(module, PictureNetwork)
    module.settle(_some(training, SETTLED_ON).inputs[0])
    if isinstance(task, Classification) and len(validation) >= FEWEST:
        some = _some(validation, SETTLED_ON)
        module.sharpen(some.inputs[0], some.target)


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """One phase: AdamW on pictures changed a little, the rate rising and falling over the steps or the time."""
    assert isinstance(module, PictureNetwork) and isinstance(config, CNNConfig) and isinstance(task, Answering)
    weights = [p for p in module.parameters() if p.dim() > 1]
    others = [p for p in module.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": weights}, {"params": others, "weight_decay": 0.0}],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        betas=(0.9, 0.99),
        fused=True,
    )
    mirrors = bool(module.mirrors)

    def rate(step: int) -> float:
        gone = min(1.0, max(step / steps, spent() if step else 0.0))
        return gone / RISE if gone < RISE else 0.5 * (1 + math.cos(math.pi * (gone - RISE) / (1 - RISE)))

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        return smoothed(task, module(changed(batch.inputs[0], config, mirrors)), batch.target, config.label_smoothing)

    schedule = LambdaLR(optimizer, lambda step: max(rate(step), 1e-3))
    decay = min(config.average, 1 - WINDOWS / max(steps, WINDOWS))
    return [Phase(name="network", loss=loss, optimizer=optimizer, scheduler=schedule, average=decay or None)]


def changed(pictures: Tensor, config: CNNConfig, mirrors: bool) -> Tensor:
    """Training pictures (B, C, H, W) uint8 mirrored, moved, recoloured, partly erased."""
    if mirrors:
        pictures = augment.mirrored(pictures)
    if config.shift:
        pictures = augment.shifted(pictures, config.shift)
    if config.recolour:
        pictures = augment.recoloured(pictures, config.recolour)
    return augment.erased(pictures, config.erase) if config.erase else pictures


def smoothed(task: Supervised, outputs: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """The mean loss, (); of classes with this share of the truth spread over all of them (Szegedy et al. 2016)."""
    loss = task.losses(outputs, target).mean()
    if not smoothing or not isinstance(task, Classification):
        return loss
    return (1 - smoothing) * loss - smoothing * log_softmax(outputs, 1).mean()


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> CNNConfig:
    """Settings by the number and size of the pictures."""
    column = schema.image
    assert column is not None
    width = width_for(column)
    passes = BUDGET / (rows * 3 * work(column.channels, (column.height, column.width), width))
    side = max(column.height, column.width)
    return CNNConfig(
        width=width,
        channels=(32, 64, 128, 128, 128)[: max(2, min(5, math.ceil(math.log2(side / 8))))],
        batch_size=2 ** max(4, min(6, round(math.log2(max(rows, 8) / 16)))),
        epochs=max(6, min(round(passes), 60 + 20_000 // max(rows, 1), 300)),
        patience=300,
        learning_rate=4e-3,
        shift=max(1, round(side / 16)) if side >= 8 else 0,
        recolour=0.2 if side > LARGE else 0.0,
        erase=0.25 if side > LARGE else 0.0,
    )


def width_for(column: ImageColumn) -> int:
    """Channels of the stem: more where pictures are so small that they cost little."""
    return 24 if max(column.height, column.width) <= 12 else 16


FAMILY = Family(
    name="cnn",
    phrase="a convolutional network, small and residual, or that of the tutorials",
    config=CNNConfig,
    defaults=defaults,
    build=build,
    prepare=prepare,
    phases=phases,
    finish=finish,
    fits={"image": ("classification", "regression", "multilabel")},
    most_pixels=MOST_PIXELS,
)
