"""From the clock that steps are counted by to the one on the wall, and back. M times, in microseconds since 1970."""

import re

import numpy as np

from netwright.data.table import Series, series_of


def named_zone(zone: str | None) -> bool:
    """Whether a zone has a name and so rules of its own, as "Europe/Berlin" has: UTC and "+02:00" have none."""
    return zone is not None and zone not in ("UTC", "GMT", "Z") and not re.fullmatch(r"[+-]\d\d:?(\d\d)?", zone)


def shown_times(times: np.ndarray, zone: str | None, *, local: bool) -> np.ndarray:
    """(M,) what clocks of the zone show at these times, UTC unless they are `local` already."""
    if local or not named_zone(zone):
        return times
    return zoned(times, zone, local=False).dt.replace_time_zone(None).dt.epoch("us").to_numpy()


def zoned(times: np.ndarray, zone: str | None, *, local: bool, name: str = "time") -> Series:
    """The times as a column of date-times of the zone, naive where it is None.

    A time of a local clock that it shows twice is taken for the first, one that it never shows for an hour later.
    """
    series = series_of(name, times.astype("datetime64[us]"))
    if zone is None:
        return series
    if not local:
        return series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    found = series.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if not found.null_count():
        return found
    later = series.dt.offset_by("1h").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return found.fill_null(later) if found.null_count() < len(found) else later
