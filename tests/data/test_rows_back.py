"""Numbers back to rows: the other way round of `encode`."""

import numpy as np
import pytest

from netwright.data.cells.celltypes import infer_types
from netwright.data.conform import read_cells
from netwright.data.encode import encode
from netwright.data.rows_back import parted, rows_back
from netwright.data.schema import fit_schema
from netwright.data.sources.read import read
from netwright.data.table import Table


def made(scaling: str = "robust") -> tuple[Table, object]:
    random = np.random.default_rng(0)
    table = read(
        {
            "size": np.append(random.normal(50, 20, 99), np.nan),
            "rooms": random.integers(1, 6, 100),
            "city": random.choice(["Oslo", "Rome", "Bern"], 100).tolist(),
            "day": [f"2024-0{1 + i % 9}-1{i % 7} 10:00" for i in range(100)],
        }
    )
    types, _ = infer_types(table)
    table, _ = read_cells(table, types)
    return table, fit_schema(table, types, scaling=scaling)


def test_rows_come_back_as_they_were():
    table, schema = made()
    encoded = encode(schema, table)
    back = rows_back(schema, encoded.numbers, encoded.categories)
    assert back.columns == table.columns and back.rows == table.rows
    assert back["city"].to_list() == table["city"].to_list() and back["rooms"].to_list() == table["rooms"].to_list()
    size, was = back["size"], table["size"]
    assert np.isnan(was.to_numpy()[-1]) and size[-1] is None
    assert np.allclose(size.to_numpy()[:-1].astype(float), was.to_numpy()[:-1], rtol=1e-4, atol=0.01)
    seconds = [abs((a - b).total_seconds()) for a, b in zip(back["day"], table["day"], strict=True)]
    assert max(seconds) < 60


def test_quantiles_come_back_too():
    table, schema = made("quantile")
    encoded = encode(schema, table)
    back = rows_back(schema, encoded.numbers, encoded.categories)["size"].to_numpy()[:-1].astype(float)
    was = table["size"].to_numpy()[:-1]
    assert np.corrcoef(back, was)[0, 1] > 0.999


@pytest.mark.parametrize("far", [-100.0, 100.0, 3.0, -3.0])
def test_what_lies_beyond_training_ends_at_its_edge(far: float):
    _, schema = made()
    numbers = np.full((1, len(schema.number_features)), far)
    back = rows_back(schema, numbers, np.full((1, 1), 999))
    rooms = back["rooms"][0]
    assert rooms == (5 if far > 0 else 1) and back["city"][0] is None


def test_flat_vectors_are_parted():
    _, schema = made()
    count = len(schema.number_features)
    flat = np.zeros((2, count + 4))
    flat[0, count + 2] = flat[1, count + 1] = 1
    numbers, categories = parted(flat, schema, 256)
    assert numbers.shape == (2, count) and categories.tolist() == [[2], [1]]
