"""How sure a figure is, given how few rows it was measured on."""

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], float]


def bootstrap(
    metric: Metric, prediction: np.ndarray, target: np.ndarray, *, seed: int, rounds: int = 500, share: float = 0.95
) -> tuple[float, float]:
    """The range that holds `share` of the figures of `rounds` resamples of the rows (Efron 1979, percentile form).

    NaN where no resample has a figure."""
    random = np.random.default_rng(seed)
    rounds = max(100, min(rounds, 20_000_000 // max(1, prediction.size)))
    draws = (random.integers(0, len(target), len(target)) for _ in range(rounds))
    figures = [metric(prediction[rows], target[rows]) for rows in draws]
    if np.isnan(figures).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(figures, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def wilson(hits: int, count: int, *, z: float = 1.96) -> tuple[float, float]:
    """The 95 % range of a share (Wilson 1927): unlike the bootstrap it does not collapse when every row is right."""
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return 0.0 if not hits else float(max(0.0, middle - half)), 1.0 if hits == count else float(min(1.0, middle + half))
