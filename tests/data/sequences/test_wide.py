"""Wide tables: a row is a sequence, its columns of numbers the steps."""

import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.sequences.wide import from_wide
from netwright.data.sources.read import read

ROWS = {
    "id": [1, 2, 3],
    "kind": ["a", "b", "a"],
    "t0": [1.0, 2.0, 3.0],
    "t1": [4.0, None, None],
    "t2": [5.0, 6.0, None],
}


def test_columns_are_steps_and_empty_ends_are_past_the_end():
    found = from_wide(read(ROWS), target=["kind"])
    assert found.channels == ("value",) and found.lengths.tolist() == [3, 3, 1]
    np.testing.assert_array_equal(found.values[:, :, 0], [[1, 4, 5], [2, np.nan, 6], [3, np.nan, np.nan]])
    assert found.table.columns == ["sequence", "id", "kind"]
    told = " ".join(map(str, found.notices))
    assert "'id' numbers the rows" in told and "'t0' to 't2'" in told
    assert from_wide(read(ROWS), ["kind"], exclude=["t2"], beside=["t1"]).values.shape == (3, 1, 1)


def test_what_cannot_be():
    with pytest.raises(InputError, match="no column called"):
        from_wide(read(ROWS), target=["t9"])
    with pytest.raises(InputError, match="no columns of numbers"):
        from_wide(read({"a": ["x", "y"], "b": ["z", "w"]}), target=["a"])
