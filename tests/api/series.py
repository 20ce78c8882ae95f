"""Series for tests, and a network for them that needs no training."""

import numpy as np
import torch
from torch import Tensor, nn

from netwright.api.rows import Rows, Sources
from netwright.api.series import gather_series
from netwright.artifact.predictor import Predictor
from netwright.core.settings import Settings
from netwright.families.registry import find
from tests.data.series.tables import days, wave


class LastSeason(nn.Module):
    """Repeats the last `season` steps it sees, `shift` standard deviations higher, the quantiles `apart` from it."""

    def __init__(self, horizon: int, season: int, targets: int = 1, quantiles: int = 3, *, shift: float = 0.0) -> None:
        super().__init__()
        self.targets, self.shift = targets, shift
        self.register_buffer("places", torch.arange(horizon) % season - season)
        self.register_buffer("apart", torch.linspace(-0.5, 0.5, quantiles))

    def forward(self, past: Tensor, ahead: Tensor) -> Tensor:
        """(B, L, V), (B, L + H, K) → (B, H, T, Q)."""
        middle = past[:, past.shape[1] + self.places, : self.targets] + self.shift
        return middle.unsqueeze(-1) + self.apart


class Blended(LastSeason):
    """The same, said to be made of two parts."""

    def __init__(self, horizon: int, season: int) -> None:
        super().__init__(horizon, season)
        self.names = ("seasonal naive", "network")
        self.register_buffer("weights", torch.full((horizon, 2), 0.5))

    def members(self, past: Tensor, ahead: Tensor) -> dict[str, Tensor]:
        """By name, each (B, H, T, Q)."""
        return {"seasonal naive": self(past, ahead), "network": self(past, ahead) + 1}


def shop_table(count: int = 120, shops: tuple[str, ...] = ("a", "b")) -> dict[str, list]:
    """Days of several shops with a holiday known in advance and visitors known up to now."""
    return {
        "day": days(count) * len(shops),
        "shop": [shop for shop in shops for _ in range(count)],
        "y": np.concatenate([wave(count, seed=i) * 10**i for i in range(len(shops))]).round(3).tolist(),
        "holiday": [int(i % 7 == 6) for i in range(count)] * len(shops),
        "visitors": np.concatenate([wave(count, seed=9 + i) for i in range(len(shops))]).round(3).tolist(),
    }


def gathered(source: object, validation: object = None, test: object = None, **settings: object) -> Rows:
    """The rows of a source; a target `y` and seven steps ahead where nothing else is asked for."""
    asked = Settings(source="table", **({"target": "y", "horizon": 7} | settings))
    return gather_series(Sources(training=source, validation=validation, test=test), asked, find("naive", "series"))


def predictor_of(rows: Rows) -> Predictor:
    """A predictor that repeats the last season."""
    form, task = rows.schema.form, rows.task
    module = LastSeason(form.horizon, form.season, len(form.targets), len(task.quantiles))
    return Predictor(module, task, rows.schema)
