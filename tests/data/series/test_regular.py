from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from netwright.core.errors import InputError
from netwright.data.series.parting import trimmed
from tests.data.series.tables import days, hours, made_regular, told, wave


def test_rows_in_any_order_are_sorted_and_told():
    order = np.random.default_rng(0).permutation(30)
    values = wave(30)
    found = made_regular({"d": np.asarray(days(30))[order].tolist(), "y": values[order]})
    assert np.allclose(found.values[:, 0], values) and "sorted" in told(found.notices)
    assert (found.row[np.argsort(order)[0]] >= 1) and str(found.grid.step) == "1d"


def test_a_moment_that_comes_twice_is_the_mean_and_told():
    stamps = days(10)
    stamps[4] = stamps[3]
    found = made_regular({"d": stamps, "y": np.arange(10.0)})
    assert found.values[3, 0] == 3.5 and np.isnan(found.values[4, 0]) and found.steps == 10
    assert "first row 5" in told(found.notices) and "2024-01-05" in told(found.notices)


def test_missing_rows_are_steps_without_a_value():
    stamps = days(10)
    del stamps[4:6]
    found = made_regular({"d": stamps, "y": np.arange(8.0)})
    assert found.steps == 10 and np.isnan(found.values[4:6]).all() and (found.row[4:6] == 0).all()
    assert "2 step(s) of 1d have no row (first: 2024-01-05)" in told(found.notices)


def test_clocks_turned_back_and_forward():
    wall = [h for h in hours(24 * 4, "2024-03-30") if h != "2024-03-31 02:00"]
    found = made_regular({"d": wall, "y": wave(len(wall))})
    assert np.isnan(found.values[26, 0]) and "2024-03-31 02:00" in told(found.notices)
    wall = hours(24 * 4, "2024-10-26")
    wall.insert(27, "2024-10-27 02:00")
    found = made_regular({"d": wall, "y": np.arange(97.0)})
    assert found.values[26, 0] == 26.5 and found.steps == 96
    assert "clocks showed twice" in told(found.notices) and "row 28" in told(found.notices)


def test_a_zone_makes_hours_and_days_whole():
    first = datetime(2024, 3, 30, 23, tzinfo=UTC)
    stamps = pl.Series([first + timedelta(hours=i) for i in range(72)]).dt.convert_time_zone("Europe/Berlin")
    found = made_regular(pl.DataFrame({"d": stamps, "y": wave(72)}))
    assert found.steps == 72 and str(found.grid.step) == "1h" and not found.notices
    midnights = pl.datetime_range(
        datetime(2024, 3, 1), datetime(2024, 4, 30), "1d", time_zone="Europe/Berlin", eager=True
    )
    found = made_regular(pl.DataFrame({"d": midnights, "y": wave(61)}))
    assert found.steps == 61 and str(found.grid.step) == "1d" and not found.notices


def test_uneven_times_count_for_the_nearest_step():
    first, random = datetime(2024, 1, 1), np.random.default_rng(0)
    stamps = [first + timedelta(hours=i, minutes=int(m)) for i, m in enumerate(random.integers(-9, 9, 200))]
    found = made_regular({"d": stamps, "y": np.arange(200.0)})
    assert str(found.grid.step) == "1h" and found.steps in (200, 201) and "between two steps" in told(found.notices)


def test_several_series_lie_one_after_another():
    source = {"d": days(10) + days(6, "2024-01-03"), "shop": ["b"] * 10 + ["a"] * 6, "y": np.arange(16.0)}
    found = made_regular(source)
    assert found.ids == ("b", "a") and found.starts.tolist() == [0, 10, 16]
    assert (found.first[1] - found.first[0]) == 2 and (found.values[:, 0] == np.arange(16)).all()
    only = found.select(found.series == 1)
    assert only.ids == ("a",) and only.starts.tolist() == [0, 6] and only.first[0] == found.first[1]


def test_rows_without_time_or_id_are_told():
    source = {"d": [*days(9), None], "shop": ["a"] * 8 + [None, "a"], "y": np.arange(10.0)}
    found = made_regular(source, id="shop")
    assert found.steps == 8 and "row 10" in told(found.notices) and "row 9" in told(found.notices)


def test_rows_without_time_stamps_count_as_steps():
    found = made_regular({"y": wave(9)})
    assert str(found.grid.step) == "1i" and found.steps == 9 and not found.notices
    both = made_regular({"y": np.arange(6.0), "shop": list("ababab")}, id="shop")
    assert both.values[:, 0].tolist() == [0, 2, 4, 1, 3, 5] and both.first.tolist() == [0, 0]


def test_infinite_and_giant_values_are_not_observed():
    found = made_regular({"d": days(9), "y": [1, 2, np.inf, 1e200, 5, 6, -np.inf, 8, 9]})
    assert np.isnan(found.values[[2, 3, 6], 0]).all() and "3 infinite" in told(found.notices)


def test_one_wild_time_stamp_is_an_error_that_names_its_row():
    with pytest.raises(InputError, match="so uneven") as error:
        made_regular({"d": [*hours(99), "2090-01-01 00:00"], "y": wave(100)})
    assert "row 100" in error.value.got


def test_no_row_with_a_time_stamp():
    with pytest.raises(InputError, match="can be placed"):
        made_regular({"d": [None] * 4 + ["2024-01-01"], "y": wave(5), "s": ["a"] * 4 + [None]}, id="s", time="d")


def test_numbers_name_series_without_a_point():
    found = made_regular({"d": days(5) * 2, "y": wave(10), "shop": [1.0] * 5 + [2.5] * 5}, id="shop")
    assert found.ids == ("1", "2.5")


def test_steps_without_a_target_at_the_ends_are_left_out():
    source = {
        "d": days(8) * 2,
        "shop": ["a"] * 8 + ["b"] * 8,
        "y": [None, 1, 2, None, 4, 5, None, None] + [None] * 8,
        "x": wave(16),
    }
    found, notices = trimmed(made_regular(source, known="x"), 1)
    assert found.ids == ("a",) and found.steps == 5 and found.row.tolist() == [2, 3, 4, 5, 6]
    assert "first row 7" in told(notices) and "'b'" in told(notices)
    with pytest.raises(InputError, match="no values"):
        trimmed(made_regular({"d": days(5), "x": wave(5), "y": [None] * 5}, kinds={"y": "number"}), 1)
