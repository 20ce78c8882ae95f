"""The autoencoder as a family: one network for each task, trained with one rise and fall of the rate.

B rows.
"""

import math
from collections.abc import Callable, Sequence
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.autoencoder import anomalies, denoising, generation, reduction
from netwright.families.autoencoder.anomalies import AnomalyNetwork
from netwright.families.autoencoder.config import AutoencoderConfig, default_size, defaults
from netwright.families.autoencoder.denoising import DenoisingNetwork
from netwright.families.autoencoder.generation import GenerationNetwork
from netwright.families.autoencoder.reduction import ReductionNetwork
from netwright.families.family import Family
from netwright.tasks import Task

Network = ReductionNetwork | AnomalyNetwork | DenoisingNetwork | GenerationNetwork
BUILDERS = {
    "reduction": reduction.build,
    "anomaly": anomalies.build,
    "denoising": denoising.build,
    "generation": generation.build,
}
RISE = 0.1
"""Share of the run over which the rate rises."""
AVERAGED_UPDATES = 500
"""The moving average of the weights looks back over so many updates at most, and over a twentieth of the run."""


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The network of this task."""
    assert isinstance(config, AutoencoderConfig)
    return BUILDERS[task.kind](config, schema, task, layers)


@torch.no_grad()
def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Measure on training rows what the network starts from."""
    assert isinstance(module, Network)
    module.eval()
    module.prepare(task, training)


@torch.no_grad()
def finish(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Measure what can be measured only of trained weights."""
    assert isinstance(module, Network)
    module.eval()
    module.finish(task, training, validation)


def judge(module: nn.Module, config: Record, task: Task, batch: Batch) -> Tensor:
    """The loss of each row, (B,), in the task's own measure."""
    assert isinstance(module, Network)
    return module.judged(batch, task)


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """One phase: AdamW, its rate rising and then falling along half a cosine, and a moving average of the weights."""
    assert isinstance(module, Network) and isinstance(config, AutoencoderConfig)

    def rate(step: int) -> float:
        return one_cycle(min(1.0, max(step / steps, spent() if step else 0.0)))

    optimizer = torch.optim.AdamW(trained(module, config), lr=config.learning_rate, betas=(0.9, 0.99), fused=True)
    return [
        Phase(
            name="network",
            loss=loss_of(module, task),
            optimizer=optimizer,
            scheduler=LambdaLR(optimizer, rate),
            average=average_for(steps),
        )
    ]


def loss_of(module: Network, task: Task) -> Callable[[Network, Batch], Tensor]:
    """(module, batch) → the scalar that is lowered."""
    if isinstance(module, GenerationNetwork):
        binary = bool(module.binary)
        return lambda module, batch: module.loss(batch, binary)  # type: ignore[missing-attribute]
    return lambda module, batch: module.losses(batch, task).mean()  # type: ignore[missing-attribute]


def trained(module: Network, config: AutoencoderConfig) -> list[dict]:
    """The parameters the loss depends on; biases and spreads do not decay."""
    named = [(name, p) for name, p in module.named_parameters() if p.numel()]
    if isinstance(module, GenerationNetwork) and bool(module.binary):
        named = [(name, p) for name, p in named if name != "log_spread"]
    weights = [p for _, p in named if p.dim() > 1]
    others = [p for _, p in named if p.dim() <= 1]
    return [{"params": weights, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]


def one_cycle(gone: float) -> float:
    """The share of the highest rate when this share of the run is gone."""
    if gone < RISE:
        return 0.05 + 0.95 * gone / RISE
    return 0.5 * (1 + math.cos(math.pi * (gone - RISE) / (1 - RISE)))


def average_for(steps: int) -> float | None:
    """Decay of the moving average; None where the run is too short for one."""
    updates = min(AVERAGED_UPDATES, steps / 20)
    return 1 - 1 / updates if updates > 2 else None


FAMILY = Family(
    name="autoencoder",
    phrase="says rows or pictures in a few numbers: to reduce, to find anomalies, to clean, to make new ones",
    config=AutoencoderConfig,
    defaults=defaults,
    build=build,
    prepare=prepare,
    phases=phases,
    fits={
        "image": ("reduction", "anomaly", "denoising", "generation"),
        "table": ("reduction", "anomaly", "denoising", "generation"),
    },
    finish=finish,
    judge=judge,
    dimensions=default_size,
)
