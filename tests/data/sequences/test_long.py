"""Long tables: rows of one id, in order, whatever order they came in."""

import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.sequences.long import from_long
from netwright.data.sources.read import read
from netwright.data.table import Table

ROWS = {
    "who": ["b", "b", "a", "a", "a", "b"],
    "step": [2, 1, 1, 2, 3, 3],
    "x": [20.0, 10.0, 1.0, 2.0, 3.0, 30.0],
    "z": [0.2, 0.1, 1.1, None, 1.3, 0.3],
    "kind": ["bee", "bee", "ay", None, "ay", "bee"],
    "word": ["p", "q", "r", "s", "t", "u"],
}


def table(**changed: object) -> Table:
    return read({**ROWS, **changed})


def told(found) -> str:
    return " ".join(str(notice) for notice in found.notices)


def test_steps_are_put_in_order_and_channels_beside_each_other():
    found = from_long(table(), id="who", target=["kind"])
    assert found.table["who"].to_list() == ["b", "a"] and found.table["kind"].to_list() == ["bee", "ay"]
    assert found.channels == ("x", "z") and found.order == "step" and found.id == "who"
    np.testing.assert_allclose(found.values[0], [[10, 0.1], [20, 0.2], [30, 0.3]], rtol=1e-6)
    np.testing.assert_allclose(found.values[1], [[1, 1.1], [2, np.nan], [3, 1.3]], rtol=1e-6)
    assert found.lengths.tolist() == [3, 3]
    assert "not in the order of 'step'" in told(found) and "'word'" in told(found)


def test_text_cells_numbers_as_ids_and_dates(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("id,when,v\n7,2024-01-02,1\n7,2024-01-01,2\n07,2024-01-01,3\n8,2024-01-05,4\n8,2024-01-06,5\n")
    found = from_long(read(path), id="id")
    assert found.table["id"].to_list() == ["7", "07", "8"] and found.order == "when"
    assert found.values[0, :, 0].tolist() == [2, 1] and found.lengths.tolist() == [2, 1, 2]


def test_what_is_odd_is_told():
    found = from_long(table(who=["b", None, "a", "a", "a", "b"], step=[1, 1, 2, 2, None, 3]), id="who")
    assert "1 row(s) have no 'who'" in told(found) and "first row 2" in told(found)
    assert "have the 'step' of another one" in told(found) and "have no 'step'" in told(found)
    assert found.values[1, :, 0].tolist() == [1, 2, 3]
    plain = from_long(table().without(["step"]), id="who", exclude=["z"])
    assert plain.order is None and plain.channels == ("x",) and "order of the file" in told(plain)
    assert plain.values[0, :, 0].tolist() == [20, 10, 30]
    beside = from_long(table(g=[1, 1, 2, 2, 2, 1]), id="who", beside=["g"])
    assert beside.table["g"].to_list() == [1, 2] and "g" not in beside.channels


def test_what_cannot_be():
    with pytest.raises(InputError, match="changes within") as caught:
        from_long(table(kind=["bee", "bee", "ay", "no", "ay", "bee"]), id="who", target=["kind"])
    assert "who a: ay, no" in str(caught.value)
    with pytest.raises(InputError, match="no column called"):
        from_long(table(), id="whom")
    with pytest.raises(InputError, match="no column called"):
        from_long(table(), id="who", target=["kin"])
    with pytest.raises(InputError, match="no column called"):
        from_long(table(), id="who", order="stop")
    with pytest.raises(InputError, match="lacks the columns"):
        from_long(table(), id="who", target=["kind"], exclude=["x", "z"])
    with pytest.raises(InputError, match="no row with a value"):
        from_long(table(who=[None] * 6), id="who")
    with pytest.raises(InputError, match="neither dates nor numbers"):
        from_long(table(), id="who", order="word")
