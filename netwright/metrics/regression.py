"""Figures for numbers. `prediction` and `target` are (N,) or (N, T), in the target's own unit."""

import numpy as np


def r2(prediction: np.ndarray, target: np.ndarray) -> float:
    """1 − squared error over the spread of the target; the mean over several targets. NaN where there is no spread."""
    error = np.sum((prediction - target) ** 2, axis=0)
    spread = np.sum((target - target.mean(axis=0)) ** 2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean(np.where(spread > 0, 1 - error / spread, np.nan)))


def rmse(prediction: np.ndarray, target: np.ndarray) -> float:
    """Root of the mean squared error, in the target's unit."""
    return float(np.sqrt(np.mean((prediction - target) ** 2)))


def mae(prediction: np.ndarray, target: np.ndarray) -> float:
    """Mean absolute error, in the target's unit."""
    return float(np.mean(np.abs(prediction - target)))


def median_error(prediction: np.ndarray, target: np.ndarray) -> float:
    """Median absolute error, in the target's unit."""
    return float(np.median(np.abs(prediction - target)))
