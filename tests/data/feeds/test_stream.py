"""Files give the batches that memory gives."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netwright.data.feeds import stream
from netwright.data.feeds.feed import feed
from netwright.data.feeds.order import Order
from netwright.data.feeds.stream import Stream
from tests.data.feeds.hand import by_feed, same, seeks


def mapped(folder: Path, array: np.ndarray, name: str = "x") -> np.memmap:
    np.save(folder / f"{name}.npy", array)
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def made(data, batch_size: int = 4, shuffle: bool = True, drop_last: bool = False):
    return feed(data, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last, device="cpu")


def agree(one, other, epochs: int = 2) -> None:
    torch.manual_seed(3)
    wanted, state = by_feed(one, epochs), torch.get_rng_state()
    torch.manual_seed(3)
    assert same(by_feed(other, epochs), wanted) and torch.equal(torch.get_rng_state(), state)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 60),
    batch_size=st.integers(1, 20),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    width=st.sampled_from([1, 3, 200]),
    block=st.sampled_from([1, 200, 4 << 20]),
)
def test_the_batches_of_a_resident(tmp_path, rows, batch_size, shuffle, drop_last, width, block):
    drop_last = drop_last and batch_size <= rows
    x, y = np.arange(rows * width, dtype=np.float32).reshape(rows, width), np.arange(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "BLOCK_BYTES", block)
        streamed = made((mapped(tmp_path, x), {"y": mapped(tmp_path, y, "y")}), batch_size, shuffle, drop_last)
    assert isinstance(streamed, Stream)
    agree(made((x, {"y": y}), batch_size, shuffle, drop_last), streamed)
    assert streamed.steps == len(list(streamed.epoch(0)))


@pytest.mark.parametrize("width", [2, 300])
@pytest.mark.parametrize("block", [1, 4 << 20])
def test_the_tail_from_every_batch_on(tmp_path, monkeypatch, width, block):
    monkeypatch.setattr(stream, "BLOCK_BYTES", block)
    seeks(made(mapped(tmp_path, np.arange(23 * width, dtype=np.int16).reshape(23, width))))


@pytest.mark.parametrize("dtype", ["u1", "?", "<f8", ">f8", ">i4", "<f2", ">u2", "c8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_types_are_kept_and_every_byte_order_and_layout_is_read(tmp_path, dtype, order):
    array = np.asarray(np.arange(60).reshape(20, 3) % 2, dtype=dtype, order=order)
    assert made(mapped(tmp_path, array)).arrays.dtype == np.dtype(dtype)
    agree(made(array), made(mapped(tmp_path, array)))


def test_an_array_that_begins_at_an_odd_byte(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"abc" + np.arange(40, dtype=np.float32).tobytes())
    array = np.memmap(tmp_path / "x.bin", dtype=np.float32, mode="r", offset=3, shape=(20, 2))
    agree(made(np.arange(40, dtype=np.float32).reshape(20, 2)), made(array))


def test_a_part_or_a_view_of_a_file_is_one_too(tmp_path):
    array = mapped(tmp_path, np.arange(60.0).reshape(20, 3))
    for part in (array[3:], array[::2], np.asarray(array)[::-1], array[:, 0]):
        assert isinstance(made(part), Stream)
        agree(made(part.copy()), made(part))


def test_tensors_and_chosen_rows():
    x = torch.arange(40.0).view(20, 2)
    chosen = torch.tensor([1, 5, 7, 8, 19])
    cpu = torch.device("cpu")
    streamed = Stream((x,), batch_size=2, drop_last=False, order=Order(5, True), device=cpu, chosen=chosen)
    agree(made((x[chosen],), 2), streamed)


def test_no_thread_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "BLOCK_BYTES", 1)
    streamed = made(mapped(tmp_path, np.arange(100.0)))
    before = threading.active_count()
    batches = streamed.epoch(1)
    next(batches)
    assert threading.active_count() == before + 1
    batches.close()
    assert threading.active_count() == before
    assert len(list(streamed.epoch(1))) == 25 and threading.active_count() == before
