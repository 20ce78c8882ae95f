import numpy as np
import pytest

from netwright.evaluate.plots.axes import Scale
from netwright.evaluate.plots.dates import date_axis, date_ticks


def ticks(low: str, high: str) -> list[str]:
    first, last = (float(np.datetime64(one, "us").astype(np.int64)) for one in (low, high))
    found = date_ticks(first, last)
    assert all(first <= time <= last for time, _ in found)
    return [words for _, words in found]


def test_ticks_are_round():
    assert ticks("1955-01", "1961-01") == ["1955", "1956", "1957", "1958", "1959", "1960", "1961"]
    assert ticks("2024-01-03", "2024-08-01") == [
        "2024-02",
        "2024-03",
        "2024-04",
        "2024-05",
        "2024-06",
        "2024-07",
        "2024-08",
    ]
    assert ticks("2024-01-03", "2024-02-10") == ["2024-01-08", "01-15", "01-22", "01-29", "02-05"]
    assert ticks("2024-01-01", "2024-01-02") == [
        "2024-01-01",
        "03:00",
        "06:00",
        "09:00",
        "12:00",
        "15:00",
        "18:00",
        "21:00",
        "01-02",
    ]
    assert ticks("2024-01-01T10:01", "2024-01-01T10:30")[:2] == ["2024-01-01 10:05", "10:10"]
    assert ticks("2024-01-01T10:00:00", "2024-01-01T10:00:30")[1] == "10:00:05"


@pytest.mark.parametrize("span", [1, 10**3, 10**6, 10**9, 10**12, 10**14, 10**16])
def test_any_span_has_few_ticks(span: int):
    found = date_ticks(0.0, float(span))
    assert len(found) <= 14 and len({words for _, words in found}) == len(found)


def test_the_axis_is_drawn():
    assert "1970-01-05" in date_axis(Scale(0, 30 * 86_400e6, 0, 100), 50)
