"""Items made on a background thread, a few ahead of whoever takes them."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from queue import SimpleQueue
from threading import Thread, current_thread
from typing import Any

from netwright.core.trees import leaves
from netwright.data.feeds.streams import Streams

GRACE = 5.0
"""Seconds a thread is given to finish the item it is making when nobody wants more."""


def ahead(items: Iterator[Any], depth: int = 2) -> Generator[Any, None, None]:
    """The same items in the same order, at most `depth` of them waiting.

    An error while making one is raised here after those before it. When this is closed, the thread is over.
    """
    ready: SimpleQueue = SimpleQueue()
    # Empty places, one token each: a queue written in C, where a semaphore is written in Python.
    room: SimpleQueue = SimpleQueue()
    for _ in range(depth):
        room.put(None)
    wanted = [True]

    def work() -> None:
        try:
            room.get()
            for item in items:
                if not wanted:
                    return
                ready.put((item, True, None))
                room.get()
                if not wanted:
                    return
            ready.put((None, False, None))
        except BaseException as error:  # whatever it is, it belongs to whoever waits
            ready.put((None, False, error))

    thread = Thread(target=work, name="netwright-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, more, error = ready.get()
            if not more:
                break
            room.put(None)
            yield item
            del item
        if error is not None:
            raise error
    finally:
        wanted.clear()
        room.put(None)
        # A collection of garbage may close this on the very thread it would wait for.
        if thread is not current_thread():
            thread.join(GRACE)


def prefetched(make: Callable[[], Iterator[Any]], start: int = 0) -> Iterator[Any]:
    """The items of `make()` from number `start` on, made on a thread.

    Where making them draws from a process-wide stream of random numbers they are made here instead, one at a time: a
    thread would mix its draws with the module's, in another way each time. The items before `start` are made and
    dropped, and what they drew is put back, because the one who goes on in the middle has restored the streams.
    """
    before = Streams.now()
    items = make()
    skipped = sum(1 for _ in islice(items, start))
    head = list(islice(items, 1)) if not start and skipped == start else []
    inline = before.moved()
    if start:
        before.restore()
    yield from head
    del head
    if inline:
        yield from items
        return
    with closing(ahead(chunks(items))) as several:
        for chunk in several:
            yield from chunk


def chunks(items: Iterator[Any], seconds: float = 2e-3, count: int = 16, size: int = 1 << 20) -> Iterator[list[Any]]:
    """Items in lists that took `seconds` to make, or hold `count` items or `size` bytes.

    Handing over from thread to thread has its price, so small batches that are quickly made travel together.
    """
    chunk: list[Any] = []
    held, began = 0, time.perf_counter()
    try:
        for item in items:
            chunk.append(item)
            held += sum(x.nbytes for x in leaves(item))
            if len(chunk) >= count or held >= size or time.perf_counter() - began >= seconds:
                yield chunk
                chunk, held, began = [], 0, time.perf_counter()
    except Exception:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk
