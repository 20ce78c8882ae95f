"""Python values, one a row."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from netwright.data.sources.values import values_series

NOON = datetime(2020, 1, 1, 12)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None, 3], [1, None, 3]),
        ([1, 2.5, float("nan")], [1.0, 2.5, None]),
        ([Decimal("1.5"), np.float32(2)], [1.5, 2.0]),
        ([2**70, 1], [str(2**70), "1"]),
        ([True, None, np.True_], [True, None, True]),
        (["a", None], ["a", None]),
        (["a", float("nan")], ["a", None]),
        (["a", pd.NA, pd.NaT], ["a", None, None]),
        ([None, None], [None, None]),
        ([1, "x", 2.0, True], ["1", "x", "2", "true"]),
        ([date(2020, 1, 1), NOON], [datetime(2020, 1, 1), NOON]),
        ([NOON.replace(tzinfo=timezone(timedelta(hours=2)))], [datetime(2020, 1, 1, 10)]),
        ([pd.Timestamp("2020-01-01 12:00", tz="UTC"), np.datetime64("2020-01-01T12:00")], [NOON, NOON]),
        ([timedelta(minutes=1), np.timedelta64(1500, "ms")], [60.0, 1.5]),
        ([["a", "b"], ("c",), [], None], ["a|b", "c", "", None]),
        ([{"b", "a"}], ["a|b"]),
        ([pd.Period("2020-01", "M")], ["2020-01"]),
        ([NOON.replace(tzinfo=UTC), "x"], ["2020-01-01T12:00:00+00:00", "x"]),
    ],
)
def test_values(values: list, expected: list) -> None:
    assert values_series("a", values, "t").to_list() == expected
