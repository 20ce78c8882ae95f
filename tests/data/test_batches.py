"""The same seed gives the same order; every row once; seeking is as good as having been there."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from netwright.core.batch import Batch
from netwright.data.batches import Batches


def made(rows: list[int], batch_size: int, total: int = 40) -> Batches:
    return Batches(
        inputs=(torch.arange(total * 2.0).view(total, 2), torch.arange(total)[:, None] * 10),
        target=torch.arange(total) * 100,
        fold=torch.arange(total) % 3 - 1,
        rows=torch.tensor(rows),
        batch_size=batch_size,
    )


def ids(batch: Batch) -> list[int]:
    return (batch.target // 100).tolist()


CASES = {
    "rows": st.lists(st.integers(0, 39), min_size=1, max_size=40, unique=True),
    "batch_size": st.integers(1, 50),
    "seed": st.integers(0, 2**47),
}


@settings(max_examples=80, deadline=None, derandomize=True)
@given(**CASES)
def test_every_training_row_comes_once_and_whole(rows: list, batch_size: int, seed: int):
    batches = made(rows, batch_size)
    epoch = list(batches.epoch(seed))
    assert len(epoch) == batches.steps
    assert sorted(i for batch in epoch for i in ids(batch)) == sorted(rows)
    assert all(len(batch) == batch_size for batch in epoch[:-1]) and 1 <= len(epoch[-1]) <= batch_size
    for batch in epoch:
        at = torch.tensor(ids(batch))
        assert torch.equal(batch.inputs[0][:, 0], 2.0 * at) and torch.equal(batch.inputs[1][:, 0], 10 * at)
        assert torch.equal(batch.fold, at % 3 - 1)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(start=st.integers(0, 45), **CASES)
def test_seeking_equals_replaying(rows: list, batch_size: int, seed: int, start: int):
    batches = made(rows, batch_size)
    whole = [ids(batch) for batch in batches.epoch(seed)]
    assert [ids(batch) for batch in batches.epoch(seed, start)] == whole[start:]


def test_seeds_give_different_orders_and_leave_torchs_stream_alone():
    batches = made(list(range(40)), 40)
    before = torch.get_rng_state()
    orders = {tuple(ids(next(batches.epoch(seed)))) for seed in range(20)}
    assert len(orders) == 20 and torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("batch_size", [7, 40])
def test_the_order_is_that_of_the_data_loader(batch_size: int):
    data = TensorDataset(torch.arange(40))
    sampler = RandomSampler(data, generator=torch.Generator().manual_seed(11))
    theirs = [batch.tolist() for (batch,) in DataLoader(data, batch_size=batch_size, sampler=sampler)]
    assert [ids(batch) for batch in made(list(range(40)), batch_size).epoch(11)] == theirs


def test_all_training_rows_as_one_batch():
    assert ids(made([5, 3, 9], 2).training()) == [5, 3, 9]
