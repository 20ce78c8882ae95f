"""Foretell what follows in a series: several steps, several targets, several quantiles.

N or B windows, H steps of the horizon, T targets, Q quantiles.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.record import Record

UNITS = {"i": "row", "us": "microsecond", "ms": "millisecond", "s": "second", "m": "minute", "h": "hour", "d": "day",
         "b": "business day", "w": "week", "mo": "month", "q": "quarter", "y": "year"}  # fmt: skip
"""What the letters of an interval mean."""
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Forecasting(Record):
    """The H steps that follow a window, each target in Q quantiles, standardised series by series."""

    kind: Literal["forecasting"] = "forecasting"
    targets: tuple[str, ...] = Field(min_length=1)
    cells: tuple[CellType, ...]
    center: tuple[Finite, ...]
    """Mean of each target over the training rows of all series, in its unit."""
    scale: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...]
    """Standard deviation likewise; 1 where a target never changes."""
    horizon: int = Field(ge=1)
    """Steps that are foretold."""
    quantiles: tuple[float, ...]
    """Of what is foretold, rising; 0.5 is the forecast."""
    step: str
    """The time between two rows, as an interval of a calendar: "15m", "1h", "1d", "1w", "1mo", "1q", "1y", "1i"."""

    @model_validator(mode="after")
    def _whole(self) -> "Forecasting":
        levels = self.quantiles
        if list(levels) != sorted(set(levels)) or 0.5 not in levels or not 0 < levels[0] <= levels[-1] < 1:
            raise ValueError("quantiles that rise from above 0 to below 1, 0.5 among them")
        if not len(self.targets) == len(self.cells) == len(self.center) == len(self.scale):
            raise ValueError("cells, center and scale of each target")
        return self

    @classmethod
    def fit(
        cls,
        values: Mapping[str, np.ndarray],
        cells: Mapping[str, CellType],
        training: np.ndarray,
        *,
        horizon: int,
        quantiles: Sequence[float],
        step: str,
    ) -> "Forecasting":
        """Measure the targets on the `training` rows (n,); NaN is a value that was not observed.

        Raises InputError where a target has no value there, or one too large to reckon with.
        """
        measured = [_measured(name, np.asarray(column, dtype=np.float64)[training]) for name, column in values.items()]
        return cls(
            targets=tuple(values),
            cells=tuple(cells[name] for name in values),
            center=tuple(center for center, _ in measured),
            scale=tuple(scale for _, scale in measured),
            horizon=horizon,
            quantiles=tuple(map(float, quantiles)),
            step=step,
        )

    @property
    def title(self) -> str:
        """The task in words: "forecast of the next 28 days of units"."""
        names = " and ".join(self.targets) if len(self.targets) <= 2 else f"{len(self.targets)} targets"
        return f"forecast of the next {steps_in_words(self.horizon, self.step)} of {names}"

    @property
    def output_size(self) -> int:
        """One output a step, target and quantile."""
        return self.horizon * len(self.targets) * len(self.quantiles)

    @property
    def middle(self) -> int:
        """Where among the quantiles the forecast itself is."""
        return self.quantiles.index(0.5)

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        """The mean of 2·max(q·e, (q−1)·e), e = target − output, over the quantiles q and what was observed.

        outputs (B, H, T, Q), target (B, H, T) with NaN where nothing was observed → (B,); 0 for a row with nothing. At
        q = 0.5 it is the absolute error (Koenker and Bassett 1978).
        """
        observed = ~target.isnan()
        error = torch.where(observed, target, 0.0).unsqueeze(-1) - outputs
        total = torch.zeros_like(outputs[..., 0])
        for i, level in enumerate(self.quantiles):
            total = total + torch.maximum(level * error[..., i], (level - 1) * error[..., i])
        found = torch.where(observed, total, 0.0).sum((1, 2))
        return found * (2 / len(self.quantiles)) / observed.sum((1, 2)).clamp(min=1)

    def predictions(self, outputs: Tensor) -> np.ndarray:
        """(N, H, T, Q) float64, standardised as the outputs are; the quantiles in order, so that they never cross."""
        return np.sort(outputs.double().cpu().numpy(), axis=-1)

    def decode(self, target: Tensor) -> np.ndarray:
        """(N, H, T) float64, standardised; NaN where nothing was observed."""
        return target.double().cpu().numpy()

    def columns(self, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """(N, T, Q), a row a step → `prediction` and `quantile_0.1` …; with several targets `prediction_<target>` …"""
        several = len(self.targets) > 1
        order = [self.middle, *(i for i in range(len(self.quantiles)) if i != self.middle)]
        names = {i: "prediction" if i == self.middle else f"quantile_{self.quantiles[i]:g}" for i in order}
        return {
            f"{names[i]}_{target}" if several else names[i]: predictions[:, t, i]
            for t, target in enumerate(self.targets)
            for i in order
        }


def steps_in_words(count: int, step: str) -> str:
    """So many steps of this length: "28 days", "1 month", "96 steps of 15 minutes"."""
    found = re.fullmatch(r"(\d+)([a-z]+)", step)
    if found is None or found[2] not in UNITS:
        return f"{count:,} step{'s' * (count > 1)} of {step}"
    each, unit = int(found[1]), UNITS[found[2]]
    if each == 1:
        return f"{count:,} {unit}{'s' * (count > 1)}"
    return f"{count:,} step{'s' * (count > 1)} of {each} {unit}s"


def _measured(name: str, values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of what was observed."""
    observed = values[~np.isnan(values)]
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = (float(observed.mean()), float(observed.std())) if len(observed) else (np.nan, np.nan)
    if not np.isfinite([center, scale]).all():
        extent = f"from {observed.min():g} to {observed.max():g}" if len(observed) else "none"
        raise InputError(
            f"The target {name!r} can't be foretold.",
            got=f"{len(observed):,} values in the training rows, {extent}",
            wanted="values below about 1e150, in a share of the rows at least",
            fix="Choose another --target, or bring the column to a smaller unit.",
        )
    return center, scale if scale > 0 and observed.max() > observed.min() else 1.0
