"""An axis of dates. Times are microseconds since 1970, as clocks show them."""

import numpy as np

from netwright.evaluate.plots.axes import Scale, label, line

SECOND = 10**6
DAY = 86_400 * SECOND
EVEN = tuple(n * SECOND for n in (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200)) + tuple(
    n * DAY for n in (1, 2, 7, 14)
)
"""Times between ticks that are always as long."""
MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
MONTH = 30.44 * DAY
MONDAY = 4 * DAY
"""A Monday, from which weeks are counted."""


def date_ticks(low: float, high: float, about: int = 6) -> list[tuple[int, str]]:
    """Round moments from low to high, roughly so many, each with its label; what all share is told by the first."""
    rough = max(1.0, (high - low) / about)
    months = next((n for n in MONTHS if n * MONTH >= 0.75 * rough), MONTHS[-1])
    even = next((size for size in EVEN if size >= 0.75 * rough), None)
    if even is None or even > months * MONTH:
        return _month_ticks(low, high, months)
    start = MONDAY if even % (7 * DAY) == 0 else 0
    first = -((start - int(low)) // even)
    times = [start + k * even for k in range(first, int((high - start) // even) + 1)]
    found = []
    for time in times:
        moment = np.datetime64(time, "us").item()
        clock = f"{moment:%H:%M:%S}" if even < 60 * SECOND else f"{moment:%H:%M}"
        midnight = time % DAY == 0
        day = f"{moment:%Y-%m-%d}" if not found else f"{moment:%m-%d}"
        found.append((time, day if midnight else clock if found else f"{day} {clock}"))
    return found


def _month_ticks(low: float, high: float, months: int) -> list[tuple[int, str]]:
    begin = int(np.datetime64(int(low), "us").astype("datetime64[M]").astype(np.int64))
    end = int(np.datetime64(int(high), "us").astype("datetime64[M]").astype(np.int64))
    found = []
    for month in range(begin - begin % months, end + 1, months):
        time = int(np.datetime64(month, "M").astype("datetime64[us]").astype(np.int64))
        if low <= time <= high:
            words = str(np.datetime64(month, "M"))
            found.append((time, words[:4] if months >= 12 else words))
    return found


def date_axis(scale: Scale, y: float, *, about: int = 6) -> str:
    """Ticks below y with their dates."""
    pieces = [line(scale.start, y, scale.end, y, "axis")]
    for time, words in date_ticks(scale.low, scale.high, about):
        place = scale(float(time))
        pieces += [line(place, y, place, y + 4, "axis"), label(place, y + 18, words, anchor="middle")]
    return "".join(pieces)
