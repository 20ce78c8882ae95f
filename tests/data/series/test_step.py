import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netwright.data.series.calendar import calendar
from netwright.data.series.step import DAY, HOUR, Grid, Step, parse_step, parts_of, seasons


def micros(*moments: str) -> np.ndarray:
    return np.asarray(moments, dtype="datetime64[us]").astype(np.int64)


@given(
    st.sampled_from(["1s", "90s", "15m", "1h", "1d", "1b", "1w", "1mo", "1q", "1y", "2mo", "7i"]),
    st.integers(-2000, 2000),
)
def test_a_moment_lies_at_its_own_position(text: str, start: int):
    grid = Grid(step=parse_step(text), day=31)
    positions = np.arange(start, start + 50)
    assert (grid.positions(grid.times(positions)) == positions).all()
    assert str(grid.step) == text


def test_months_end_where_they_end():
    grid = Grid(step=Step(1, "mo"), day=31)
    found = grid.times(grid.positions(micros("2023-12-31")) + np.arange(4))
    assert (found == micros("2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31")).all()


def test_quarters_keep_the_month_they_begin_with():
    grid = Grid(step=Step(1, "q"), phase=1, day=15, clock=6 * HOUR)
    found = grid.times(grid.positions(micros("2023-11-15T06")) + np.arange(3))
    assert (found == micros("2023-11-15T06", "2024-02-15T06", "2024-05-15T06")).all()


def test_business_days_skip_weekends():
    grid = Grid(step=Step(1, "b"))
    friday = grid.positions(micros("2024-03-01"))
    assert (grid.times(friday + np.arange(2)) == micros("2024-03-01", "2024-03-04")).all()
    assert (grid.positions(micros("2024-03-02")) == friday).all(), "what comes on a Saturday counts for Friday"


def test_seasons_and_parts_of_the_calendar():
    assert seasons(Step(1, "h")) == (24, 168) and seasons(Step(1, "mo")) == (12,) and seasons(Step(1, "q")) == (4,)
    assert (
        seasons(Step(1, "d")) == (7, 365) and seasons(Step(1, "y")) == () and seasons(Step(15, "m"))[-2:] == (96, 672)
    )
    assert parts_of(Step(1, "h"), 24 * 30) == ("hour", "weekday")
    assert parts_of(Step(1, "mo"), 60) == ("month",) and parts_of(Step(1, "mo"), 12) == ()
    assert parts_of(Step(1, "i"), 9999) == () and parts_of(Step(1, "y"), 99) == ()


def test_the_calendar_turns_without_a_jump():
    times = micros("2024-01-01") + np.arange(0, 24 * 14) * HOUR
    waves = calendar(times, ("hour", "weekday", "day", "month", "minute", "second"))
    assert waves.shape == (len(times), 12) and waves.dtype == np.float32
    assert np.allclose(waves[:24, :2], waves[24:48, :2], atol=1e-6), "an hour is alike on every day"
    assert np.allclose(waves[:168, 2:4], waves[168:, 2:4], atol=1e-6)
    assert np.abs(np.diff(waves[:, :4], axis=0)).max() < 0.3
    assert np.allclose(np.square(waves[:, 0]) + np.square(waves[:, 1]), 1, atol=1e-6)
    assert np.allclose(calendar(times[:1] + 365 * DAY, ("month",)), [[np.sin(-0.017), np.cos(0.017)]], atol=0.02)
