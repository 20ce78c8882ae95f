"""What is taken as data, and what is said of the rest."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from torch.utils.data import Dataset

from netwright.core.errors import InputError
from netwright.data.feeds import kinds
from netwright.data.feeds.feed import feed
from netwright.data.feeds.kinds import Part, stays
from netwright.data.feeds.resident import Resident
from netwright.data.feeds.stream import Stream
from tests.data.feeds.hand import same


def made(data, **options):
    return feed(data, **{"batch_size": 4, "shuffle": False, "drop_last": False, "device": "cpu"} | options)


@dataclass
class Pair:
    x: torch.Tensor
    y: torch.Tensor


def test_arrays_are_taken_without_a_copy_and_keep_their_type():
    x = np.arange(10.0).reshape(5, 2)
    resident = made((x, np.arange(5)))
    assert isinstance(resident, Resident) and resident.data[0].dtype == torch.float64
    x[0, 0] = 7.0
    assert resident.data[0][0, 0] == 7.0


def test_arrays_that_torch_can_not_share_are_copied():
    whole = np.arange(12.0).reshape(6, 2)
    frozen = whole.copy()
    frozen.flags.writeable = False
    fields = np.zeros(6, dtype=[("a", "<f8"), ("b", "u1")])
    data = (whole[::-1], frozen, whole.astype(">f4"), fields["a"], np.broadcast_to(np.float32(1), (6,)))
    resident = made(data)
    assert isinstance(resident, Resident)
    for tensor, array in zip(resident.data, data, strict=True):
        assert np.array_equal(tensor.numpy(), array)


def test_forms():
    x, y = torch.arange(6.0).view(6, 1), torch.arange(6)
    (first, _) = made(Pair(x, y)).epoch(0)
    assert isinstance(first, Pair) and torch.equal(first.y, y[:4])
    mapping = type("Archive", (dict,), {})(x=x)
    assert same(next(made(mapping).epoch(0))["x"], x[:4])


def test_an_archive_of_arrays(tmp_path: Path):
    np.savez(tmp_path / "data.npz", x=np.ones((5, 2)), y=np.arange(5))
    with np.load(tmp_path / "data.npz") as archive:
        first = next(made(archive).epoch(0))
    assert set(first) == {"x", "y"} and first["y"].tolist() == [0, 1, 2, 3]


def test_a_feed_is_given_back():
    own = SimpleNamespace(steps=1, draw=lambda: 0, epoch=lambda seed, start=0: iter([1]))
    assert made(own) is own
    resident = made(torch.ones(3))
    assert made(resident) is resident


def test_what_is_too_large_to_copy_is_read_where_it_lies(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kinds, "LARGE", 10)
    frozen = np.arange(20.0)
    assert isinstance(made(frozen), Resident)
    frozen.flags.writeable = False
    streamed = made(frozen)
    assert isinstance(streamed, Stream)
    assert torch.cat(list(streamed.epoch(0))).tolist() == list(range(20))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 200))
    assert stays(torch.ones(20), torch.device("cuda")) and not stays(torch.ones(10), torch.device("cuda"))


def test_some_rows_of_large_arrays():
    part = Part((np.arange(10), np.arange(10.0)), torch.tensor([1, 4, 9]))
    ((x, y),) = made(part).epoch(0)
    assert x.tolist() == [1, 4, 9] and y.tolist() == [1.0, 4.0, 9.0]


@pytest.mark.parametrize("size", [0, -3, 2.0, True, None])
def test_batch_size(size):
    with pytest.raises(InputError, match="batch_size must be"):
        made(torch.ones(3), batch_size=size)


def test_a_batch_larger_than_the_data_is_all_of_it():
    resident = made(torch.arange(3), batch_size=100)
    assert resident.steps == 1 and [b.tolist() for b in resident.epoch(0)] == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ((torch.ones(5, 2), {"mask": np.ones(4)}), r"data\[0\] has 5 rows, data\[1\]\['mask'\] has 4 rows"),
        (Pair(torch.ones(2), torch.ones(3)), r"data\.x has 2 rows, data\.y has 3 rows"),
        ((torch.ones(0, 2), torch.ones(0)), "empty"),
        ((), "empty"),
        ((torch.ones(5), torch.tensor(1.0)), r"data\[1\] is a single number"),
        (np.float32(1) * np.ones(()), "kind"),
        (np.array(1.0), "single number"),
        (np.array(["a", "b"]), "return_inverse"),
        (np.array([1, None], dtype=object), "astype"),
        (np.zeros(3, dtype="M8[s]"), "astype"),
        (np.zeros(3, dtype=[("a", "f4")]), "astype"),
        (np.ma.masked_less(np.arange(4), 2), "filled"),
        (torch.eye(3).to_sparse(), "to_dense"),
        (torch.nested.as_nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged), "padded"),
        ((torch.ones(3), None), r"data\[1\]"),
        ((torch.ones(3), [1.0, 2.0, 3.0]), r"data\[1\]\[0\]"),
        (pd.DataFrame({"a": [1, 2]}), "to_numpy"),
        ((pd.DataFrame({"a": [1, 2]}), pd.Series([1, 2])), "to_numpy"),
        (pl.DataFrame({"a": [1, 2]}), "to_numpy"),
        (SimpleNamespace(toarray=1), "can't be cut"),
        (type("Sparse", (), {"toarray": lambda self: 1})(), "toarray"),
        ("train.csv", "nw.train"),
        (Path("train.csv"), "nw.train"),
        (torch.nn.Linear(1, 1), "first argument"),
        (torch.nn.Sequential(torch.nn.Linear(1, 1)), "first argument"),
        (3, "numpy.asarray"),
        (None, "numpy.asarray"),
    ],
)
def test_what_is_not_taken_and_how_to_convert_it(data, match):
    with pytest.raises(InputError, match=match):
        made(data)


def test_a_dataset_without_a_length():
    with pytest.raises(InputError, match="__len__"):
        made(type("Endless", (Dataset,), {"__getitem__": lambda self, i: i})())


def test_anything_with_items_and_a_length_is_a_dataset():
    class Rows:
        def __len__(self):
            return 6

        def __getitem__(self, index):
            return torch.tensor([index])

    assert [b.flatten().tolist() for b in made(Rows()).epoch(0)] == [[0, 1, 2, 3], [4, 5]]
