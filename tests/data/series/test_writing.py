import re
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from netwright.core.cells import CellType
from netwright.data.cells.celltypes import infer_types
from netwright.data.series.regular import regular
from netwright.data.series.writing import stamps_written
from tests.data.series.tables import laid_out, wave


def following(stamps, steps: int = 3, **columns) -> list[list]:
    """The next time stamps after these, by column of the time."""
    source = {"d": stamps} | columns if not isinstance(stamps, dict) else stamps
    count = len(next(iter(source.values())))
    frame = pl.DataFrame(source | {"y": wave(count)})
    table, layout, raw = laid_out(frame)
    series = regular(table, layout)
    last = int(series.positions[-1])
    times = series.grid.times(last + 1 + np.arange(steps))
    cell = infer_types(raw)[0].get(layout.time or "")
    return [one.to_list() for one in stamps_written(times, layout, raw, cell)]


def written(form: str, start: str = "2024-01-28 09:30", every: str = "1d", count: int = 12) -> list[str]:
    moments = pl.datetime_range(datetime.fromisoformat(start), datetime(2100, 1, 1), every, eager=True)[:count]
    return moments.dt.strftime(form).to_list()


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d", "%d.%m.%Y", "%-d.%-m.%Y", "%m/%d/%Y", "%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%d %B %Y", "%d-%b-%Y",
     "%B %d, %Y", "%Y-%m-%d %I:%M %p", "%Y-%m-%d %H:%M:%S%.3f", "%Y-%m-%dT%H:%M:%S+02:00", "%Y-%m-%dT%H:%MZ"],
)  # fmt: skip
def test_texts_keep_their_form(form: str):
    whole = written(form, count=15)
    assert following(whole[:12]) == [whole[12:]]


def test_months_quarters_and_years_in_text():
    assert following(["2023-10", "2023-11", "2023-12"]) == [["2024-01", "2024-02", "2024-03"]]
    ends = ["2023-10-31", "2023-11-30", "2023-12-31"]
    assert following(ends) == [["2024-01-31", "2024-02-29", "2024-03-31"]]
    assert following(["2023-01-01", "2023-04-01", "2023-07-01"]) == [["2023-10-01", "2024-01-01", "2024-04-01"]]


def test_months_by_name_and_years_as_numbers():
    words = {"year": [2023] * 4, "month": ["SEP", "OCT", "NOV", "DEC"]}
    assert following(words) == [[2024] * 3, ["JAN", "FEB", "MAR"]]
    numbers = {"year": ["2023"] * 4, "month": ["09", "10", "11", "12"]}
    assert following(numbers) == [["2024"] * 3, ["01", "02", "03"]]
    names = {"year": [2023] * 4, "month": ["September", "October", "November", "December"]}
    assert following(names)[1] == ["January", "February", "March"]
    assert following({"year": [2001, 2002, 2003, 2004]}) == [[2005, 2006, 2007]]
    assert following({"timestamp": [1_700_000_000 + 3600 * i for i in range(5)]}, 1) == [[1_700_018_000]]
    assert following({"timestamp": [1_700_000_000_000 + 3_600_000 * i for i in range(5)]}, 1) == [[1_700_018_000_000]]
    assert following({"t": [10, 20, 30]}) == [[40, 50, 60]]


def test_days_of_a_year_and_month_and_day():
    source = {"year": [2024] * 3, "month": [2] * 3, "day": [27, 28, 29]}
    assert following(source) == [[2024] * 3, [3] * 3, [1, 2, 3]]


def test_dates_and_zones_keep_their_type():
    assert following([date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)], 1) == [[date(2024, 3, 2)]]
    zone = pl.datetime_range(
        datetime(2024, 3, 30), datetime(2024, 3, 31, 1), "1h", time_zone="Europe/Berlin", eager=True
    )
    (found,) = following(zone, 2)
    assert [str(one) for one in found] == ["2024-03-31 03:00:00+02:00", "2024-03-31 04:00:00+02:00"]
    days = pl.datetime_range(datetime(2024, 3, 20), datetime(2024, 3, 30), "1d", time_zone="Europe/Berlin", eager=True)
    (found,) = following(days, 2)
    assert [str(one)[:16] for one in found] == ["2024-03-31 00:00", "2024-04-01 00:00"]
    never = pl.datetime_range(
        datetime(2024, 3, 20, 2, 30), datetime(2024, 3, 30, 2, 30), "1d", time_zone="Europe/Berlin", eager=True
    )
    assert re.match(r"2024-03-31 03:30", str(following(never, 1)[0][0])), "that half hour does not exist"


def test_mixed_offsets_go_on_in_utc():
    stamps = ["2024-01-01T00:00+00:00", "2024-01-01T03:00+02:00", "2024-01-01T02:00+00:00"]
    assert following(stamps, 1) == [["2024-01-01T03:00+00:00"]]


def test_without_time_stamps_steps_are_counted():
    _, layout, raw = laid_out({"y": wave(5)})
    (found,) = stamps_written(np.arange(1, 4), layout, raw, CellType(kind="number"))
    assert found.name == "step" and found.to_list() == [1, 2, 3]
