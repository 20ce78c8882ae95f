"""Reads the engine's records: keeps the best weights, the history and the checkpoints, and decides when to stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from netwright.api.stopping import Stop
from netwright.core.errors import TrainingError
from netwright.core.notice import Notice
from netwright.core.plan import Planned
from netwright.core.steps import EpochRecord, StepRecord
from netwright.engine import checkpoint
from netwright.engine.averages import Averages
from netwright.engine.best import Best
from netwright.engine.job import Job, Position
from netwright.engine.loop import Runner, Validate, run
from netwright.engine.update import NotFinite

Watch = Callable[[object], None]
"""Is told of each Notice, StepRecord and EpochRecord as it comes."""
CHECKPOINT_SECONDS = 15.0
"""Training that lasts this long gets a checkpoint, and another each time it has lasted as long again."""


def nobody(event: object) -> None:
    """Watches nothing."""


class Planning(Runner, Protocol):
    """A runner that remembers what was run how."""

    def planned(self) -> Planned:
        """The plans so far."""
        ...

    def resume(self, planned: Planned) -> None:
        """Go on where another process left off."""
        ...


@dataclass
class Session:
    """One training from its start, or its last checkpoint, to its end."""

    job: Job
    runner: Planning
    averages: Averages
    epochs: int
    order: Callable[[int], int]
    validate: Validate | None
    patience: int | None
    stop: Stop
    watch: Watch
    folder: Path | None = None
    resuming: bool = True
    fingerprint: str = ""
    """Of data and settings: a checkpoint of others is refused."""
    every: float | None = None
    """Seconds between checkpoints; CHECKPOINT_SECONDS where None."""
    explain: Callable[[NotFinite], TrainingError] | None = None
    """Where given, finds out more about a step that was not finite."""

    def __post_init__(self) -> None:
        self.best = Best()
        self.at = Position()
        self.history: list[EpochRecord] = []
        self.saved = time.monotonic()
        self.failed = False

    def train(self) -> tuple[str, bool]:
        """Train until an end, then put the best weights back. Gives the end in words, and whether it was early."""
        self._resume()
        ended, stopped = self._records()
        if self.folder is not None and not self.failed:
            self._save()
        if self.best.weights:
            self.best.restore(self.job.module)
        else:
            self.averages.swap()
        return ended, stopped or self.failed

    def _records(self) -> tuple[str, bool]:
        records = run(
            self.job,
            self.runner,
            self.averages,
            epochs=self.epochs,
            order=self.order,
            validate=self.validate,
            position=self.at,
        )
        while True:
            if reason := self.stop.reason:
                return reason, True
            if reason := self._patience_ended():
                return reason, False
            try:
                record = next(records, None)
            except NotFinite as error:
                return self._failed(error), False
            if record is None:
                return f"all {self.epochs} epochs were run", False
            self._take(record)

    def _take(self, record: StepRecord | EpochRecord) -> None:
        if isinstance(record, EpochRecord):
            self.history.append(record)
            if record.validation is not None:
                with self.averages.swapped_in():
                    self.best.see(record.epoch, record.validation, self.job.module)
        self.watch(record)
        every = CHECKPOINT_SECONDS if self.every is None else self.every
        if time.monotonic() - self.saved >= every:
            self._save()

    def _failed(self, error: NotFinite) -> str:
        told = self.explain(error) if self.explain is not None else error
        if self.best.epoch < 0:
            raise told from None
        self.failed = True
        self.watch(Notice(what=str(told), serious=True))
        return f"{told.what} The best weights before that are kept"

    def _patience_ended(self) -> str:
        waited = self.at.epoch - 1 - self.best.epoch
        if self.patience is not None and self.best.epoch >= 0 and waited >= self.patience:
            return f"no better validation loss for {waited} epochs"
        return ""

    def _accept(self, notes: dict) -> None:
        if notes["data"] != self.fingerprint:
            raise TrainingError(
                "The data or the settings are not what the checkpoint was trained on.",
                got="other rows, values or settings than before",
                wanted="the same source and settings, unchanged",
                fix="Bring the source back to what it was, or train anew.",
            )

    def _save(self) -> None:
        if self.folder is None:
            return
        notes = {
            "data": self.fingerprint,
            "history": [{name: getattr(r, name) for name in r.__dataclass_fields__} for r in self.history],
            **_here(),
        }
        checkpoint.save(self.folder, self.job, self.averages, self.best, self.at, self.runner.planned(), notes=notes)
        self.saved = time.monotonic()

    def _resume(self) -> None:
        if self.folder is None or not self.resuming:
            return
        found = checkpoint.load(self.folder, self.job, self.averages, self.best, self._accept)
        if found is None:
            return
        self.at, planned, notes, notices = found
        self.runner.resume(planned)
        self.history = [EpochRecord(**record) for record in notes["history"]]
        differing = [f"{k} {notes[k]} then, {v} now" for k, v in _here().items() if notes[k] != v]
        if differing:
            notices.append(Notice(what=f"the numbers may differ in the last bits: {'; '.join(differing)}"))
        where = f"going on from epoch {self.at.epoch + 1}, step {self.at.step + 1}"
        for notice in [*notices, Notice(what=where)]:
            self.watch(notice)


def _here() -> dict[str, object]:
    return {"build": torch.__version__, "threads": torch.get_num_threads()}
