"""The bundled data sets are what their records say."""

import pytest

from netwright.data.cells.celltypes import convert, infer_types
from netwright.data.sources.bundled import DATASETS
from netwright.data.sources.read import read


@pytest.mark.parametrize("name", DATASETS)
def test_record(name: str) -> None:
    info, table = DATASETS[name], read(name)
    assert (table.rows, len(table.columns)) == (info.rows, info.columns)
    assert info.target in table.columns
    assert info.licence and info.origin and info.about
    types, _ = infer_types(table)
    converted, problems = convert(table, types)
    assert not problems
    kind = "string" if info.target in ("species", "cultivar", "diagnosis") else "number"
    assert types[info.target].kind == kind
    assert not converted[info.target].null_count()


def test_sorted_and_missing_values_survive() -> None:
    assert list(DATASETS) == sorted(DATASETS)
    assert read("penguins")["sex"].null_count() > 5
    assert set(read("wine")["cultivar"]) == {"class_0", "class_1", "class_2"}
