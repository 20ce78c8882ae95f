"""The transformer family for series: each target's window is cut into patches, which are its tokens.

B windows, L steps of the past, V columns of it, H steps of the horizon, T targets, Q quantiles, K numbers known ahead,
P steps a patch, M patches, D width.

Source: PatchTST (Nie et al. 2023). Unlike there what is known of a step ahead is added by the head, the other columns'
patches are seen with those of the target, and quantiles come out.
"""

from types import ModuleType

import torch
from pydantic import Field
from torch import Tensor, nn

from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family
from netwright.families.forecast.fed import beside, form_of, known_ahead
from netwright.families.forecast.training import ForecastConfig, epochs_for, judge, phases
from netwright.families.forecast.windows import channels, repeated, spread_of, targets_again
from netwright.families.transformer.encoder import Encoder
from netwright.tasks import Forecasting, Task

STEPS = 1500
"""Updates where nobody says how many epochs."""
WORK = 6e10
"""Multiplications forwards of a whole run at most, in the encoder."""
HEADS = 4


class PatchConfig(ForecastConfig):
    """Settings of the transformer family for series."""

    num_layers: int = Field(default=3, ge=1, le=1000)
    """Blocks of the encoder."""
    patch: int = Field(default=16, ge=1)
    """Steps a patch; half of each is in the next one too. Shorter where a window is short."""


class PatchForecast(nn.Module):
    """`forward(past (B, L, V), ahead (B, L + H, K))` gives (B, H, T, Q); it begins as the seasonal naive."""

    def __init__(
        self,
        window: int,
        horizon: int,
        targets: int,
        others: int,
        known: int,
        quantiles: int,
        *,
        hidden_size: int = 32,
        num_layers: int = 3,
        patch: int = 16,
        dropout: float = 0.3,
        season: int = 1,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.targets, self.horizon, self.season = targets, horizon, season
        self.patch = min(patch, max(1, window // 2))
        self.stride = max(1, self.patch // 2)
        count = 1 + -(-(window - self.patch) // self.stride)
        self.missing = (count - 1) * self.stride + self.patch - window
        self.enter = layers.Linear(self.patch * (1 + others), hidden_size)
        self.encoder = Encoder(hidden_size, heads=HEADS, layers=num_layers, dropout=dropout, namespace=layers)
        self.dropout = layers.Dropout(dropout)
        self.head = layers.Linear(count * hidden_size, horizon * quantiles)
        self.known = layers.Linear(known, quantiles, bias=False) if known else None
        for last in (self.head, self.known):
            for weight in last.parameters() if last is not None else ():
                nn.init.zeros_(weight)

    def forward(self, past: Tensor, ahead: Tensor) -> Tensor:
        """(B, L, V) and (B, L + H, K) → (B, H, T, Q)."""
        own = past[..., : self.targets]
        level, spread = own[:, -1:], spread_of(own)
        tokens = self._patches(channels((own - level) / spread))  # (B·T, M, P)
        if past.shape[2] > self.targets:
            others = self._patches(channels(past[..., self.targets :]))
            others = others.unflatten(0, (len(past), -1)).transpose(1, 2).flatten(2)  # (B, M, others · P)
            tokens = torch.cat([tokens, others.repeat_interleave(self.targets, 0)], 2)
        encoded = self.dropout(self.encoder(self.enter(tokens), None).flatten(1))
        outputs = targets_again(self.head(encoded).unflatten(1, (self.horizon, -1)), self.targets)
        if self.known is not None:
            outputs = outputs + self.known(ahead[:, past.shape[1] :]).unsqueeze(2)
        return repeated(own, self.horizon, self.season).unsqueeze(-1) + outputs * spread.unsqueeze(-1)

    def _patches(self, x: Tensor) -> Tensor:
        """(n, L) → (n, M, P), the first value repeated in front where the patches ask for more."""
        if self.missing:
            x = torch.cat([x[:, :1].expand(-1, self.missing), x], 1)
        return x.unfold(1, self.patch, self.stride)


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """The network for these windows."""
    assert isinstance(config, PatchConfig) and isinstance(task, Forecasting)
    return PatchForecast(
        form_of(schema).window,
        task.horizon,
        len(task.targets),
        beside(schema),
        known_ahead(schema),
        len(task.quantiles),
        hidden_size=-(-config.hidden_size // (2 * HEADS)) * 2 * HEADS,
        num_layers=config.num_layers,
        patch=config.patch,
        dropout=config.dropout,
        season=form_of(schema).season,
        layers=layers,
    )


def defaults(rows: int, folds: int, schema: Schema, task: Task) -> PatchConfig:
    """About `STEPS` updates, fewer where windows are long or targets many."""
    targets, width, patches = len(task.targets), 32, max(2, form_of(schema).window // 8)
    batch_size = 2 ** max(4, min(7, round(rows / 50 / targets).bit_length()))
    work = batch_size * targets * (patches * 3 * 12 * width**2 + patches * width * task.output_size / targets)
    return PatchConfig(
        batch_size=batch_size,
        epochs=epochs_for(rows, batch_size, round(min(STEPS, WORK / work)), 100),
        patience=10,
        learning_rate=2e-3,
        hidden_size=width,
        dropout=0.3 if rows * targets < 5000 else 0.2,
    )


FAMILY = Family(
    name="transformer",
    phrase="a transformer on patches of each series, all steps ahead at once",
    config=PatchConfig,
    defaults=defaults,
    build=build,
    phases=phases,
    judge=judge,
    fits={"series": ("forecasting",)},
)
