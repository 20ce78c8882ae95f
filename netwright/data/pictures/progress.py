"""Words said while pictures are decoded."""

import time
from collections.abc import Callable
from threading import Lock

from netwright.core.notice import Notice

PATIENCE = 5.0
"""Seconds between words of progress."""

Watch = Callable[[Notice], object]


class Progress:
    """Says every few seconds how far decoding is. Threads may share it."""

    def __init__(self, total: int, watch: Watch | None) -> None:
        self.total, self.watch, self.done = total, watch, 0
        self.began = self.said = time.perf_counter()
        self.lock = Lock()

    def add(self, count: int) -> None:
        """So many more are done."""
        with self.lock:
            self.done += count
            now = time.perf_counter()
            if self.watch is not None and now - self.said > PATIENCE:
                self.said = now
                rate = self.done / (now - self.began)
                self.watch(Notice(what=f"{self.done:,} of {self.total:,} pictures decoded, {rate:,.0f} a second"))
