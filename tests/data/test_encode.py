"""Rows become the numbers the schema promises, those never seen in training too."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.core.cells import CellType
from netwright.core.schema import CategoryColumn, NumberColumn, Schema, TimeColumn
from netwright.data.encode import PERIODS, encode
from netwright.data.sources.read import read
from netwright.data.table import Table, series_of, table_of

NUMBER, TEXT, TIME = (CellType(kind=kind) for kind in ("number", "string", "datetime"))


def number(**changes) -> NumberColumn:
    values = {"name": "n", "cell": NUMBER, "why": "", "center": 10.0, "scale": 4.0, "lowest": 0.0, "highest": 20.0}
    return NumberColumn(**values | changes)


def category(**changes) -> CategoryColumn:
    return CategoryColumn(**{"name": "c", "cell": TEXT, "why": "", "values": ("x", "y")} | changes)


def time(**changes) -> TimeColumn:
    values = {"name": "t", "cell": TIME, "why": "", "center": 0.0, "scale": 86400.0, "lowest": 0.0, "highest": 1.0}
    return TimeColumn(**values | {"parts": ("hour",)} | changes)


def numbers_of(column: NumberColumn, values: list) -> np.ndarray:
    table = table_of([series_of("n", np.asarray(values, dtype=np.float64))], "table")
    return encode(Schema(columns=(column,)), table, np.float64).numbers


def test_a_number_is_clipped_smoothly():
    values = np.array([10.0, 14.0, 6.0, 10.4, np.inf, -np.inf, 1e308])
    z = np.clip((values - 10) / 4, -1e6, 1e6)
    got = numbers_of(number(), values.tolist())[:, 0]
    assert got == pytest.approx(z / np.sqrt(1 + (z / 3) ** 2)) and got[0] == 0
    assert abs(got[3] - 0.1) < 1e-4, "near the middle it is the scaled number itself"
    assert got[4] == pytest.approx(3) and got[5] == pytest.approx(-3) and np.isfinite(got).all()


def test_a_missing_number_is_the_median_with_a_mark():
    got = numbers_of(number(missing=3), [np.nan, 14.0])
    assert got.tolist() == [[0.0, 1.0], [pytest.approx(0.9486832), 0.0]]


def test_gaps_where_training_had_none_are_counted():
    schema = Schema(columns=(number(), category(), time(), number(name="m", missing=1)))
    nothing = {"n": [None, 1.0], "c": [None, "x"], "t": [None, datetime(1970, 1, 2)], "m": [None, 1.0]}
    encoded = encode(schema, read(nothing))
    assert encoded.gaps == {"n": 1, "c": 1, "t": 1} and not encoded.unseen
    assert encoded.categories[0].tolist() == [0], "the unseen place stands in"
    assert encoded.numbers[0].tolist() == [0, 0, 0, 0, 0, 1]


def test_categories_have_their_places():
    schema = Schema(columns=(category(missing=2, values=("y", "x")), category(name="d", values=())))
    encoded = encode(schema, read({"c": ["x", "y", "new", None, "x "], "d": ["p", "q", "r", None, "p"]}))
    assert encoded.categories[:, 0].tolist() == [2, 1, 0, 3, 0]
    assert encoded.categories[:, 1].tolist() == [0] * 5
    assert encoded.unseen == {"c": 2, "d": 4} and encoded.gaps == {"d": 1}


def test_booleans_are_categories():
    column = CategoryColumn(name="c", cell=CellType(kind="boolean"), why="", kind="boolean", values=("true", "false"))
    assert encode(Schema(columns=(column,)), read({"c": [True, False, None]})).categories.tolist() == [[1], [2], [0]]


@pytest.mark.parametrize(
    ("part", "moment", "turn"),
    [
        ("second", datetime(2024, 5, 6, 7, 8, 15), 15 / 60),
        ("minute", datetime(2024, 5, 6, 7, 30, 0), 30 / 60),
        ("hour", datetime(2024, 5, 6, 18, 0, 0), 18 / 24),
        ("weekday", datetime(2024, 5, 5), 7 / 7),
        ("day", datetime(2024, 5, 31), 31 / 31),
        ("month", datetime(2024, 3, 1), 3 / 12),
    ],
)
def test_parts_of_time_go_round(part: str, moment: datetime, turn: float):
    encoded = encode(Schema(columns=(time(parts=(part,)),)), read({"t": [moment]}), np.float64)
    assert encoded.numbers[0, 1:] == pytest.approx([np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn)], abs=1e-12)
    assert set(PERIODS) == {"second", "minute", "hour", "weekday", "day", "month"}


def test_a_missing_time_is_the_middle_of_the_circle():
    schema = Schema(columns=(time(missing=1, center=86400.0),))
    encoded = encode(schema, read({"t": [None, datetime(1970, 1, 2, 6)]}))
    assert encoded.numbers[0].tolist() == [0, 0, 0, 1]
    assert encoded.numbers[1] == pytest.approx([0.25 / np.sqrt(1 + (0.25 / 3) ** 2), 1, 0, 0], abs=1e-6)


def test_columns_stand_in_the_order_of_the_schema():
    schema = Schema(columns=(time(missing=1), category(), number(missing=1), number(name="m")))
    table = read({"m": [14.0], "n": [None], "extra": ["?"], "c": ["y"], "t": [datetime(1970, 1, 1, 6)]})
    got = dict(zip(schema.number_features, encode(schema, table).numbers[0].tolist(), strict=True))
    assert got["n is missing"] == 1 and got["t: sine of hour"] == pytest.approx(1) and got["t is missing"] == 0
    assert got["m"] == pytest.approx(0.9486832)


@pytest.mark.parametrize("values", [(), ("x",)])
def test_a_table_without_rows(values: tuple):
    schema = Schema(columns=(time(missing=1), category(values=values), number()))
    table = read({"t": [datetime(2020, 1, 1)], "c": ["x"], "n": [1.0]}).take(np.zeros(0, dtype=np.int64))
    encoded = encode(schema, table)
    assert encoded.numbers.shape == (0, 5) and encoded.categories.shape == (0, 1)


FINITE = st.floats(-1e12, 1e12) | st.sampled_from([0.0, 1.0, 5e-324, 1e-310])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(FINITE, min_size=2, max_size=40), st.lists(FINITE | st.floats(allow_nan=False), min_size=2, max_size=20)
)
def test_quantile_scaling_keeps_the_order(training: list, later: list):
    quantiles = tuple(float(q) for q in np.quantile(training, np.linspace(0, 1, 65)))
    got = numbers_of(number(quantiles=quantiles), sorted(later))[:, 0]
    assert np.isfinite(got).all() and np.abs(got).max() <= np.sqrt(3)
    assert (np.diff(got) >= 0).all()


def test_quantile_scaling_makes_any_shape_even():
    values = np.exp(3 * np.random.default_rng(0).normal(size=2000))
    quantiles = tuple(float(q) for q in np.quantile(values, np.linspace(0, 1, 65)))
    got = numbers_of(number(quantiles=quantiles), values.tolist())[:, 0]
    assert abs(got.mean()) < 0.02 and abs(got.std() - 1) < 0.02
    many_zeros = np.where(np.arange(2000) < 1000, 0.0, values)
    quantiles = tuple(float(q) for q in np.quantile(many_zeros, np.linspace(0, 1, 65)))
    zero = numbers_of(number(quantiles=quantiles), [0.0])[0, 0]
    assert zero == pytest.approx(-np.sqrt(3) / 2, abs=0.05), "the middle of the ranks that zeros take"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_a_row_is_encoded_the_same_alone_and_among_others(data: st.DataObject):
    rows = data.draw(
        st.lists(
            st.tuples(
                st.none() | st.floats(allow_nan=False),
                st.none() | st.sampled_from(["x", "y", "z"]),
                st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
            ),
            min_size=2,
            max_size=8,
        )
    )
    columns = [list(values) for values in zip(*rows, strict=True)]
    table = Table(
        table_of([series_of("n", [1.0]), series_of("c", ["x"]), series_of("t", [datetime(2020, 1, 1)])], "t").frame
    )
    frame = table.frame.clear()
    frame = type(frame)(dict(zip("nct", columns, strict=True)), schema=frame.schema)
    schema = Schema(columns=(number(), category(missing=1), time(missing=2, parts=("hour", "month"))))
    whole = encode(schema, Table(frame))
    order = data.draw(st.permutations(range(len(rows))))
    mixed = encode(schema, Table(frame).take(np.asarray(order)))
    assert np.array_equal(mixed.numbers, whole.numbers[order]) and np.array_equal(
        mixed.categories, whole.categories[order]
    )
    alone = encode(schema, Table(frame).take(np.asarray([1])))
    assert np.array_equal(alone.numbers[0], whole.numbers[1]) and np.array_equal(
        alone.categories[0], whole.categories[1]
    )


def test_a_time_far_away_is_no_more_than_three():
    moments = [datetime(1, 1, 1), datetime(9999, 12, 31), datetime(1970, 1, 1) + timedelta(seconds=1)]
    got = encode(Schema(columns=(time(scale=1e-3, parts=()),)), read({"t": moments})).numbers
    assert got[:, 0] == pytest.approx([-3, 3, 3], abs=1e-3)
