import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.series.grid import find_grid
from netwright.data.series.step import DAY, HOUR, MINUTE


def step_of(times: np.ndarray) -> str:
    return str(find_grid(times, np.zeros(len(times), dtype=np.int64)).step)


def every(size: float, count: int = 100, start: str = "2024-01-01") -> np.ndarray:
    return np.datetime64(start, "us").astype(np.int64) + (np.arange(count) * size).astype(np.int64)


def monthly(months: int, day: int = 1) -> np.ndarray:
    first = np.arange(0, 60 * months, months).astype("datetime64[M]").astype("datetime64[D]") + day - 1
    return first.astype("datetime64[us]").astype(np.int64)


def test_steps_of_a_calendar_are_known():
    assert step_of(every(1e6)) == "1s" and step_of(every(15 * MINUTE)) == "15m" and step_of(every(HOUR)) == "1h"
    assert step_of(every(DAY)) == "1d" and step_of(every(7 * DAY)) == "1w" and step_of(every(28 * DAY)) == "4w"
    assert [step_of(monthly(n)) for n in (1, 2, 3, 12)] == ["1mo", "2mo", "1q", "1y"]
    assert step_of(every(30 * DAY)) == "30d", "thirty days are no month"
    assert step_of(every(90e6)) == "90s" and step_of(every(0.25e6)) == "250ms"


def test_a_step_that_wavers_is_brought_to_a_round_one():
    random = np.random.default_rng(0)
    assert step_of(every(HOUR) + random.integers(-20, 20, 100) * 10**6) == "1h"
    assert step_of(every(100.3 * MINUTE) + random.integers(0, 999_999, 100)) == "100m"


def test_days_without_weekends_are_business_days():
    days = every(DAY, 60)
    week = (days // DAY + 3) % 7
    assert step_of(days[week < 5]) == "1b"
    assert step_of(days[week != 6]) == "1d"


def test_the_grid_lies_where_most_rows_lie():
    grid = find_grid(every(DAY, start="2024-01-01T06"), np.zeros(100, dtype=np.int64))
    assert grid.phase == 6 * HOUR
    ends = monthly(1)[1:] - DAY
    assert find_grid(ends, np.zeros(len(ends), dtype=np.int64)).day == 31


def test_rows_are_counted():
    grid = find_grid(np.arange(5, 500, 10), np.zeros(50, dtype=np.int64), rows=True)
    assert str(grid.step) == "10i" and (grid.times(grid.positions(np.asarray([15]))) == [15]).all()


def test_one_moment_is_no_series():
    with pytest.raises(InputError, match="all the same"):
        step_of(np.zeros(5, dtype=np.int64))
