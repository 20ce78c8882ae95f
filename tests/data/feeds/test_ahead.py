"""Made on a thread: the same items in the same order, no more than asked for, and nothing left behind."""

import random
import threading
import time

import numpy as np
import pytest
import torch

from netwright.data.feeds.ahead import ahead, chunks, prefetched


def failing(count: int):
    yield from range(count)
    raise OSError("the disk is gone")


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "netwright-ahead"]


def test_the_same_items_in_the_same_order():
    assert list(ahead(iter(range(50)))) == list(range(50))
    assert list(prefetched(lambda: iter(range(50)))) == list(range(50))
    assert list(prefetched(lambda: iter([]))) == [] and not threads()


@pytest.mark.parametrize("make", [lambda: ahead(failing(5)), lambda: prefetched(lambda: failing(5))])
def test_an_error_comes_after_the_items_before_it(make):
    got = []
    with pytest.raises(OSError, match="disk"):
        for item in make():
            got.append(item)
    assert got == list(range(5)) and not threads()


def test_no_more_is_made_than_there_is_room_for():
    made = []
    items = ahead((made.append(i) or i for i in range(100)), depth=2)
    next(items)
    time.sleep(0.05)
    assert len(made) <= 4
    items.close()
    assert not threads() and len(made) <= 4


def test_whoever_stops_early_or_raises_leaves_no_thread():
    def consumer():
        for item in prefetched(lambda: iter(range(10_000))):
            if item == 3:
                raise KeyError(item)

    with pytest.raises(KeyError):
        consumer()
    assert not threads()
    items = ahead(iter(range(10)))
    next(items)
    del items
    assert not threads()


@pytest.mark.parametrize("draw", [lambda: torch.rand(1).item(), random.random, np.random.rand])
def test_what_draws_is_made_in_the_order_of_the_steps(draw):
    def drawing():
        for _ in range(20):
            yield threading.current_thread().name, draw()

    torch.manual_seed(1), random.seed(1), np.random.seed(1)
    wanted = [(item, draw()) for item in drawing()]
    torch.manual_seed(1), random.seed(1), np.random.seed(1)
    assert [(item, draw()) for item in prefetched(drawing)] == wanted


def test_what_is_skipped_gives_back_what_it_drew():
    def drawing():
        for i in range(5):
            yield i, torch.rand(1).item()

    torch.manual_seed(1)
    wanted = list(drawing())
    torch.manual_seed(1)
    torch.rand(3)
    assert list(prefetched(drawing, 3)) == wanted[3:]


def test_a_chunk_is_bounded_in_number_bytes_and_time():
    assert [len(c) for c in chunks(iter(range(20)), seconds=9, count=8)] == [8, 8, 4]
    assert [len(c) for c in chunks((torch.zeros(100) for _ in range(5)), seconds=9, size=800)] == [2, 2, 1]
    assert [len(c) for c in chunks(iter(range(3)), seconds=0)] == [1, 1, 1]
