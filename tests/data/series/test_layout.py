import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.series.layout import without_use
from tests.data.series.tables import days, hours, laid_out, told, wave


def layout(source: object, **settings: object):
    return laid_out(source, **settings)[1]


def test_the_only_date_column_is_the_time_and_other_numbers_are_past():
    found = layout({"d": days(30), "y": wave(30), "price": wave(30), "shop": ["a"] * 30})
    assert (found.time, found.id, found.targets, found.past, found.known) == ("d", None, ("y",), ("price",), ())
    assert found.left_out == (("shop", "text"),) and "'shop' (text)" in told(found.notices)


def test_known_columns_and_several_targets():
    source = {"d": days(30), "a": wave(30), "b": wave(30), "holiday": [True, False] * 15, "c": wave(30)}
    found = layout(source, target="a,b", known="holiday")
    assert found.targets == ("a", "b") and found.known == ("holiday",) and found.past == ("c",)
    assert found.numbers == ("a", "b", "c", "holiday")


def test_a_year_and_a_month_are_a_time():
    months = ["January", "Feb", "mar.", "4"]
    found = layout({"year": [1949] * 4, "month": months, "y": [1.0, 2, 3, 4]})
    assert found.time == "year+month"
    assert (
        found.stamps.times.astype("datetime64[us]").astype("datetime64[M]")
        == np.arange("1949-01", "1949-05", dtype="M8[M]")
    ).all()
    day = layout({"year": [2024] * 3, "month": [2] * 3, "day": [28, 29, 30], "y": [1.0, 2, 3]})
    assert str(day.stamps.times.astype("datetime64[us]")[2])[:10] == "2024-03-01"


def test_numbers_tell_the_time_where_they_are_called_so():
    assert layout({"year": [1990, 1991, 1992, 1993], "y": wave(4)}).stamps.form == "years"
    assert layout({"timestamp": (1.7e9 + 3600 * np.arange(9)).tolist(), "y": wave(9)}).stamps.form == "seconds"
    thousandths = layout({"timestamp": (1_700_000_000_000 + 3_600_000 * np.arange(9)).tolist(), "y": wave(9)}).stamps
    assert thousandths.form == "milliseconds" and np.diff(thousandths.times)[0] == 3600 * 10**6
    assert layout({"t": [1, 2, 3, 4], "y": wave(4)}).stamps.form == "steps"
    assert layout({"x": [1, 2, 3, 4], "y": wave(4)}).time is None, "rows count as steps"


def test_the_series_are_found_where_time_stamps_repeat():
    source = {"d": days(30) * 2, "shop": ["a"] * 30 + ["b"] * 30, "note": ["n"] * 60, "y": wave(60)}
    found = layout(source)
    assert found.id == "shop" and "'shop' is a series" in told(found.notices) and found.past == ()
    numbered = layout({"d": days(30) * 2, "shop": [1] * 30 + [2] * 30, "y": wave(60)})
    assert numbered.id == "shop"
    assert layout(source, id="note").id == "note"


def test_what_is_open_is_asked():
    with pytest.raises(InputError, match="Time stamps repeat") as error:
        layout({"d": days(10) * 3, "kind": ["a", "b", "c", "a", "b"] * 6, "y": wave(30)})
    assert "--id kind" in error.value.fix
    with pytest.raises(InputError, match="Several columns hold dates") as error:
        layout({"ordered": days(9), "sent": days(9), "y": wave(9)})
    assert "--time ordered" in error.value.fix
    assert layout({"date": days(9), "sent": days(9), "y": wave(9)}).time == "date"
    with pytest.raises(InputError, match="Which column is to be foretold"):
        layout({"d": days(9), "a": wave(9), "b": wave(9)}, target=())
    assert layout({"d": days(9), "a": wave(9)}, target=()).targets == ("a",)


@pytest.mark.parametrize("option", ["target", "known", "exclude", "id", "time"])
def test_a_column_that_is_not_there(option: str):
    with pytest.raises(InputError, match="no column called 'nope'"):
        layout({"d": days(9), "y": wave(9)}, **{option: "nope"})


def test_text_can_not_be_foretold_nor_tell_the_time():
    source = {"d": days(9), "y": wave(9), "word": list("abcdefghi")}
    with pytest.raises(InputError, match="'word' holds no numbers") as error:
        layout(source, target="word")
    assert "--kind word=number" in error.value.fix
    with pytest.raises(InputError, match="'word' holds no numbers"):
        layout(source, known="word")
    with pytest.raises(InputError, match="'word' holds no time stamps"):
        layout(source, time="word")


def test_rows_that_came_twice_are_no_series():
    twice = days(30)
    twice[7] = twice[6]
    assert layout({"d": twice, "y": wave(30), "word": ["a", "b"] * 15}).id is None


def test_a_name_with_a_comma():
    assert layout({"d": days(9), "a,b": wave(9), "b": wave(9)}, target="a,b").targets == ("a,b",)


def test_columns_without_use():
    found = without_use({"same": np.ones(9), "count": np.arange(9.0), "none": np.full(9, np.nan), "good": wave(9)})
    assert list(found) == ["same", "count", "none"] and "counts the rows" in found["count"]


def test_the_clock_of_stamps_with_a_zone():
    winter = layout({"d": [h.replace(" ", "T") + ":00+01:00" for h in hours(5)], "y": wave(5)}).stamps
    assert winter.zone == "+01:00" and str(winter.times.astype("datetime64[us]")[0])[:16] == "2024-01-01T00:00"
    mixed = ["2024-01-01T00:00Z", "2024-01-01T03:00+02:00", "2024-01-01T02:00Z"]
    found = layout({"d": mixed, "y": wave(3)}).stamps
    assert found.zone == "UTC" and not found.local and (np.diff(found.times) == 3600 * 10**6).all()
    midnights = ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"]
    found = layout({"d": midnights, "y": wave(3)}).stamps
    assert found.local and (np.diff(found.times) == 86400 * 10**6).all(), "a day is a day where clocks change"
