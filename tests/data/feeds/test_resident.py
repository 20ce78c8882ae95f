"""Batches by index are those of a DataLoader, bit for bit, and so is what they take from torch's stream."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from netwright.data.feeds.feed import feed
from netwright.data.feeds.resident import Resident
from tests.data.feeds.hand import by_feed, repeats, same, seeks

OPTIONS = {
    "rows": st.integers(1, 40),
    "batch_size": st.integers(1, 50),
    "shuffle": st.booleans(),
    "drop_last": st.booleans(),
}


def data(rows: int) -> list[torch.Tensor]:
    return [torch.arange(rows * 3.0).view(rows, 3), torch.arange(rows)]


@settings(max_examples=60)
@given(**OPTIONS)
def test_the_same_batches_and_draws_as_a_loader(rows: int, batch_size: int, shuffle: bool, drop_last: bool):
    drop_last = drop_last and batch_size <= rows
    options = {"batch_size": batch_size, "shuffle": shuffle, "drop_last": drop_last}
    loader = DataLoader(TensorDataset(*data(rows)), **options)
    resident = feed(TensorDataset(*data(rows)), device="cpu", **options)
    assert isinstance(resident, Resident) and resident.steps == len(loader)
    repeats(loader, resident)


@settings(max_examples=15)
@given(**OPTIONS)
def test_the_tail_from_every_batch_on(rows: int, batch_size: int, shuffle: bool, drop_last: bool):
    drop_last = drop_last and batch_size <= rows
    seeks(feed(tuple(data(rows)), batch_size=batch_size, shuffle=shuffle, drop_last=drop_last, device="cpu"))


@pytest.mark.parametrize("shuffle", [True, False])
def test_what_a_compiled_step_needs(shuffle: bool):
    x, y = data(10)
    resident = feed((x, y), batch_size=4, shuffle=shuffle, drop_last=False, device="cpu")
    seed = resident.draw()
    order = resident.order(seed)
    assert order.shape == (10,) and order.dtype == torch.int64 and sorted(order.tolist()) == list(range(10))
    assert (resident.rows, resident.batch_size, resident.drop_last) == (10, 4, False)
    assert same(resident.data, (x, y))
    assert same([resident.at(rows) for rows in order.split(4)], list(resident.epoch(seed)))


@pytest.mark.parametrize(
    "form",
    [
        lambda x, y: x,
        lambda x, y: (x,),
        lambda x, y: (x, x, y),
        lambda x, y: ((x, x), y),
        lambda x, y: ({"a": x, "b": [x, y]}, y),
        lambda x, y: {"x": x, "y": y},
    ],
)
def test_a_batch_has_the_form_of_the_data(form):
    x, y = data(7)
    resident = feed(form(x, y), batch_size=4, shuffle=False, drop_last=False, device="cpu")
    assert same(list(resident.epoch(0)), [form(x[:4], y[:4]), form(x[4:], y[4:])])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.float64, torch.bfloat16, torch.complex64])
def test_types_and_strides_are_those_of_the_loader(dtype: torch.dtype):
    images = torch.arange(10 * 3 * 4 * 4).view(10, 3, 4, 4).to(dtype).to(memory_format=torch.channels_last)
    dataset = TensorDataset(images, images.transpose(1, 3))
    repeats(
        DataLoader(dataset, 4, shuffle=True), feed(dataset, batch_size=4, shuffle=True, drop_last=False, device="cpu")
    )


@pytest.mark.parametrize("shuffle", [True, False])
def test_what_is_done_to_a_batch_in_place_never_reaches_the_data(shuffle: bool):
    x, y = data(6)
    resident = feed((x, y), batch_size=6, shuffle=shuffle, drop_last=False, device="cpu")
    for batch, _ in by_feed(resident)[0]:
        batch[0].zero_()
    assert torch.equal(x, data(6)[0])


def test_an_order_longer_than_is_cut_at_once():
    resident = feed(torch.arange(2500), batch_size=1, shuffle=True, drop_last=False, device="cpu")
    seed = resident.draw()
    assert torch.cat(list(resident.epoch(seed))).tolist() == resident.order(seed).tolist()
