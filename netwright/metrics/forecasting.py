"""What the errors of forecasts are compared with."""

import numpy as np


def seasonal_error(values: np.ndarray, season: int) -> np.ndarray:
    """(N, T) → (T,), the mean absolute difference between a step and the one a season before, in the target's unit.

    NaN is a value that was not observed: it counts nowhere, and a target without any difference gets NaN. Errors over
    this are scaled errors, below 1 where they beat the seasonal naive forecast (Hyndman and Koehler 2006).
    """
    differences = np.abs(values[season:] - values[:-season])
    observed = ~np.isnan(differences)
    return np.where(observed, differences, 0).sum(0) / np.where(observed.any(0), observed.sum(0), np.nan)
