"""What the cells are is found on every cell, and later tables are read the same way."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.core.cells import CellType
from netwright.data.cells.celltypes import Problem, convert, infer_types
from netwright.data.sources.read import read
from netwright.data.table import Table


def one(values: list, **others: list) -> tuple[CellType, list, list[str]]:
    """The type, the values and the notices of the column `a`."""
    table = read({"a": values, **others})
    types, notices = infer_types(table)
    converted, _ = convert(table, types)
    return types["a"], converted["a"].to_list(), [str(notice) for notice in notices if notice.column == "a"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "-2.5", "+3e2", ".5", "1."], [1, -2.5, 300, 0.5, 1]),
        ([" 1 ", "2"], [1, 2]),
        (["inf", "-inf", "Infinity"], [np.inf, -np.inf, np.inf]),
        (["1e308", "-1e308"], [1e308, -1e308]),
        (["1,5", "2,75", "3"], [1.5, 2.75, 3]),
        (["1,234,567.5", "1,000", "12"], [1234567.5, 1000, 12]),
        (["1.234,5", "12", "1.000.000"], [1234.5, 12, 1000000]),
        (["1 234,5", "12"], [1234.5, 12]),
        (["1\u202f234", "12 000"], [1234, 12000]),
        (["1'234.5", "12"], [1234.5, 12]),
        (["1_000", "2"], [1000, 2]),
        (["0,123", "0,456"], [0.123, 0.456]),
        (["1234,567", "1,5"], [1234.567, 1.5]),
        (["1.234", "2.345"], [1.234, 2.345]),
        (["2019", "2020", None], [2019, 2020, None]),
        (["0", "1", "0"], [0, 1, 0]),
    ],
)
def test_numbers_as_text(texts: list, expected: list) -> None:
    cell, values, notices = one(texts)
    assert cell.kind == "number"
    assert values == expected
    assert not notices


def test_marks_that_can_be_read_in_two_ways_follow_the_other_columns() -> None:
    cell, values, notices = one(["1,234", "2,345"])
    assert values == [1234, 2345] and "part thousands (no value decides)" in notices[0]
    cell, values, notices = one(["1,234", "2,345"], b=["1,5", "2,5"])
    assert values == [1.234, 2.345] and "as in the other columns" in notices[0]
    cell, values, notices = one(["1.234", "2.345"], b=["1,5", "2,5"])
    assert values == [1234, 2345] and cell.thousands == "."


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (["007", "123", "042"], "leading zeros"),
        (["12345678901234567890", "12345678901234567891"], "15 digits"),
        (["$1,200", "$3"], "with a sign"),
        (["12 %", "3 %"], "with a sign"),
        (["1", "2", "x"], "2 of its 3 values are numbers, but not 'x'"),
        (["2020-01-01", "2020-01-02", "soon"], "2 of its 3 values are dates"),
    ],
)
def test_near_numbers_stay_text_with_a_notice(texts: list, word: str) -> None:
    cell, values, notices = one(texts)
    assert cell.kind == "string"
    assert values == texts
    assert word in notices[0]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["True", "false", None], [True, False, None]),
        (["YES", "no"], [True, False]),
        (["y", "N"], [True, False]),
        (["t", "f"], [True, False]),
        (["no", "no"], [False, False]),
    ],
)
def test_booleans(texts: list, expected: list) -> None:
    cell, values, _ = one(texts)
    assert (cell.kind, values) == ("boolean", expected)


@pytest.mark.parametrize("texts", [["t", "t"], ["yes", "maybe"], ["true", "no"], ["a", "b"], ["12:30", "13:30"]])
def test_text(texts: list) -> None:
    cell, values, notices = one(texts)
    assert (cell.kind, values, notices) == ("string", texts, [])


DAY = datetime(2024, 3, 25)
MORNING = datetime(2024, 3, 25, 9, 30)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-03-25"], [DAY]),
        (["2024-03-25 09:30", "2024-03-25T09:30:00", "2024-03-25"], [MORNING, MORNING, DAY]),
        (["2024-03-25T09:30:00.250000"], [MORNING.replace(microsecond=250000)]),
        (["2024-03-25T09:30:00Z", "2024-03-25T09:30:00Z"], [MORNING, MORNING]),
        (["2024-03-25 11:30:00 +0200"], [MORNING]),
        (["2024-03-25 09:30:00 UTC"], [MORNING]),
        (["2024/03/25"], [DAY]),
        (["2024.03.25"], [DAY]),
        (["25.3.2024", "25.03.2024 09:30"], [DAY, MORNING]),
        (["25/03/2024"], [DAY]),
        (["03/25/2024"], [DAY]),
        (["03/25/2024 09:30 AM"], [MORNING]),
        (["25-03-2024"], [DAY]),
        (["Mar 25, 2024", "March 25, 2024"], [DAY, DAY]),
        (["25 March 2024"], [DAY]),
        (["25-Mar-2024"], [DAY]),
        (["Mon, 25 Mar 2024 09:30:00 GMT"], [MORNING]),
        (["2024-03"], [datetime(2024, 3, 1)]),
        (["25/3/2024", "1/2/2024", None], [DAY, datetime(2024, 2, 1), None]),
        (["3/25/2024", "1/2/2024"], [DAY, datetime(2024, 1, 2)]),
    ],
)
def test_date_times_as_text(texts: list, expected: list) -> None:
    cell, values, notices = one(texts)
    assert cell.kind == "datetime"
    assert values == expected
    assert not notices


def test_dates_that_can_be_read_in_two_ways() -> None:
    _, values, notices = one(["3/4/2024", "5/6/2024"])
    assert values[0] == datetime(2024, 3, 4) and "the month is taken to come first (no value decides)" in notices[0]
    _, values, notices = one(["3/4/2024", "5/6/2024"], b=["25/3/2024", "1/2/2024"])
    assert values[0] == datetime(2024, 4, 3) and "as in the other columns" in notices[0]
    assert not one(["3/3/2024", "5/5/2024"])[2]


def test_mixed_time_zones_are_brought_to_utc_with_a_notice() -> None:
    cell, values, notices = one(["2024-03-25T10:30:00+01:00", "2024-03-25T09:30:00Z"])
    assert cell.time_zone and values == [MORNING, MORNING] and "offsets differ" in notices[0]
    _, values, notices = one(["2024-03-25T10:30:00+01:00", "2024-03-25T09:30:00"])
    assert values == [MORNING, MORNING] and "1 of 2 date-times carry an offset" in notices[0]
    assert "two digits" in one(["3/25/24", "3/26/24"])[2][0]


def test_a_few_cells_that_do_not_fit_are_counted() -> None:
    texts = [str(i) for i in range(97)] + ["bad", "bad", "worse"]
    table = read({"a": texts})
    types, notices = infer_types(table)
    converted, problems = convert(table, types)
    assert types["a"].kind == "number" and not notices
    assert problems == {"a": Problem("a", 3, (98, 99, 100), ("bad", "worse"), "number")}
    assert converted["a"].null_count() == 3


def test_a_rare_other_kind_far_down_is_seen() -> None:
    texts = ["1"] * 50_000 + [f"code {i}" for i in range(30)] + ["1"] * 50_000
    assert infer_types(read({"a": texts}))[0]["a"].kind == "string"
    texts = ["yes"] * 50_001 + ["maybe"] + ["no"] * 50_000
    assert infer_types(read({"a": texts}))[0]["a"].kind == "string"


NUMBER, STRING, TIME, BOOLEAN = (CellType(kind=kind) for kind in ("number", "string", "datetime", "boolean"))


@pytest.mark.parametrize(
    ("values", "cell", "expected", "lost"),
    [
        ([1, 2], NUMBER, [1.0, 2.0], 0),
        ([True, None], NUMBER, [1.0, None], 0),
        ([date(2024, 3, 25)], NUMBER, [None], 1),
        (["1,5", "x", "1.5"], CellType(kind="number", decimal=","), [1.5, None, None], 2),
        (["1,23", "1,234"], CellType(kind="number", thousands=","), [None, 1234], 1),
        ([3, 4], STRING, ["3", "4"], 0),
        ([3.0, 2.5, None], STRING, ["3", "2.5", None], 0),
        ([True, False], STRING, ["true", "false"], 0),
        ([DAY, DAY], STRING, ["2024-03-25", "2024-03-25"], 0),
        ([MORNING], STRING, ["2024-03-25 09:30:00"], 0),
        ([date(2024, 3, 25)], STRING, ["2024-03-25"], 0),
        ([" a "], STRING, ["a"], 0),
        ([date(2024, 3, 25), None], TIME, [DAY, None], 0),
        ([MORNING.replace(tzinfo=timezone(timedelta(hours=1)))], TIME, [datetime(2024, 3, 25, 8, 30)], 0),
        (["25.03.2024", "x"], TIME, [DAY, None], 1),
        (["2024-03-25"], CellType(kind="datetime", time_format="%d.%m.%Y"), [DAY], 0),
        ([1, 2], TIME, [None, None], 2),
        ([1, 0, 2], BOOLEAN, [True, False, None], 1),
        ([1.0, None], BOOLEAN, [True, None], 0),
        (["Yes", "0", "x"], BOOLEAN, [True, False, None], 1),
        ([True], BOOLEAN, [True], 0),
        ([DAY], BOOLEAN, [None], 1),
        ([None, None], NUMBER, [None, None], 0),
        ([None, None], TIME, [None, None], 0),
        ([None, None], BOOLEAN, [None, None], 0),
    ],
)
def test_any_source_is_brought_to_the_wanted_kind(values: list, cell: CellType, expected: list, lost: int) -> None:
    table, problems = convert(read({"a": values, "b": values}), {"a": cell, "absent": cell})
    assert table["a"].to_list() == expected
    assert table["b"].to_list() == read({"b": values})["b"].to_list()
    assert (problems["a"].count if problems else 0) == lost


def test_zoned_and_binary_columns() -> None:
    frame = pl.DataFrame({"a": [MORNING.replace(tzinfo=UTC)], "b": [1], "c": [True], "d": [1.5]})
    types, _ = infer_types(read(frame))
    assert [cell.kind for cell in types.values()] == ["datetime", "number", "boolean", "number"]
    assert convert(read(frame), types)[0].frame.rows() == [(MORNING, 1.0, True, 1.5)]


numbers = st.floats(allow_nan=False).map(repr) | st.integers(-(10**9), 10**9).map(str)
cells = numbers | st.dates().map(str) | st.datetimes().map(str) | st.text(max_size=6) | st.sampled_from(["yes", "no"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | cells, min_size=1, max_size=12))
def test_no_value_is_lost_without_a_word(texts: list) -> None:
    table = read({"a": texts})
    types, _ = infer_types(table)
    converted, problems = convert(table, types)
    lost = converted["a"].null_count() - table["a"].null_count()
    assert lost == (problems["a"].count if problems else 0)
    assert lost <= 0.05 * len(texts)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=9), st.sampled_from(["float", "text"]))
def test_numbers_come_back_to_the_bit(values: list, form: str) -> None:
    table = read({"a": values if form == "float" else [repr(v) for v in values]})
    assert convert(table, {"a": NUMBER})[0]["a"].to_list() == values


def test_empty_column() -> None:
    table = Table(pl.DataFrame({"a": pl.Series([None, None], dtype=pl.String)}))
    assert infer_types(table)[0]["a"].kind == "string"
