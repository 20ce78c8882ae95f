"""Recurrent networks that read the window step by step and foretell the whole horizon at once.

B windows, L steps of the past, V columns of it, H steps of the horizon, T targets, Q quantiles, K numbers known ahead,
D hidden size.

Source: MQ-RNN (Wen et al. 2017): a head that sees the state and what is known of each step ahead, so that errors do
not feed on themselves as they do where a network goes on from its own forecasts.
"""

from collections.abc import Callable
from types import ModuleType

import torch
from pydantic import Field
from torch import Tensor, nn

from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family
from netwright.families.forecast.fed import beside, form_of, known_ahead
from netwright.families.forecast.training import ForecastConfig, epochs_for, judge, phases
from netwright.families.forecast.windows import repeated, spread_of
from netwright.families.recurrent.body import Kind, Recurrent
from netwright.tasks import Forecasting, Task

STEPS = 1500
"""Updates where nobody says how many epochs."""
WORK = 3e10
"""Multiplications forwards of a whole run at most, in the recurrent layers."""


class RecurrentConfig(ForecastConfig):
    """Settings of the recurrent networks for series."""

    num_layers: int = Field(default=1, ge=1, le=1000)
    """Recurrent layers, one above the other."""


class RecurrentForecast(nn.Module):
    """`forward(past (B, L, V), ahead (B, L + H, K))` gives (B, H, T, Q); it begins as the seasonal naive.

    All targets are read together, each less its last value and over its own spread.
    """

    def __init__(
        self,
        kind: Kind,
        horizon: int,
        targets: int,
        others: int,
        known: int,
        quantiles: int,
        *,
        hidden_size: int = 64,
        num_layers: int = 1,
        dropout: float = 0.1,
        season: int = 1,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.targets, self.quantiles, self.horizon, self.season = targets, quantiles, horizon, season
        size = targets + others + known
        self.body = Recurrent(
            kind, size, hidden_size, num_layers=num_layers, dropout=dropout * (num_layers > 1), namespace=layers
        )
        self.dropout = layers.Dropout(dropout)
        self.state = layers.Linear(hidden_size, hidden_size)
        self.known = layers.Linear(known, hidden_size, bias=False) if known else None
        self.places = nn.Parameter(nn.init.normal_(torch.empty(horizon, hidden_size), std=0.5))
        self.activation = layers.SiLU()
        self.head = layers.Linear(hidden_size, targets * quantiles)
        for weight in self.head.parameters():
            nn.init.zeros_(weight)

    def forward(self, past: Tensor, ahead: Tensor) -> Tensor:
        """(B, L, V) and (B, L + H, K) → (B, H, T, Q)."""
        own, length = past[..., : self.targets], past.shape[1]
        level, spread = own[:, -1:], spread_of(own)
        x = torch.cat([(own - level) / spread, past[..., self.targets :], ahead[:, :length]], 2)
        outputs, _ = self.body(x)
        steps = self.state(self.dropout(outputs[:, -1])).unsqueeze(1) + self.places  # (B, H, D)
        if self.known is not None:
            steps = steps + self.known(ahead[:, length:])
        found = self.head(self.activation(steps)).unflatten(2, (self.targets, self.quantiles))
        return repeated(own, self.horizon, self.season).unsqueeze(-1) + found * spread.unsqueeze(-1)


def builder(kind: Kind) -> Callable[[Record, Schema, Task, ModuleType], nn.Module]:
    """What builds the network of this kind."""

    def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
        assert isinstance(config, RecurrentConfig) and isinstance(task, Forecasting)
        return RecurrentForecast(
            kind,
            task.horizon,
            len(task.targets),
            beside(schema),
            known_ahead(schema),
            len(task.quantiles),
            hidden_size=config.hidden_size,
            num_layers=config.num_layers,
            dropout=config.dropout,
            season=form_of(schema).season,
            layers=layers,
        )

    return build


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> RecurrentConfig:
    """About `STEPS` updates, fewer where windows are long."""
    batch_size, width = 2 ** max(4, min(7, round(rows / 50).bit_length())), 64
    steps = min(STEPS, WORK / (batch_size * form_of(schema).window * 8 * width * width))
    epochs = epochs_for(rows, batch_size, round(steps), 100)
    return RecurrentConfig(batch_size=batch_size, epochs=epochs, patience=10, learning_rate=3e-3, hidden_size=width)


def family(kind: Kind, phrase: str) -> Family:
    """The family of this kind of recurrent network for series."""
    return Family(
        name=kind,
        phrase=phrase,
        config=RecurrentConfig,
        defaults=defaults,
        build=builder(kind),
        phases=phases,
        judge=judge,
        fits={"series": ("forecasting",)},
    )


LSTM = family("lstm", "a recurrent network with long short-term memory, all steps ahead at once")
GRU = family("gru", "a gated recurrent network, all steps ahead at once")
RNN = family("rnn", "a plain recurrent network, all steps ahead at once")
