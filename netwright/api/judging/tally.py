"""Errors of forecasts, added up part by part, so that never all of them are held.

n windows, B of them at once, H steps of the horizon, T targets, Q quantiles, S series.
"""

import math

import numpy as np

from netwright.tasks import Forecasting

DIGITS = 5
"""Digits of a figure that count: what repeats the last value in single precision must not beat what repeats it."""
FEWEST_BLOCKS, ROUNDS = 5, 1000
"""Stretches of time that a range is told from at least, and how often they are drawn."""
TITLES = {
    "mean absolute error": "absolute",
    "scaled error": "scaled",
    "MASE": "naive",
    "pinball loss": "pinball",
    "interval coverage": "inside",
}
"""The figures that are means over what was observed."""


class Tally:
    """The errors of one forecaster over n windows.

    `naive` (S, T) are those of the seasonal naive in training, where they are known. Errors are in the targets' unit;
    scaled ones in the training standard deviations of each series.
    """

    def __init__(self, windows: int, task: Forecasting, naive: np.ndarray | None) -> None:
        self.task, self.naive = task, naive
        self.counts = np.zeros(windows)
        self.sums = {name: np.zeros(windows) for name in (*TITLES.values(), "squared")}
        self.known = dict.fromkeys(self.sums, True) | {"naive": naive is not None}
        self.by_step = np.zeros((2, task.horizon))
        """Sums of the errors that `error_title` names, and how many they are, by step of the horizon."""

    @property
    def error_title(self) -> str:
        """What error windows and steps are compared by."""
        return "mean absolute error" if len(self.task.targets) == 1 else "scaled error"

    def add(
        self, start: int, found: np.ndarray, truth: np.ndarray, scale: np.ndarray, series: np.ndarray, *, banded: bool
    ) -> None:
        """Forecasts (B, H, T, Q) and what came (B, H, T), NaN where not observed, of the windows from `start` on.

        `scale` (B, T) are the standard deviations, `series` (B,) the series; `banded` says whether quantiles count.
        """
        there, inside = np.isfinite(truth), slice(start, start + len(truth))
        error = np.where(there, truth - found[..., self.task.middle], 0.0)
        scaled = np.abs(error) / scale[:, None]
        self.counts[inside] = there.sum((1, 2))
        self._put("absolute", inside, np.abs(error))
        self._put("squared", inside, np.square(error))
        self._put("scaled", inside, scaled)
        if self.naive is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                each = np.abs(error) / self.naive[series][:, None]
            # a series that never changed in training has no such scale
            self._put("naive", inside, np.where(there, each, 0.0))
        self.known["pinball"] = self.known["inside"] = banded
        if banded:
            self._put("pinball", inside, self._pinball(found, truth, there))
            low, high = found[..., 0], found[..., -1]
            self._put("inside", inside, there & (low <= truth) & (truth <= high))
        compared = np.abs(error) if len(self.task.targets) == 1 else scaled
        self.by_step += np.stack([compared.sum((0, 2)), there.sum((0, 2))])

    def _put(self, name: str, inside: slice, values: np.ndarray) -> None:
        self.sums[name][inside] = values.sum((1, 2))

    def _pinball(self, found: np.ndarray, truth: np.ndarray, there: np.ndarray) -> np.ndarray:
        """(B, H, T) the mean over the quantiles of 2·max(q·e, (q − 1)·e)."""
        total = np.zeros(truth.shape)
        for i, level in enumerate(self.task.quantiles):
            error = np.where(there, truth - found[..., i], 0.0)
            total += 2 * np.maximum(level * error, (level - 1) * error)
        return total / len(self.task.quantiles)

    def figures(self) -> dict[str, float]:
        """The figures over all windows; NaN where a forecaster has none."""
        observed = self.counts.sum()

        def mean(name: str) -> float:
            return float(self.sums[name].sum() / observed) if observed and self.known[name] else math.nan

        found = {"mean absolute error": mean("absolute"), "RMSE": math.sqrt(mean("squared"))}
        if len(self.task.targets) > 1:
            found = {"scaled error": mean("scaled"), **found}
        if self.naive is not None:
            found["MASE"] = mean("naive")
        if len(self.task.quantiles) > 1:
            found |= {"pinball loss": mean("pinball"), "interval coverage": mean("inside")}
        return {name: rounded(value) for name, value in found.items()}

    def window_errors(self) -> np.ndarray:
        """(n,) the mean error of each window; NaN where nothing was observed."""
        sums = self.sums[TITLES[self.error_title]]
        return np.where(self.counts > 0, sums / np.maximum(self.counts, 1), np.nan)

    def step_errors(self) -> np.ndarray:
        """(H,) the mean error of each step of the horizon."""
        return np.where(self.by_step[1] > 0, self.by_step[0] / np.maximum(self.by_step[1], 1), np.nan)

    def range_of(self, figure: str, blocks: np.ndarray, *, seed: int) -> tuple[float, float]:
        """The 95 % range of a figure: windows overlap, so whole blocks (n,) of them are drawn again (Künsch 1989).

        NaN where there are too few blocks to tell.
        """
        _, which = np.unique(blocks, return_inverse=True)
        count = int(which.max()) + 1 if len(which) else 0
        if count < FEWEST_BLOCKS:
            return math.nan, math.nan
        sums = np.bincount(which, self.sums[TITLES[figure]], minlength=count)
        counts = np.bincount(which, self.counts, minlength=count)
        random = np.random.default_rng(seed)
        drawn = [random.integers(0, count, count) for _ in range(ROUNDS)]
        means = [sums[rows].sum() / max(1.0, counts[rows].sum()) for rows in drawn]
        low, high = np.quantile(means, [0.025, 0.975])
        return float(low), float(high)


def rounded(value: float) -> float:
    """The figure with the digits that count; NaN where there is none."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else math.nan
