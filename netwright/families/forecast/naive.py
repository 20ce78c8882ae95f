"""The naive family: the last season again, or the last value, with quantiles of the errors it has made.

B windows, L steps of the past, V columns of it, the T targets first, H steps of the horizon, Q quantiles.
"""

from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family
from netwright.families.forecast.fed import form_of
from netwright.families.forecast.intervals import Intervals
from netwright.families.forecast.line import LinearMap, spread_over
from netwright.families.forecast.windows import repeated, spread_of
from netwright.tasks import Forecasting, Task

MEASURED = 1500
"""Windows whose errors are measured at most."""
MEASURED_NUMBERS = 12_000_000
"""Numbers these windows foretell at most."""
AT_ONCE = 256


class SeasonalNaive(nn.Module):
    """`forward(past (B, L, T), ahead)` gives (B, H, T): what was one season before, or the last value for season 1."""

    def __init__(self, season: int, horizon: int) -> None:
        super().__init__()
        self.season, self.horizon = season, horizon

    def forward(self, past: Tensor, ahead: Tensor) -> Tensor:
        """(B, L, T) → (B, H, T)."""
        return repeated(past, self.horizon, self.season)


class Banded(nn.Module):
    """A point forecast of the targets, and quantiles of its errors around it.

    `forward(past (B, L, V), ahead (B, L + H, K))` gives (B, H, T, Q).
    """

    def __init__(self, point: "SeasonalNaive | LinearMap", task: Forecasting) -> None:
        super().__init__()
        self.point, self.targets = point, len(task.targets)
        self.intervals = Intervals(task.horizon, self.targets, task.quantiles)

    def forward(self, past: Tensor, ahead: Tensor) -> Tensor:
        """(B, L, V) and (B, L + H, K) → (B, H, T, Q)."""
        targets = past[..., : self.targets]
        return self.intervals(self.point(targets, ahead), targets)

    @torch.no_grad()
    def measure(self, training: Batch, validation: Batch) -> None:
        """Fit the quantiles to the errors of the point forecast."""
        self.intervals.fit(self._errors(training), self._errors(validation))

    def _errors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Errors (N, H, T) and the spreads of the windows (N, 1, T) of some windows."""
        most = min(MEASURED, max(20, MEASURED_NUMBERS // max(1, batch.target[0:1].numel())))
        errors, spreads = [batch.target[:0]], [batch.target[:0, :1]]
        for rows in spread_over(len(batch), most).split(AT_ONCE):
            past, ahead = (x[rows] for x in batch.inputs)
            errors.append(batch.target[rows] - self.point(past[..., : self.targets], ahead))
            spreads.append(spread_of(past[..., : self.targets]))
        return torch.cat(errors), torch.cat(spreads)


class NaiveConfig(Record):
    """Settings of the naive family: none."""


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The naive forecast of this season."""
    assert isinstance(task, Forecasting)
    return Banded(SeasonalNaive(form_of(schema).season, task.horizon), task)


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Measure the errors it makes."""
    assert isinstance(module, Banded)
    module.measure(training, validation)


FAMILY = Family(
    name="naive",
    phrase="the last season, or the last value, repeated",
    config=NaiveConfig,
    defaults=lambda rows, folds, schema, task: NaiveConfig(),
    build=build,
    prepare=prepare,
    fits={"series": ("forecasting",)},
)
