"""Frames of pandas, polars and pyarrow."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from netwright.core.errors import InputError, InputTypeError
from netwright.data.sources.read import read


def test_pandas_types() -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", None],
            "object": pd.Series([1, "x"], dtype=object),
            "category": pd.Categorical(["u", None]),
            "codes": pd.Categorical([3, 4]),
            "nullable": pd.array([2**60 + 1, None], dtype="Int64"),
            "float": [1.5, np.nan],
            "nullable float": pd.array([1.5, None], dtype="Float32"),
            "boolean": pd.array([True, None], dtype="boolean"),
            "bool": [True, False],
            "day": pd.to_datetime(["2020-01-01", None]),
            "zoned": pd.to_datetime(["2020-01-01", None]).tz_localize("Europe/Berlin"),
            "span": pd.to_timedelta([1, None], "m"),
            "python": pd.Series(["a", None], dtype="string[python]"),
        }
    )
    table = read(frame)
    assert not table.notices
    assert table.frame.to_dict(as_series=False) == {
        "text": ["a", None],
        "object": ["1", "x"],
        "category": ["u", None],
        "codes": ["3", "4"],
        "nullable": [2**60 + 1, None],
        "float": [1.5, None],
        "nullable float": [1.5, None],
        "boolean": [True, None],
        "bool": [True, False],
        "day": [datetime(2020, 1, 1), None],
        "zoned": [datetime(2019, 12, 31, 23), None],
        "span": [60.0, None],
        "python": ["a", None],
    }


def test_pandas_index() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3]})
    assert not read(frame).notices
    assert "index" in str(read(frame[frame.a > 1]).notices[0])
    assert "'a'" in str(read(frame.assign(b=1).set_index("a")).notices[0])


def test_pandas_labels() -> None:
    assert read(pd.DataFrame([[1, 2]])).columns == ["0", "1"]
    with pytest.raises(InputError, match="'a' in columns 1, 2"):
        read(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="several levels"):
        read(pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])))


def test_series() -> None:
    assert read(pd.Series([1, 2], name="a")).columns == ["a"]
    assert read(pl.Series([1, 2])).columns == ["x0"]


def test_polars_types() -> None:
    frame = pl.DataFrame(
        {
            "category": pl.Series(["a", None], dtype=pl.Categorical),
            "enum": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
            "decimal": [Decimal("1.5"), None],
            "day": [date(2020, 1, 1), None],
            "clock": [time(12), None],
            "span": [timedelta(seconds=90), None],
            "list": [["a", None, "b"], None],
            "array": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)),
            "nothing": [None, None],
            "nan": [float("nan"), 1.0],
            "object": pl.Series([{1}, {2}], dtype=pl.Object).map_elements(lambda s: 1, return_dtype=pl.Int64),
        }
    )
    assert read(frame).frame.to_dict(as_series=False) == {
        "category": ["a", None],
        "enum": ["a", "b"],
        "decimal": [1.5, None],
        "day": [date(2020, 1, 1), None],
        "clock": ["12:00:00", None],
        "span": [90.0, None],
        "list": ["a|b", None],
        "array": ["1|2", "3|4"],
        "nothing": [None, None],
        "nan": [None, 1.0],
        "object": [1, 1],
    }


@pytest.mark.parametrize("values", [[{"b": 1}], [[1.5, 2.5]], [b"x"], [[["a"]]]])
def test_columns_that_are_no_cells(values: list) -> None:
    with pytest.raises(InputError, match="'a'"):
        read(pl.DataFrame({"a": values}))


def test_other_frames() -> None:
    assert read(pa.table({"a": [1, None], "b": ["x", "y"]})).frame.rows() == [(1, "x"), (None, "y")]
    with pytest.raises(InputTypeError, match="collect"):
        read(pl.LazyFrame({"a": [1]}))
    with pytest.raises(InputError, match="no rows"):
        read(pd.DataFrame({"a": []}))
