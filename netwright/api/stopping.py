"""When training ends before its last epoch: a deadline, a signal, or nothing better for long."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stop:
    """A wish to stop. The loop looks at it at step boundaries; nothing is ever cut in the middle."""

    deadline: float = float("inf")
    """In `time.monotonic` seconds."""
    signal: int = 0
    """The signal that asked for it; 0 where none did."""
    began: float = field(default_factory=time.monotonic)

    def spent(self) -> float:
        """The share of the time until the deadline that has gone; 0 without a deadline."""
        return (time.monotonic() - self.began) / max(1e-9, self.deadline - self.began)

    @property
    def reason(self) -> str:
        """Why to stop now, or "" where there is no reason."""
        if self.signal:
            return f"stopped by {signal.Signals(self.signal).name}"
        return "the time limit was reached" if time.monotonic() >= self.deadline else ""

    @property
    def exit_code(self) -> int:
        """What the shell expects of a process that was asked to stop: 130 for Ctrl-C, 143 for SIGTERM; else 0."""
        return 128 + self.signal if self.signal else 0


@contextmanager
def listening(stop: Stop) -> Iterator[Stop]:
    """While inside, Ctrl-C and SIGTERM set `stop.signal`; a second one leaves at once.

    Outside the main thread signals can't be heard, and nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def hear(number: int, frame: object) -> None:
        if stop.signal:
            os._exit(128 + number)
        stop.signal = number

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Deaf:
    """A `worker_init_fn`: a process that loads data leaves signals to the process that trains.

    Ctrl-C, and SIGTERM from a job scheduler, go to a whole group of processes; without its workers training could not
    come to the end of a step. A SIGTERM from the training process itself still ends a worker at once, where the system
    tells who sent it; elsewhere any does.
    """

    def __init__(self, own: Callable[[int], None] | None) -> None:
        self.own = own

    def __call__(self, worker: int) -> None:
        """Called in the worker, before it loads anything."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if hasattr(signal, "sigwaitinfo"):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            threading.Thread(target=_leave_when_parent_asks, daemon=True).start()
        if self.own is not None:
            self.own(worker)


def _leave_when_parent_asks() -> None:
    parent = multiprocessing.parent_process()
    while parent is not None and signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent.pid:
        pass
    os._exit(0)


@contextmanager
def deaf_workers(*loaders: Any) -> Iterator[None]:
    """While inside, workers that these DataLoaders start are deaf; anything else is passed over."""
    loaders = tuple(x for x in loaders if getattr(x, "num_workers", 0) and hasattr(x, "worker_init_fn"))
    before = [loader.worker_init_fn for loader in loaders]
    for loader, own in zip(loaders, before, strict=True):
        loader.worker_init_fn = Deaf(own)
    try:
        yield
    finally:
        for loader, own in zip(loaders, before, strict=True):
            loader.worker_init_fn = own
