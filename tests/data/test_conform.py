"""Later tables are read as the training table was; what does not fit is named."""

import pytest

from netwright.core.cells import CellType
from netwright.core.errors import InputError
from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import conform, read_cells
from netwright.data.schema import fit_schema
from netwright.data.sources.read import read

COLUMNS = {"age": [20.5 + i for i in range(30)], "city": ["a", "b", "c"] * 10, "id": [f"K{i}" for i in range(30)]}


def schema_of(columns: dict):
    table = read(columns)
    types, _ = infer_types(table)
    return fit_schema(read_cells(table, types)[0], types)


def test_a_lacking_column_is_named():
    schema = schema_of(COLUMNS)
    with pytest.raises(InputError, match="lacks 2 of the columns") as error:
        conform(schema, read({"town": ["a"], "id": ["x"]}))
    assert error.value.wanted == "'age', 'city'" and "'town'" in error.value.got


def test_columns_the_network_does_not_see_may_lack_and_new_ones_may_come():
    table, notices = conform(schema_of(COLUMNS), read({"new": ["?"], "city": ["z"], "age": ["3"]}))
    assert table["age"].to_list() == [3.0] and table["city"].to_list() == ["z"] and not notices


def test_long_lists_are_cut():
    schema = schema_of({f"c{i}": COLUMNS["age"] for i in range(30)})
    with pytest.raises(InputError, match="lacks 30") as error:
        conform(schema, read({f"d{i}": [1.0] for i in range(30)}))
    assert error.value.wanted.endswith("…") and error.value.got.endswith("…")


def test_unreadable_cells_become_missing_with_a_notice():
    table, (notice,) = read_cells(read({"a": ["1", "2", "x", "3", "y"]}), {"a": CellType(kind="number")})
    assert table["a"].to_list() == [1.0, 2.0, None, 3.0, None]
    assert "2 cell(s) of 'a'" in notice.what and "'x'" in notice.what and "3, 5" in notice.what
    assert "--kind a=category" in notice.fix and notice.column == "a"


@pytest.mark.parametrize("cells", [["x", "y", "w", "1"], ["x", "y", "x"], ["x", None, "y", "z", "2", "3"]])
def test_a_column_of_which_most_is_unreadable_is_another_file(cells: list):
    with pytest.raises(InputError, match="Most cells of column 'a'") as error:
        read_cells(read({"a": cells}), {"a": CellType(kind="number")})
    assert "'x'" in error.value.got and "numbers" in error.value.wanted and "'a' as plain numbers" in error.value.fix


@pytest.mark.parametrize("cells", [["x"], ["x", "y"]])
def test_a_row_alone_is_read_as_it_is_among_others(cells: list):
    table, notices = read_cells(read({"a": cells}), {"a": CellType(kind="number")})
    assert table["a"].null_count() == len(cells) and len(notices) == 1


def test_half_is_not_most():
    table, notices = read_cells(read({"a": ["x", "1", "2", "y"]}), {"a": CellType(kind="number")})
    assert table["a"].null_count() == 2 and len(notices) == 1


def test_an_empty_column_counts_as_missing():
    table, notices = conform(schema_of(COLUMNS), read({"age": [None, None], "city": [None, "a"]}))
    assert table["age"].null_count() == 2 and not notices
