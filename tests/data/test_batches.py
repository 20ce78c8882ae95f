"""The same seed gives the same order; every row once; seeking is as good as having been there."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from netwright.core.batch import Batch
from netwright.data.batches import Batches, rounded


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


def ragged(lengths: list[int], batch_size: int, draw: int | None = None) -> Batches:
    long = torch.tensor(lengths)
    values = torch.arange(1, len(lengths) + 1)[:, None] * (torch.arange(int(long.max())) < long[:, None])
    return Batches(
        inputs=(values, long),
        target=torch.arange(len(lengths)) * 100,
        fold=torch.full((len(lengths),), -1),
        rows=torch.arange(len(lengths)),
        batch_size=batch_size,
        lengths=(long, None),
        draw=draw,
    )


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.integers(1, 700), min_size=1, max_size=300),
    batch_size=st.integers(1, 20),
    seed=st.integers(0, 2**31),
    start=st.integers(0, 20),
)
def test_padding_is_cut_off_and_nothing_else(lengths: list, batch_size: int, seed: int, start: int):
    batches = ragged(lengths, batch_size)
    epoch = list(batches.epoch(seed))
    assert len(epoch) == batches.steps
    assert sorted(i for batch in epoch for i in ids(batch)) == list(range(len(lengths)))
    for batch in epoch:
        values, long = batch.inputs
        assert torch.equal((values > 0).sum(1), long), "no step is lost"
        assert values.shape[1] <= max(8, 2 * int(long.max()))
    again = [ids(batch) for batch in batches.epoch(seed, start)]
    assert again == [ids(batch) for batch in epoch][start:]


def test_rows_of_like_length_share_a_batch_and_shapes_are_few():
    lengths = torch.randint(1, 500, (2000,), generator=torch.Generator().manual_seed(0)).tolist()
    batches = ragged(lengths, 16)
    epoch = list(batches.epoch(0))
    shapes = {tuple(batch.inputs[0].shape) for batch in epoch}
    assert len(shapes) <= 14
    wasted = sum(batch.inputs[0].numel() for batch in epoch) / sum(lengths)
    assert wasted < 1.35
    firsts = [int(batch.inputs[1].max()) for batch in epoch]
    assert firsts != sorted(firsts), "batches come in no order of length"
    assert [ids(b) for b in epoch] != [ids(b) for b in batches.epoch(1)]


@pytest.mark.parametrize(
    ("length", "to"), [(1, 8), (8, 8), (9, 12), (25, 32), (32, 32), (33, 48), (65, 96), (513, 768)]
)
def test_a_length_is_rounded_up(length: int, to: int):
    assert rounded(length) == to


def test_an_epoch_may_draw_some_of_the_rows_others_each_time():
    batches = Batches(
        inputs=(torch.arange(100.0)[:, None],),
        target=torch.arange(100) * 100,
        fold=torch.full((100,), -1),
        rows=torch.arange(100),
        batch_size=8,
        draw=20,
    )
    first, second = ([i for b in batches.epoch(seed) for i in ids(b)] for seed in (0, 1))
    assert batches.steps == 3 and len(first) == len(set(first)) == 20 and set(first) != set(second)
