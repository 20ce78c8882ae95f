"""How networks on sequences are trained: AdamW, one rise and fall of the rate, gradients bounded.

B sequences, K members, O outputs.
"""

import math
from collections.abc import Callable, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.forms import MOST, SequenceForm
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Dropout, Penalty, Training
from netwright.families.sequence.network import SequenceNetwork
from netwright.families.sequence.sharpness import sharpness
from netwright.tasks import Answering, Classification, Regression, Supervised, Task

RISE = 0.15
"""Share of the run over which the rate rises."""
WINDOWS = 25
"""Times that the steps averaged over must fit into the run."""
FEWEST = 20
"""Validation rows that tell how sure a network may be, at least."""
STEPS = 64
"""Steps that the longest sequence is folded to, more or less."""
VISITS = 7_000_000
"""Folded steps a run sees where nobody says how long: six or seven minutes of an LSTM of 128, read from both ends."""
SMALL = 300
"""Rows up to which several members are worth their time."""


class SequenceConfig(Training):
    """Settings of every network on sequences that is trained by steps."""

    hidden_size: int = Field(default=128, ge=1, le=16_384)
    """Numbers a layer keeps of each step (and direction)."""
    num_layers: int = Field(default=2, ge=1, le=1_000)
    dropout: Dropout = 0.2
    """Share of hidden values set to zero in training."""
    fold: int = Field(default=1, ge=1, le=MOST)
    """Steps that the network takes as one: 1 reads every step on its own."""
    members: int = Field(default=1, ge=1, le=1_000)
    """Networks whose answers are averaged."""
    weight_decay: Penalty = 0.01
    """Decoupled weight decay of AdamW."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    """Share of the truth that is spread over all classes."""
    clip_norm: float = Field(default=1.0, gt=0)
    """The gradients of a step are shortened to this norm."""
    average: float = Field(default=0.95, ge=0, lt=1)
    """Decay of the moving average of the weights; less where there are few steps."""


def sized(rows: int, schema: Schema, cost: float = 1.0) -> dict[str, int]:
    """Fold, members, batch size and epochs by the number and length of the sequences.

    `cost` is what a step takes, an LSTM's being 1.
    """
    form = schema.form
    assert isinstance(form, SequenceForm)
    fold = -(-form.length // STEPS)
    members = 2 if rows <= SMALL else 1
    batch = 2 ** max(4, min(6, round(math.log2(max(rows, 1) / 4))))
    steps = -(-max(rows, 1) // batch)
    passes = VISITS / cost / (rows * members * -(-form.length // fold))
    epochs = max(2, min(round(passes), max(60, -(-240 // steps)), 240))
    return {"fold": fold, "members": members, "batch_size": batch, "epochs": epochs, "patience": max(16, epochs // 2)}


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """One phase: AdamW, the rate rising and falling over the steps or the time, whichever is further."""
    assert isinstance(module, SequenceNetwork) and isinstance(config, SequenceConfig)
    assert isinstance(task, Answering)
    weights = [p for p in module.parameters() if p.dim() > 1]
    others = [p for p in module.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": weights}, {"params": others, "weight_decay": 0.0}],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )

    def rate(step: int) -> float:
        gone = min(1.0, max(step / steps, spent() if step else 0.0))
        return (gone + 1 / steps) / RISE if gone < RISE else 0.5 * (1 + math.cos(math.pi * (gone - RISE) / (1 - RISE)))

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        return smoothed(task, module(*batch.inputs), batch.target, config.label_smoothing)

    decay = min(config.average, 1 - WINDOWS / max(steps, WINDOWS))
    schedule = LambdaLR(optimizer, lambda step: min(1.0, max(rate(step), 1e-3)))
    return [Phase(name="network", loss=loss, optimizer=optimizer, scheduler=schedule, clip_norm=config.clip_norm,
                  average=decay or None)]  # fmt: skip


def smoothed(task: Supervised, outputs: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """The mean loss, (), of outputs (B, O) or (B, K, O); of classes with this share of the truth spread over all."""
    loss = task.losses(outputs, target).mean()
    if not smoothing or not isinstance(task, Classification):
        return loss
    return (1 - smoothing) * loss - smoothing * outputs.log_softmax(-1).mean()


def judge(module: nn.Module, config: Record, task: Task, batch: Batch) -> Tensor:
    """(B,) loss of each row, the members' mean."""
    assert isinstance(task, Answering)
    losses = task.losses(module(*batch.inputs), batch.target)
    return losses.mean(1) if losses.dim() == 2 else losses


@torch.no_grad()
def finish(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Find on validation rows how sure the weights that were kept may be."""
    assert isinstance(module, SequenceNetwork) and isinstance(task, Answering)
    if isinstance(task, Regression) or len(validation) < FEWEST:
        return
    module.eval()
    module.sharpness.fill_(1.0)
    some = torch.linspace(0, len(validation) - 1, min(4096, len(validation)), device=validation.target.device).long()
    parts = [module(*(x[rows] for x in validation.inputs)) for rows in some.split(256)]
    outputs = torch.cat(parts)
    outputs = outputs.mean(1) if outputs.dim() == 3 else outputs
    module.sharpness.copy_(sharpness(task, outputs, validation.target[some]))
