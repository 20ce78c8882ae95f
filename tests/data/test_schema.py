"""What each column is taken for, and why; measured on the rows given and no others."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.core.errors import InputError
from netwright.core.schema import CategoryColumn, LeftOutColumn, NumberColumn, Schema, TimeColumn
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.encode import encode
from netwright.data.schema import LARGEST, fit_schema, forced_types
from netwright.data.sources.read import read
from netwright.data.table import Table

RANDOM = np.random.default_rng(0)
MIXED = RANDOM.normal(size=40).tolist()
START = datetime(2020, 1, 1)


def fitted(columns: dict, kinds: dict | None = None, **options) -> tuple[Schema, Table]:
    """The schema of these columns, and the table it was measured on."""
    table = read(columns)
    types = forced_types(infer_types(table)[0], kinds or {})
    table, _ = read_cells(table, types)
    return fit_schema(table, types, kinds=kinds, **options), table


def one(values: list, name: str = "a", **options):
    """The decision on one column beside another that is always used."""
    columns = {name: values, "other": RANDOM.normal(size=len(values)).tolist()}
    return fitted(columns, **options)[0].columns[0]


WORDS = ["red fish", "blue fish and more", "one", "two of them"]
HOURS = [START + timedelta(hours=i) for i in range(100)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (MIXED, "number"),
        ([1, 2, 3] * 10, "number"),
        ([2019, 2020, 2021, 2022] * 5, "number"),
        ([True, False] * 10, "boolean"),
        (["yes", "no"] * 10, "boolean"),
        (["left", "right"] * 10, "boolean"),
        (["a", "b", "c"] * 10, "category"),
        ([f"user{i % 15}" for i in range(30)], "category"),
        (HOURS, "datetime"),
        ([f"{WORDS[i % 4]} number {i}" for i in range(30)], "text"),
        ([f"K{i:04d}" for i in range(30)], "id"),
        (list(range(1, 31)), "id"),
        (list(range(100, 400, 10)), "number"),
        (list(range(30, 0, -1)), "number"),
        ([0.5 + i for i in range(30)], "number"),
        ([3.25] * 30, "constant"),
        (["same"] * 30, "constant"),
        ([True] * 30, "constant"),
        ([START] * 30, "constant"),
        ([None] * 30, "constant"),
        (list(range(1, 11)), "number"),
        ([f"K{i:04d}" for i in range(19)], "category"),
    ],
)
def test_kind(values: list, kind: str):
    column = one(values)
    assert column.kind == kind and column.why and column.missing == values.count(None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("customer_id", "id"),
        ("ID", "id"),
        ("PassengerId", "id"),
        ("row nr", "id"),
        ("weight", "number"),
        ("x", "number"),
    ],
)
def test_whole_numbers_are_ids_by_their_name(name: str, kind: str):
    scattered = RANDOM.permutation(100_000)[:50].tolist()
    assert one(scattered, name).kind == kind
    assert one([v // 5000 for v in scattered], name).kind == "number", "an id that repeats is a value"


@pytest.mark.parametrize("values", [MIXED, [True, False] * 20, ["a", "b", "c", "d"] * 10, HOURS[:40]])
def test_missing_values_are_counted_in_every_kind(values: list):
    whole = one(values)
    holed = one([None, None, None, *values[3:]])
    assert (whole.missing, holed.missing) == (0, 3) and whole.kind == holed.kind


@pytest.mark.parametrize("value", [1.5, "only", True, START])
def test_one_value_and_gaps_is_no_constant(value: object):
    column = one([value, None] * 15)
    assert not isinstance(column, LeftOutColumn) and column.missing == 15


def test_a_nan_is_a_missing_value():
    column = one(np.where(np.arange(40) < 5, np.nan, MIXED).tolist())
    assert column.missing == 5 and np.isfinite([column.center, column.scale, column.lowest]).all()


def test_number_statistics_are_those_of_numpy():
    column = one(MIXED)
    low, mid, high = np.quantile(MIXED, [0.25, 0.5, 0.75])
    assert (column.center, column.scale) == (mid, high - low)
    assert (column.lowest, column.highest) == (min(MIXED), max(MIXED))


def test_a_number_that_hardly_varies_still_has_a_scale():
    assert one([0.0] * 38 + [8.0, 10.0]).scale == 5.0
    assert one([4.0] * 30, kinds={"a": "number"}).scale == 1.0


def test_extremes_are_held_within_bounds():
    column = one([np.inf, -np.inf, 1e308, -1e308, *MIXED])
    assert (column.lowest, column.highest) == (-LARGEST, LARGEST)
    assert np.isfinite(one([1e308, -1e308] * 20).scale)


@pytest.mark.parametrize("scaling", ["robust", "quantile"])
@pytest.mark.parametrize("tiny", [5e-324, 1e-310, 1e-140, 1e-139])
def test_the_smallest_differences_overflow_nothing(tiny: float, scaling: str):
    schema, table = fitted({"a": [0.0, tiny, 2 * tiny, 3 * tiny] * 10 + [1e308, -1e308]}, scaling=scaling)
    assert np.isfinite(encode(schema, table).numbers).all()


def test_values_seen_once_share_the_unseen_place():
    column = one(["a"] * 10 + ["b"] * 12 + ["lone", "wolf"])
    assert column.values == ("b", "a") and column.rare == 2 and column.cardinality == 3
    two = one(["a"] * 10 + ["b"])
    assert two.values == ("a", "b") and two.rare == 0, "with two values alone each has its place"


def test_equally_frequent_values_have_one_order():
    values = ["c", "a", "b"] * 5
    assert one(values).values == one(values[::-1]).values == ("a", "b", "c")


@pytest.mark.parametrize(
    ("step", "count", "parts"),
    [
        (timedelta(seconds=7), 20, ("second",)),
        (timedelta(hours=1), 100, ("hour",)),
        (timedelta(hours=5), 100, ("hour", "weekday")),
        (timedelta(days=1), 100, ("weekday", "day")),
        (timedelta(days=7), 150, ("day", "month")),
        (timedelta(days=365.25), 10, ("hour", "weekday")),
    ],
)
def test_the_parts_of_time_that_repeat(step: timedelta, count: int, parts: tuple):
    column = one([START + step * i for i in range(count)])
    assert set(parts) <= set(column.parts)
    if step >= timedelta(days=1) and step != timedelta(days=365.25):
        assert not {"second", "minute", "hour"} & set(column.parts)


def test_time_statistics_are_in_seconds():
    column = one(HOURS)
    begin = (START - datetime(1970, 1, 1)).total_seconds()
    assert (column.lowest, column.highest) == (begin, begin + 99 * 3600)
    assert column.center == begin + 49.5 * 3600 and column.scale == pytest.approx(49.5 * 3600)


@pytest.mark.parametrize(
    ("values", "kind", "type_"),
    [
        ([1, 2, 3] * 10, "category", CategoryColumn),
        (list(range(30)), "number", NumberColumn),
        (list(range(30)), "category", CategoryColumn),
        ([f"K{i}" for i in range(30)], "category", CategoryColumn),
        (["same"] * 30, "category", CategoryColumn),
        (["1", "2", "x"] * 10, "number", NumberColumn),
        (["yes", "no"] * 10, "category", CategoryColumn),
        ([0, 1] * 15, "boolean", CategoryColumn),
        ([True, False] * 15, "boolean", CategoryColumn),
        ([2019, 2020, 2021] * 10, "category", CategoryColumn),
        (HOURS[:30], "datetime", TimeColumn),
        ([START] * 30, "datetime", TimeColumn),
        ([None] * 30, "category", CategoryColumn),
    ],
)
def test_a_forced_kind_is_taken(values: list, kind: str, type_: type):
    schema, table = fitted({"a": values, "b": MIXED[: len(values)]}, kinds={"a": kind})
    assert isinstance(schema.columns[0], type_) and schema.columns[0].why == "forced by --kind"
    encoded = encode(schema, table)
    assert np.isfinite(encoded.numbers).all() and (encoded.categories >= 0).all()


@pytest.mark.parametrize("kind", ["number", "datetime"])
def test_nothing_can_be_measured_where_there_is_no_value(kind: str):
    column = one([None] * 30, kinds={"a": kind})
    assert column.kind == "constant" and "lack a value" in column.why


def test_excluded_columns_are_left_out():
    schema, _ = fitted({"a": MIXED, "b": MIXED, "c": MIXED}, exclude=["b", "a"])
    assert [c.name for c in schema.used] == ["c"] and "--exclude" in schema.columns[0].why


def test_quantile_scaling_keeps_quantiles():
    column = one(MIXED, scaling="quantile")
    assert column.quantiles[0] == min(MIXED) and column.quantiles[-1] == max(MIXED)
    assert list(column.quantiles) == sorted(column.quantiles)
    assert not one(MIXED).quantiles


def test_an_unknown_name_offers_the_nearest():
    for options in ({"exclude": ["agee"]}, {"kinds": {"agee": "number"}}):
        with pytest.raises(InputError, match="no column called 'agee'") as error:
            fitted({"age": MIXED, "size": MIXED}, **options)
        assert "'age'" in error.value.fix and "agee" in error.value.got
    with pytest.raises(InputError) as error:
        fitted({f"c{i}": MIXED for i in range(30)}, exclude=["zzz"])
    assert "--exclude" in error.value.fix and error.value.wanted.endswith("…")


def test_an_unknown_kind_lists_the_kinds():
    with pytest.raises(InputError, match="no kind of column called 'colour'") as error:
        fitted({"a": MIXED}, kinds={"a": "colour"})
    assert "--kind a=colour" in error.value.got and "category" in error.value.wanted


@pytest.mark.parametrize("columns", [{"a": [1.0] * 30, "b": [f"K{i}" for i in range(30)]}, {"a": [None] * 3}])
def test_no_column_left_tells_why_each_went(columns: dict):
    with pytest.raises(InputError, match="No column is left") as error:
        fitted(columns)
    assert all(f"{name}: " in error.value.got for name in columns)


CELLS = st.none() | st.floats(allow_nan=True) | st.sampled_from([5e-324, -5e-324, 1e308, 1e-300, 0.0, -0.0, 3.0])
TEXTS = st.none() | st.text(max_size=3) | st.sampled_from(["a", "b", "c"])


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    rows=st.lists(st.tuples(CELLS, TEXTS, st.none() | st.datetimes(datetime(1800, 1, 1)), st.none() | st.booleans()),
                  min_size=1, max_size=30),
    scaling=st.sampled_from(["robust", "quantile"]),
)  # fmt: skip
def test_any_column_is_fed_as_finite_numbers_of_bounded_size(rows: list, scaling: str):
    columns = {name: list(values) for name, values in zip("nstb", zip(*rows, strict=True), strict=True)}
    try:
        schema, table = fitted(columns, scaling=scaling)
    except InputError:
        return
    encoded = encode(schema, table)
    assert encoded.numbers.shape == (len(rows), len(schema.number_features))
    assert np.isfinite(encoded.numbers).all() and np.abs(encoded.numbers).max(initial=0) <= 3.001
    assert (encoded.categories >= 0).all() and (encoded.categories < np.asarray(schema.cardinalities)).all()
    assert not encoded.gaps, "on its own training rows every gap has a place"
    again = Schema.model_validate_json(schema.model_dump_json())
    assert np.array_equal(encode(again, table).numbers, encoded.numbers), "JSON keeps every bit"
