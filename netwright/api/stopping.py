"""When training ends before its last epoch: a deadline, a signal, or nothing better for long."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


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
