"""From distances to one score and an alarm.

N rows.
"""

import math

import torch
from torch import Tensor, nn

MAD_TO_SPREAD = 1.4826
"""The median absolute deviation of a normal distribution, times this, is its standard deviation."""
LEAST_SHARE = 1e-3
"""Of the median distance: what is added to a distance before its logarithm is taken, so that zero has one."""


class RobustZ(nn.Module):
    """Distances (B,) → (ln(distance) − median) / spread, where both were measured on ordinary rows."""

    def __init__(self) -> None:
        super().__init__()
        self.least: Tensor
        self.median: Tensor
        self.spread: Tensor
        self.register_buffer("least", torch.tensor(1e-12))
        self.register_buffer("median", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))

    def fit(self, distances: Tensor) -> None:
        """Measure on the distances of ordinary rows (N,)."""
        if not len(distances):
            return
        usual = float(distances.median()) or float(distances.mean())
        self.least.fill_(LEAST_SHARE * usual + 1e-12)
        logs = (distances + self.least).log()
        self.median.fill_(float(logs.median()))
        spread = MAD_TO_SPREAD * float((logs - self.median).abs().median())
        self.spread.fill_(spread or float(logs.std(correction=0)) or 1.0)

    def forward(self, distances: Tensor) -> Tensor:
        """(B,) → (B,)."""
        return ((distances + self.least).log() - self.median) / self.spread


def threshold(scores: Tensor, false_alarms: float) -> float:
    """The score above which at most `false_alarms` of rows like these (N,) lie, as conformal prediction ranks them.

    With fewer than 1/`false_alarms` rows no score is known to be rare enough: it is then the highest.
    """
    ordered = scores.double().sort().values
    rank = math.ceil((len(ordered) + 1) * (1 - false_alarms) - 1e-9)
    return float(ordered[min(rank, len(ordered)) - 1])
