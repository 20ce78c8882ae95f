"""What is written is read again as it was."""

from pathlib import Path

import pytest

from netwright.core.errors import InputError
from netwright.data.cells.celltypes import convert, infer_types
from netwright.data.sources.read import read
from netwright.data.write import WRITERS, to_bytes

COLUMNS = {"name": ["a,b", 'q"q', "line\nbreak", None, "é\t"], "value": [1.5, -2.0, None, 1e300, 0.1]}


@pytest.mark.parametrize("ending", [*WRITERS, ".CSV"])
def test_round_trip(tmp_path: Path, ending: str):
    path = tmp_path / f"answers{ending}"
    path.write_bytes(to_bytes(read(COLUMNS), path.name))
    table = read(path)
    table, _ = convert(table, infer_types(table)[0])
    assert table.columns == ["name", "value"] and table["value"].to_list() == COLUMNS["value"]
    names = [None if v is None else v.strip() for v in table["name"].to_list()]
    assert names == [None if v is None else v.strip() for v in COLUMNS["name"]]


@pytest.mark.parametrize("name", ["answers", "answers.xlsx", "csv", "answers.csv.gz"])
def test_an_ending_that_cannot_be_written(name: str):
    with pytest.raises(InputError, match="ending") as error:
        to_bytes(read(COLUMNS), name)
    assert error.value.got == name and ".csv" in error.value.wanted
