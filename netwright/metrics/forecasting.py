"""Figures for forecasts. `prediction` and `target` are of one shape, such as (N, H, T), in the target's own unit.

NaN in the target is a value that was not observed: it counts nowhere. A figure of nothing observed is NaN.
"""

from collections.abc import Sequence

import numpy as np


def mae(prediction: np.ndarray, target: np.ndarray) -> float:
    """Mean absolute error, in the target's unit."""
    return _mean(np.abs(prediction - target))


def mse(prediction: np.ndarray, target: np.ndarray) -> float:
    """Mean squared error, in the square of the target's unit."""
    return _mean((prediction - target) ** 2)


def rmse(prediction: np.ndarray, target: np.ndarray) -> float:
    """Root of the mean squared error, in the target's unit."""
    return float(np.sqrt(mse(prediction, target)))


def mase(prediction: np.ndarray, target: np.ndarray, scale: np.ndarray | float) -> float:
    """Mean absolute error over `scale`, which is that of the seasonal naive forecast one season ahead in training.

    `scale` broadcasts against the target: one number, or one a target. Below 1 is better than the naive forecast was
    (Hyndman and Koehler 2006). NaN where a scale is 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return _mean(np.abs(prediction - target) / np.where(np.asarray(scale) > 0, scale, np.nan))


def seasonal_error(values: np.ndarray, season: int) -> np.ndarray:
    """(N, T) → (T,), the mean absolute difference between a step and the one a season before: the scale of `mase`."""
    differences = np.abs(values[season:] - values[:-season])
    observed = ~np.isnan(differences)
    return np.where(observed, differences, 0).sum(0) / np.where(observed.any(0), observed.sum(0), np.nan)


def pinball(prediction: np.ndarray, target: np.ndarray, levels: Sequence[float]) -> float:
    """The mean of 2·max(q·e, (q−1)·e), e = target − prediction, over the levels q (Koenker and Bassett 1978).

    prediction (…, Q), target (…). At q = 0.5 alone it is the mean absolute error; in the target's unit.
    """
    error = np.asarray(target)[..., None] - prediction
    q = np.asarray(levels)
    return _mean(2 * np.maximum(q * error, (q - 1) * error))


def coverage(low: np.ndarray, high: np.ndarray, target: np.ndarray) -> float:
    """The share of the observed values that lie from `low` to `high`."""
    inside = ((low <= target) & (target <= high)).astype(np.float64)
    return _mean(np.where(np.isnan(target), np.nan, inside))


def _mean(values: np.ndarray) -> float:
    """The mean of what is not NaN; NaN where there is nothing."""
    observed = ~np.isnan(values)
    return float(values[observed].mean()) if observed.any() else float("nan")
