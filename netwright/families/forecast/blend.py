"""The default for series: the seasonal naive, a linear map and a network, weighed on windows that none was fitted on.

B windows, L steps of the past, V columns of it, H steps of the horizon, T targets, Q quantiles, K numbers known ahead.

What cannot be foretold, such as an exchange rate, is where a network alone does worst: the naive forecast has all the
weight there, because the others must earn theirs. Quantiles are averaged one by one (Vincent 1912).
"""

from types import ModuleType

import torch
from pydantic import Field
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family, Penalty
from netwright.families.forecast.dense import DenseForecast
from netwright.families.forecast.fed import beside, form_of, known_ahead
from netwright.families.forecast.line import LinearMap, spread_over
from netwright.families.forecast.linear import linear_map
from netwright.families.forecast.naive import Banded, SeasonalNaive
from netwright.families.forecast.training import ForecastConfig, epochs_for, judge, phases
from netwright.families.forecast.weighing import NUMBERS, weights_of
from netwright.tasks import Forecasting, Task

STRETCH = 6
"""Steps of the horizon, at least, that have weights of their own."""
STRETCHES = 3
"""Stretches of the horizon that have, at most; no more than there are validation windows that do not overlap."""
FEW = 4
"""Validation windows without a step in common, below which training windows speak for the linear map too."""
CLEAR = 0.75
"""Share of the naive forecast's error that the linear map must stay below on each of three stretches; what cannot be
foretold stays above 0.85."""
STEPS = 3000
"""Updates of the network where nobody says how many epochs."""

WORK = 2e11
"""Multiplications forwards of the network's whole run at most: some two minutes on a slow core."""


class BlendConfig(ForecastConfig):
    """Settings of the blend."""

    penalty: Penalty | None = None
    """L2 penalty of the linear map in units of the mean eigenvalue of the windows' products; None finds it."""
    doubt: float = Field(default=0.5, ge=0)
    """Standard errors of a gain on validation windows that the naive forecast is preferred within."""


class Blend(nn.Module):
    """`forward(past (B, L, V), ahead (B, L + H, K))` gives (B, H, T, Q); `members` gives those that are blended."""

    def __init__(self, naive: Banded, line: Banded, network: nn.Module, *, seasonal: bool, horizon: int) -> None:
        super().__init__()
        self.naive, self.line, self.network = naive, line, network
        self.names = ("seasonal naive" if seasonal else "last value", "linear map", "network")
        self.weights: Tensor
        self.register_buffer("weights", torch.full((horizon, 3), 1 / 3))

    def forward(self, past: Tensor, ahead: Tensor) -> Tensor:
        """(B, L, V) and (B, L + H, K) → (B, H, T, Q)."""
        parts = torch.stack(list(self.members(past, ahead).values()))  # (3, B, H, T, Q)
        return (self.weights.T[:, None, :, None, None] * parts).sum(0)

    def members(self, past: Tensor, ahead: Tensor) -> dict[str, Tensor]:
        """By name: the forecast (B, H, T, Q) of each, its quantiles in order."""
        forecasts = self.naive(past, ahead), self.line(past, ahead), self.network(past, ahead).sort(-1).values
        return dict(zip(self.names, forecasts, strict=True))


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The blend for these windows."""
    assert isinstance(config, BlendConfig) and isinstance(task, Forecasting)
    form = form_of(schema)
    network = DenseForecast(
        form.window,
        task.horizon,
        len(task.targets),
        beside(schema),
        known_ahead(schema),
        len(task.quantiles),
        hidden_size=config.hidden_size,
        dropout=config.dropout,
        layers=layers,
    )
    naive = Banded(SeasonalNaive(form.season, task.horizon), task)
    # a window shorter than a season has none to repeat
    seasonal = 1 < form.season <= form.window
    return Blend(naive, Banded(linear_map(schema, task), task), network, seasonal=seasonal, horizon=task.horizon)


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Fit the linear map, and the quantiles of both forecasts that have no phases."""
    assert isinstance(module, Blend) and isinstance(config, BlendConfig)
    assert isinstance(module.line.point, LinearMap)
    module.line.point.fit(training, validation, penalty=config.penalty)
    module.naive.measure(training, validation)
    module.line.measure(training, validation)


@torch.no_grad()
def finish(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Weigh the forecasts on validation windows, stretch by stretch of the horizon; then fit the linear map to all.

    Without validation windows they count the same. A few tell little, so the naive keeps weight that it would lose to
    many: where the linear map is far better on further stretches of training too, it gets that weight.
    """
    assert isinstance(module, Blend) and isinstance(config, BlendConfig) and isinstance(task, Forecasting)
    module.eval()
    horizon = task.horizon
    rows = spread_over(len(validation), max(20, NUMBERS // task.output_size))
    if not len(rows):
        return
    forecasts = torch.stack(
        [
            torch.cat(parts)
            for parts in zip(*(_forecasts(module, validation, part) for part in rows.split(256)), strict=True)
        ]
    )
    independent = len(validation) // horizon
    stretches = min(STRETCHES, horizon // STRETCH, independent)
    for steps in torch.arange(horizon).tensor_split(max(1, stretches)):
        found = weights_of(
            forecasts[:, :, steps],
            validation.target[rows][:, steps],
            task.quantiles,
            doubt=config.doubt,
            stretches=independent,
        )
        module.weights[steps] = found.to(module.weights)
    assert isinstance(module.line.point, LinearMap)
    if independent < FEW and module.line.point.beside_naive(training, validation) < CLEAR:
        module.weights[:, 1] += module.weights[:, 0]
        module.weights[:, 0] = 0
    module.line.point.refit(training, validation)


def _forecasts(module: Blend, batch: Batch, rows: Tensor) -> list[Tensor]:
    return list(module.members(*(x[rows] for x in batch.inputs)).values())


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> BlendConfig:
    """About `STEPS` updates, in batches of a hundredth of the windows; fewer where windows or horizons are long."""
    targets, window, width = len(task.targets), form_of(schema).window, 64
    batch_size = 2 ** max(4, min(7, round(rows / 50).bit_length()))
    work = batch_size * targets * (window * width + task.output_size / targets * (window / 3 + width))
    return BlendConfig(
        batch_size=batch_size,
        epochs=epochs_for(rows, batch_size, round(min(STEPS, WORK / work)), 200),
        patience=10,
        learning_rate=2e-3,
        hidden_size=width,
    )


FAMILY = Family(
    name="blend",
    phrase="a blend of the seasonal naive, a closed-form linear map and a network, weighed on validation windows",
    config=BlendConfig,
    defaults=defaults,
    build=build,
    prepare=prepare,
    phases=phases,
    finish=finish,
    judge=judge,
    fits={"series": ("forecasting",)},
)
