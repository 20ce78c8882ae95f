"""What networks for forecasts have in common: how they are trained, and by what their weights are chosen."""

import math
from collections.abc import Callable, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from netwright.core.batch import Batch
from netwright.core.phase import Phase
from netwright.core.record import Record
from netwright.families.family import Dropout, Penalty, Training
from netwright.tasks import Forecasting, Task

EPOCH = 100_000
"""Windows that an epoch draws at most."""
RISE = 0.1
"""Share of the run over which the rate rises."""


class ForecastConfig(Training):
    """Settings of the networks for forecasts."""

    hidden_size: int = Field(default=64, ge=1)
    """Width of the network."""
    dropout: Dropout = 0.1
    """Share of hidden values set to zero in training."""
    weight_decay: Penalty = 0.01
    """Decoupled weight decay of AdamW, not of biases."""


def phases(module: nn.Module, config: Record, task: Task, steps: int, spent: Callable[[], float]) -> Sequence[Phase]:
    """One phase: AdamW on the pinball loss, the rate rising and falling over the steps or the time."""
    assert isinstance(config, ForecastConfig) and isinstance(task, Forecasting)
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.dim() > 1]},
            {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )

    def rate(step: int) -> float:
        gone = min(1.0, max(step / max(1, steps), spent() if step else 0.0))
        rising = min(1.0, (gone + 1 / max(1, steps)) / RISE)
        return max(1e-3, rising * 0.5 * (1 + math.cos(math.pi * gone)))

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        return task.losses(trained_part(module)(*batch.inputs), batch.target).mean()

    return [Phase(name="network", loss=loss, optimizer=optimizer, scheduler=LambdaLR(optimizer, rate), clip_norm=1.0)]


@torch.no_grad()
def judge(module: nn.Module, config: Record, task: Task, batch: Batch) -> Tensor:
    """(B,) the pinball loss of each window."""
    assert isinstance(task, Forecasting)
    module.eval()
    return task.losses(trained_part(module)(*batch.inputs), batch.target)


def trained_part(module: nn.Module) -> nn.Module:
    """The network of a blend, which alone is trained; else the module itself."""
    network = getattr(module, "network", module)
    assert isinstance(network, nn.Module)
    return network


def epochs_for(rows: int, batch_size: int, steps: int, most: int = 100) -> int:
    """Epochs that take so many steps together, one at the least; `EPOCH` windows make an epoch of more."""
    return max(1, min(most, round(steps * batch_size / max(1, min(rows, EPOCH)))))
