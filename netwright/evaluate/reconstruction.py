"""How well rows are made again from what a network said of them, beside simpler ways to make them again."""

import math
from collections.abc import Mapping

import numpy as np

from netwright.evaluate.evaluation import Evaluation
from netwright.metrics.interval import bootstrap


def evaluate_reduction(
    errors: np.ndarray, spread: np.ndarray, baselines: Mapping[str, np.ndarray], *, values: int, seed: int, unit: str
) -> Evaluation:
    """Judge by the share of the variance that survives.

    `errors` (N,) are the squared errors of the rows made again, each summed over its `values` values; `spread` (N,) the
    squared distances from the mean row; `baselines` errors of simpler ways.
    """
    low, high = bootstrap(explained, errors, spread, seed=seed)
    return Evaluation(
        main="explained variance",
        rows=len(errors),
        figures=_figures(errors, spread, values),
        low=low,
        high=high,
        baselines={name: _figures(other, spread, values) for name, other in baselines.items()},
        unit=unit,
    )


def evaluate_denoising(
    errors: np.ndarray, baselines: Mapping[str, np.ndarray], *, values: int, seed: int, unit: str
) -> Evaluation:
    """Judge by how far rows with noise, once cleaned, are from what they were without it; as `evaluate_reduction`."""

    def rmse(errors: np.ndarray, _: np.ndarray) -> float:
        return math.sqrt(float(errors.mean()) / values)

    low, high = bootstrap(rmse, errors, errors, seed=seed)
    return Evaluation(
        main="RMSE",
        rows=len(errors),
        figures={"RMSE": rmse(errors, errors)},
        low=low,
        high=high,
        baselines={name: {"RMSE": rmse(other, other)} for name, other in baselines.items()},
        unit=unit,
    )


def explained(errors: np.ndarray, spread: np.ndarray) -> float:
    """The share of the variance that is explained: 1 − Σ errors / Σ spread; NaN where nothing varies."""
    total = float(spread.sum())
    return 1 - float(errors.sum()) / total if total > 0 else math.nan


def _figures(errors: np.ndarray, spread: np.ndarray, values: int) -> dict[str, float]:
    return {"explained variance": explained(errors, spread), "RMSE": math.sqrt(float(errors.mean()) / values)}
