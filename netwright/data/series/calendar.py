"""Sine and cosine of the parts of the calendar that repeat. M steps, P parts."""

from collections.abc import Sequence

import numpy as np

from netwright.core.schema import TimePart
from netwright.data.series.step import DAY, HOUR, MINUTE, days_of_month

YEAR = 365.2425


def calendar(times: np.ndarray, parts: Sequence[TimePart]) -> np.ndarray:
    """(M, 2P) float32: of each part its sine, then its cosine, at the times (M,) in microseconds of the clock shown.

    An hour goes on through its minutes and a month through its days, so that no step jumps.
    """
    waves = np.empty((len(times), 2 * len(parts)), dtype=np.float32)
    for i, part in enumerate(parts):
        turn = 2 * np.pi * _turn(times, part)
        waves[:, 2 * i], waves[:, 2 * i + 1] = np.sin(turn), np.cos(turn)
    return waves


def _turn(times: np.ndarray, part: TimePart) -> np.ndarray:
    """(M,) from 0 to 1, how much of its period has gone."""
    match part:
        case "second":
            return (times % MINUTE) / MINUTE
        case "minute":
            return (times % HOUR) / HOUR
        case "hour":
            return (times % DAY) / DAY
        case "weekday":
            return (times + 3 * DAY) % (7 * DAY) / (7 * DAY)  # 1970 began on a Thursday
        case "day":
            return (days_of_month(times)[0] - 1 + times % DAY / DAY) / 31
    year = times.astype("datetime64[us]").astype("datetime64[Y]").astype("datetime64[us]").astype(np.int64)
    return (times - year) / (YEAR * DAY)
