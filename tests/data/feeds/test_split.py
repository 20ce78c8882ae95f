"""A share of the rows validates; the rest trains; torch's stream is not touched."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from netwright.core.errors import InputError
from netwright.data.feeds.feed import feed
from netwright.data.feeds.split import split
from netwright.data.feeds.stream import Stream


class Rows(Dataset):
    """Rows that are read one by one."""

    def __len__(self):
        return 50

    def __getitem__(self, index):
        return index


def rows(data) -> list[int]:
    """The first leaf of every row, in order."""
    fed = feed(data, batch_size=7, shuffle=False, drop_last=False, device="cpu")
    first = [batch[0] if isinstance(batch, (tuple, list)) else batch for batch in fed.epoch(0)]
    return torch.cat(first).flatten().int().tolist()


def data(kind: str, folder: Path):
    if kind == "mapped":
        np.save(folder / "x.npy", np.arange(50.0))
        return (np.load(folder / "x.npy", mmap_mode="r"), torch.arange(50))
    numbers = torch.arange(50)
    every = {"tensor": numbers, "arrays": (numbers.numpy(), numbers.numpy()), "dataset": TensorDataset(numbers)}
    return every.get(kind, Rows())


@pytest.mark.parametrize("kind", ["tensor", "arrays", "dataset", "mapped", "rows"])
def test_the_same_rows_of_every_kind(kind: str, tmp_path: Path):
    state = torch.get_rng_state()
    train, validate = (rows(part) for part in split(data(kind, tmp_path), 0.2))
    assert torch.equal(torch.get_rng_state(), state)
    assert len(validate) == 10 and sorted(train + validate) == list(range(50))
    assert train == sorted(train) and validate == sorted(validate)
    assert validate == rows(split(torch.arange(50), 0.2)[1])
    assert validate != rows(split(torch.arange(50), 0.2, seed=1)[1])


def test_files_are_not_copied(tmp_path: Path):
    train, _ = split(data("mapped", tmp_path), 0.5)
    assert isinstance(feed(train, batch_size=7, shuffle=True, drop_last=False, device="cpu"), Stream)


def test_the_form_is_kept_and_the_rows_stay_together():
    train, validate = split(({"x": torch.arange(9)}, np.arange(9) * 2), 0.3)
    assert np.array_equal(train[0]["x"].numpy() * 2, train[1]) and len(validate[1]) == 3
    train, _ = split(type("Archive", (dict,), {})(x=torch.arange(9)), 0.3)
    assert len(train["x"]) == 6


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, 0.999])
def test_a_share_that_leaves_nothing(share: float):
    with pytest.raises(InputError, match="leaves nothing"):
        split(torch.arange(10), share)


@pytest.mark.parametrize("given", [DataLoader(Rows()), [(torch.ones(2),)], iter([]), lambda: iter([])])
def test_batches_can_not_be_divided(given):
    with pytest.raises(InputError, match="validation= data of its own"):
        split(given, 0.2)


def test_a_table():
    with pytest.raises(InputError, match="to_numpy"):
        split(pd.DataFrame({"a": [1, 2]}), 0.5)
