"""After how many steps a series repeats itself. n steps."""

from collections.abc import Sequence

import numpy as np

from netwright.data.series.step import Step, seasons

ALIKE = 0.3
"""Correlation with itself a season before, above which a series is taken to repeat itself."""
BETTER = 0.05
"""What a longer season must add to it."""
MOST_STEPS, MOST_SERIES, MOST_LAG = 20_000, 20, 400
"""What is looked at, so that it takes no time."""


def find_season(series: Sequence[np.ndarray], step: Step) -> tuple[int, str]:
    """Steps after which these training series (n,), NaN where not observed, repeat themselves; and why, in words.

    Tried are the periods of the calendar, and where rows have no time every lag. A season counts where the series,
    without its moving mean over one season, is like itself one season before. 1 where none does.
    """
    kept = [_in_spreads(one[-MOST_STEPS:]) for one in series[:: max(1, len(series) // MOST_SERIES)][:MOST_SERIES]]
    found, best = 1, 0.0
    for lag in seasons(step) or (_peaks(kept) if step.unit == "i" else ()):
        like = _likeness(kept, lag)
        if like > max(ALIKE, best + BETTER):
            found, best = lag, like
    if found == 1:
        return 1, "no season is found in the training steps"
    return found, f"the training steps are like those {found} before (correlation {best:.2f})"


def _in_spreads(values: np.ndarray) -> np.ndarray:
    """(n,) less their mean and over their spread, so that the unit they are in plays no part; zeros for a constant."""
    known = values[np.isfinite(values)]
    if not len(known):
        return values
    left = values - known.mean()
    largest = float(np.nanmax(np.abs(left)))
    if largest <= 1e-12 * float(np.abs(known).max()):
        return left * 0
    left = left / largest  # first, lest squares of tiny numbers be nothing
    return left / float(np.nanstd(left))


def _likeness(series: Sequence[np.ndarray], lag: int) -> float:
    """Median correlation of the series with themselves, `lag` steps apart; −1 where all are too short to tell."""
    known = [like for one in series if np.isfinite(like := _own_likeness(one, lag))]
    return float(np.median(known)) if known else -1.0


def _own_likeness(values: np.ndarray, lag: int) -> float:
    if len(values) < 2.5 * lag or len(values) < lag + 8:
        return np.nan
    left = values - _moving_mean(values, lag)
    before, after = left[:-lag], left[lag:]
    both = np.isfinite(before) & np.isfinite(after)
    if both.sum() < max(8, lag // 2):
        return np.nan
    before, after = before[both] - before[both].mean(), after[both] - after[both].mean()
    spread = np.sqrt((before**2).sum() * (after**2).sum())
    return (
        float((before * after).sum() / spread)
        if spread > 1e-12 * (1 + np.abs(values[np.isfinite(values)]).max())
        else np.nan
    )


def _moving_mean(values: np.ndarray, width: int) -> np.ndarray:
    """(n,) the mean of what was observed around each step; NaN near the ends, where half a width is missing."""
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    middle = np.full(len(values), np.nan)
    sums, counts = total[width:] - total[:-width], count[width:] - count[:-width]
    inside = slice(width // 2, width // 2 + len(sums))
    middle[inside] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return middle


def _peaks(series: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The lags at which the change of the longest series is most like itself, the shortest first."""
    longest = max(series, key=len)
    change = np.diff(longest)
    change = np.where(np.isfinite(change), change - np.nanmean(change), 0.0) if len(change) > 16 else change[:0]
    most = min(MOST_LAG, len(change) // 3)
    if most < 3 or not np.any(change):
        return ()
    size = 1 << (2 * len(change) - 1).bit_length()
    power = np.abs(np.fft.rfft(change, size)) ** 2
    like = np.fft.irfft(power, size)[: most + 1] / (change**2).sum()
    inner = like[1:-1]
    peak = np.flatnonzero((inner > like[:-2]) & (inner >= like[2:]) & (inner > ALIKE / 2)) + 1
    return tuple(int(lag) for lag in sorted(peak[np.argsort(-like[peak])][:5]) if lag > 1)
