"""Arrays, tensors and dicts of columns."""

import numpy as np
import polars as pl
import pytest
import torch

from netwright.core.errors import InputError, InputTypeError
from netwright.data.sources.read import read


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1, 2], [3, 4]], dtype=dtype)
        for dtype in ("i1", "u2", ">i4", "i8", "f2", ">f4", "f8", "g", "O", "U3", "S3")
    ],
)
def test_element_types(array: np.ndarray) -> None:
    table = read(array)
    assert table.columns == ["x0", "x1"]
    assert [float(v) for v in table["x1"]] == [2, 4]


def test_other_shapes_and_kinds() -> None:
    assert read(np.array([1.0, np.nan]))["x0"].to_list() == [1.0, None]
    assert read(np.asfortranarray(np.ones((3, 2))))["x1"].to_list() == [1.0] * 3
    assert read(np.ma.masked_array([[1, 2]], [[False, True]])).frame.rows() == [(1, None)]
    record = np.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("s", "U1")])
    assert read(record).frame.to_dict(as_series=False) == {"n": [1, 2], "s": ["a", "b"]}
    times = read({"t": np.array(["2020-01-01", "NaT"], "M8[D]"), "d": np.array([90, "NaT"], "m8[s]")})
    assert times["t"].dtype == pl.Datetime("us") and times["t"].null_count() == 1
    assert times["d"].to_list() == [90.0, None]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool])
def test_tensors(dtype: torch.dtype) -> None:
    tensor = torch.tensor([[0, 1], [1, 0]]).to(dtype)
    assert [[float(v) for v in row] for row in read(tensor).frame.rows()] == [[0, 1], [1, 0]]
    assert read({"a": tensor[0], "b": [1, "x"]}).rows == 2


def test_tensor_with_gradient() -> None:
    assert read(torch.nn.Parameter(torch.ones(3, 1))).rows == 3


@pytest.mark.parametrize(
    ("source", "word"),
    [
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        (np.ones(()), "0 dimensions"),
        (np.zeros((0, 3)), "no rows"),
        (np.zeros((3, 0)), "no columns"),
        (np.ones((2, 2)) * 1j, "Complex data not supported"),
        (torch.ones(2, 2) * 1j, "Complex data not supported"),
        ({"a": [1, 2j]}, "Complex data not supported"),
        ({"a": [1, 2], "b": [1, 2], "c": [1]}, "'c' has 1; the other 2 have 2"),
        ({}, "no columns"),
        ({"a": []}, "no rows"),
        ({"a": [1], 1: [2], "1": [3]}, "same name"),
        ({"a": [b"x"]}, "Decode 'a'"),
    ],
)
def test_refused(source: object, word: str) -> None:
    with pytest.raises(InputError, match=word):
        read(source)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ({"a": "text"}, "'a' is not a column"),
        ({"a": np.zeros((2, 2))}, r"shape \(2, 2\)"),
        ({"a": 3}, "'a' is not a column"),
        ({"a": [1, object()]}, "'a', row 2"),
        (torch.eye(2).to_sparse(), "to_dense"),
    ],
)
def test_refused_by_type(source: object, word: str) -> None:
    with pytest.raises(InputTypeError, match=word):
        read(source)
