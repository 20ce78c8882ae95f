"""The batches of a running epoch, wherever the runners before left off."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from netwright.engine.job import Job, Position


class Cursor:
    """Hands out the batches of each step. A step that was run from elsewhere is sought past, never replayed."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.batches: Iterator[Any] = iter(())
        self.stands: tuple[int, int, int] | None = None
        self.unseen = True
        self.latest: Any = None
        """The last batch that was handed out: what a plan is proven on. A source may give it only once."""

    def steps(self, at: Position) -> Iterator[list[Any]]:
        """The batches of each step from `at` to the end of the epoch; `at.step` must be moved on after each."""
        if self.stands != (at.epoch, at.seed, at.step):
            self.close()
            self.batches = self.job.source.epoch(at.seed, at.step * self.job.accumulate)
        while group := list(islice(self.batches, self.job.accumulate)):
            if self.unseen:
                self.introduce(group[0])
            self.stands = (at.epoch, at.seed, at.step + 1)
            self.latest = group[0]
            yield group

    def introduce(self, batch: Any) -> None:
        """Show the first batch to whom it may concern, before the first step."""
        if self.unseen and self.job.first is not None:
            self.job.first(batch)
        self.unseen = False

    def close(self) -> None:
        """Let go of the epoch: a source may hold threads or files while it is open."""
        close = getattr(self.batches, "close", None)
        if close is not None:
            close()
        self.batches, self.stands = iter(()), None
