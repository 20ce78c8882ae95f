"""The network of the blend: a perceptron on the window that also sees what is known of each step ahead.

B windows, L steps of the past, H steps of the horizon, T targets, P other columns of the past, K numbers known ahead,
Q quantiles.

Source: TiDE (Das et al. 2023), a perceptron with a linear map beside it. Unlike there each target is seen in its own
level and spread, quantiles come out, and what is known of a step counts as much as the window says, which costs a
tenth of a decoder for each step.
"""

from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.families.forecast.windows import channels, spread_of, targets_again

EFFECTS = 16
"""E, what is known of a step ahead in so many numbers, of which the window says how much each counts."""
RECENT = 32
"""Last steps of the other columns that are seen."""


class DenseForecast(nn.Module):
    """`forward(past (B, L, V), ahead (B, L + H, K))` gives (B, H, T, Q); it begins as the last value, repeated."""

    def __init__(
        self,
        window: int,
        horizon: int,
        targets: int,
        others: int,
        known: int,
        quantiles: int,
        *,
        hidden_size: int = 64,
        dropout: float = 0.1,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.targets, self.recent, self.horizon = targets, min(RECENT, window), horizon
        self.line = layers.Linear(window, horizon, bias=False)
        self.enter = layers.Linear(window + self.recent * others + known, hidden_size)
        self.deeper = layers.Linear(hidden_size, hidden_size)
        self.norm = layers.LayerNorm(hidden_size)
        self.dropout = layers.Dropout(dropout)
        self.head = layers.Linear(hidden_size, horizon * quantiles)
        self.known = layers.Linear(known, EFFECTS) if known else None
        self.effects = layers.Linear(hidden_size, EFFECTS * quantiles) if known else None
        self.activation = layers.SiLU()
        for last in (self.line, self.head, self.effects):
            for weight in last.parameters() if last is not None else ():
                nn.init.zeros_(weight)

    def forward(self, past: Tensor, ahead: Tensor) -> Tensor:
        """(B, L, V) and (B, L + H, K) → (B, H, T, Q)."""
        level, spread = past[:, -1:, : self.targets], spread_of(past[..., : self.targets])
        x = channels((past[..., : self.targets] - level) / spread)  # (B·T, L)
        hidden = self.activation(self.enter(torch.cat([x, *self._beside(past, ahead)], 1)))
        hidden = self.dropout(hidden + self.activation(self.deeper(self.norm(hidden))))
        outputs = self.line(x).unsqueeze(-1) + self.head(hidden).unflatten(1, (self.horizon, -1))  # (B·T, H, Q)
        if self.known is not None and self.effects is not None:
            future = self.activation(self.known(ahead[:, past.shape[1] :]))  # (B, H, E)
            effects = self.effects(hidden).unflatten(1, (EFFECTS, -1))  # (B·T, E, Q)
            outputs = outputs + future.repeat_interleave(self.targets, 0) @ effects
        return level.unsqueeze(-1) + targets_again(outputs, self.targets) * spread.unsqueeze(-1)

    def _beside(self, past: Tensor, ahead: Tensor) -> list[Tensor]:
        """The last steps of the other columns, and what is known of the first step ahead: each (B·T, …)."""
        others = past[:, -self.recent :, self.targets :].flatten(1)
        return [x.repeat_interleave(self.targets, 0) for x in (others, ahead[:, past.shape[1]])]
