"""The linear family on sequences: ridge regression on simple statistics of each channel.

B sequences, T steps, C channels, F statistics, O outputs.
"""

from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.forms import SequenceForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family
from netwright.families.rocket.family import all_rows, targets
from netwright.families.rocket.ridge import fit_ridge
from netwright.families.sequence.sharpness import sharpness
from netwright.families.sequence.views import in_parts, statistics, statistics_size
from netwright.tasks import Answering, Regression, Task


class LinearConfig(Record):
    """Settings of the linear family on sequences: there are none, for the penalty is found by leave-one-out."""


class StatisticsNetwork(nn.Module):
    """A linear layer on standardised statistics: values (B, T, C) and lengths (B,) → (B, O)."""

    center: Tensor
    spread: Tensor

    def __init__(self, channels: int, output_size: int, layers: ModuleType = nn) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(statistics_size(channels)))
        self.register_buffer("spread", torch.ones(statistics_size(channels)))
        self.head = layers.Linear(statistics_size(channels), output_size)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, C) → (B, O)."""
        return self.head((in_parts(statistics, x, lengths) - self.center) / self.spread)


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """A linear model for these channels and outputs."""
    form = schema.form
    assert isinstance(form, SequenceForm)
    return StatisticsNetwork(len(form.channels), task.output_size, layers)


@torch.no_grad()
def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Measure the statistics, and fit the ridge, on validation rows too: leave-one-out needs none."""
    assert isinstance(module, StatisticsNetwork) and isinstance(task, Answering)
    x, lengths, target = all_rows(training, validation)
    found = in_parts(statistics, x, lengths)
    spread = found.std(0, correction=0)
    module.center.copy_(found.mean(0))
    module.spread.copy_(torch.where(spread > 1e-6, spread, 1.0))
    wanted, weights = targets(task, target)
    ridge = fit_ridge((found - module.center) / module.spread, wanted, weights)
    scale = torch.ones(()) if isinstance(task, Regression) else sharpness(task, ridge.left_out, target)
    module.head.weight.copy_(ridge.weight * scale.to(ridge.weight))
    module.head.bias.copy_(ridge.bias * scale.to(ridge.bias))


FAMILY = Family(
    name="linear",
    phrase="a line through simple statistics of each channel: mean, spread, slope and the like",
    config=LinearConfig,
    defaults=lambda rows, folds, schema, task: LinearConfig(),
    build=build,
    prepare=prepare,
    fits={"sequence": ("classification", "regression", "multilabel")},
)
