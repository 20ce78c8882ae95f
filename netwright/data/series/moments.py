"""Moments in words, for messages and plots."""

import numpy as np

from netwright.data.series.step import DAY, MINUTE, Grid


def moment_words(grid: Grid, position: int) -> str:
    """The moment of a position: "2024-03-01", "2024-03-01 14:00", "step 17"."""
    return time_words(grid, int(grid.times(np.asarray([position]))[0]))


def time_words(grid: Grid, time: int) -> str:
    """A time of this grid's clock likewise."""
    if grid.step.unit == "i":
        return f"step {time:,}"
    moment = np.datetime64(time, "us")
    if grid.step.months and grid.day in (1, 31) and not grid.clock:
        return str(moment.astype("datetime64[Y]" if grid.step.months % 12 == 0 else "datetime64[M]"))
    if time % DAY == 0 and grid.step.daily:
        return str(moment.astype("datetime64[D]"))
    unit = "m" if time % MINUTE == 0 else "s" if time % 10**6 == 0 else "us"
    return str(moment.astype(f"datetime64[{unit}]")).replace("T", " ")
