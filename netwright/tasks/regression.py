"""Predict one number, or several at once."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from torch import Tensor

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.core.record import Record
from netwright.metrics import regression as figures
from netwright.metrics.interval import Metric


class Regression(Record):
    """T numbers a row. They are standardised for training and given back in their own unit."""

    kind: Literal["regression"] = "regression"
    targets: tuple[str, ...]
    cells: tuple[CellType, ...]
    center: tuple[float, ...]
    """Training mean of each target, in its unit."""
    scale: tuple[float, ...]
    """Training standard deviation of each target, in its unit; above zero."""
    lowest: tuple[float, ...]
    highest: tuple[float, ...]

    @classmethod
    def fit(cls, values: Mapping[str, np.ndarray], cells: Mapping[str, CellType], training: np.ndarray) -> "Regression":
        """Measure the targets of the `training` rows. Raises InputError where one does not vary or overflows."""
        stacked = np.stack([np.asarray(v, dtype=np.float64)[training] for v in values.values()], axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            scale = stacked.std(axis=0)
        for name, spread in zip(values, scale, strict=True):
            if not np.isfinite(spread) or spread == 0:
                raise _spreadless(name, values[name])
        return cls(
            targets=tuple(values),
            cells=tuple(cells[name] for name in values),
            center=tuple(map(float, stacked.mean(axis=0))),
            scale=tuple(map(float, scale)),
            lowest=tuple(map(float, stacked.min(axis=0))),
            highest=tuple(map(float, stacked.max(axis=0))),
        )

    @property
    def title(self) -> str:
        """The task in words."""
        return "regression" if len(self.targets) == 1 else f"regression of {len(self.targets)} targets"

    @property
    def output_size(self) -> int:
        """One output a target."""
        return len(self.targets)

    def encode(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """(N, T) float32, standardised."""
        return ((self._stack(values) - self.center) / self.scale).astype(np.float32)

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Squared error in standard deviations, mean over the targets; (N, O) → (N,), (N, K, O) → (N, K)."""
        target = target if outputs.dim() == target.dim() else target.unsqueeze(1)
        return (outputs - target).square().mean(-1)

    def predictions(self, outputs: Tensor) -> np.ndarray:
        """(N, T) float64 in the targets' units; members are averaged."""
        outputs = outputs.double().mean(1) if outputs.dim() == 3 else outputs.double()
        return outputs.cpu().numpy() * np.asarray(self.scale) + np.asarray(self.center)

    def truth(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """(N, T) float64 in the targets' units."""
        return self._stack(values)

    def decode(self, target: Tensor) -> np.ndarray:
        """(N, T) training targets → what metrics compare with, in the targets' units."""
        return target.double().cpu().numpy() * np.asarray(self.scale) + np.asarray(self.center)

    @property
    def metrics(self) -> dict[str, Metric]:
        """R² first; errors in the target's unit."""
        return {
            "R²": figures.r2,
            "RMSE": figures.rmse,
            "mean absolute error": figures.mae,
            "median absolute error": figures.median_error,
        }

    def constant(self, rows: int) -> np.ndarray:
        """(N, T): the training mean, which no other constant beats in squared error."""
        return np.tile(np.asarray(self.center), (rows, 1))

    @property
    def constant_title(self) -> str:
        """The best constant in words."""
        return "always the mean"

    def columns(self, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """`prediction`, or `prediction_<target>` for each of several."""
        if len(self.targets) == 1:
            return {"prediction": predictions[:, 0]}
        return {f"prediction_{name}": predictions[:, i] for i, name in enumerate(self.targets)}

    def _stack(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.stack([np.asarray(values[name], dtype=np.float64) for name in self.targets], axis=1)


def _spreadless(name: str, values: np.ndarray) -> InputError:
    return InputError(
        f"The target {name!r} can't be learned as a number.",
        got=f"values from {np.min(values):g} to {np.max(values):g} in the training rows",
        wanted="values that differ, below about 1e150",
        fix="Choose another --target, or bring the column to a smaller unit.",
    )
