"""Reads the engine's records: keeps the best weights, the history and the checkpoints, and decides when to stop."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch.optim.lr_scheduler import OneCycleLR

from netwright.api.resuming import changes, options, surroundings
from netwright.api.stopping import Stop
from netwright.core.errors import TrainingError
from netwright.core.notice import Notice
from netwright.core.plan import Planned
from netwright.core.steps import EpochRecord, StepRecord
from netwright.engine import checkpoint
from netwright.engine.averages import Averages
from netwright.engine.best import Best
from netwright.engine.job import Job, Position
from netwright.engine.loop import Runner, Validate, run, validated
from netwright.engine.pack import random_state, set_random_state
from netwright.engine.update import NotFinite

Watch = Callable[[object], None]
"""Is told of each Notice, StepRecord and EpochRecord as it comes."""
CHECKPOINT_SECONDS = 15.0
"""Training that lasts this long gets a checkpoint, and another each time it has lasted as long again."""
SHARE = 0.03
"""Of its time that training spends on checkpoints at most, where nobody says how often."""


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

    def close(self) -> None:
        """Training is over."""
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
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    """What the data and the settings are that must not change, by name: a checkpoint of others is refused."""
    generators: Sequence[torch.Generator] = ()
    """Random streams that data is drawn with, besides torch's, Python's and NumPy's own."""
    every: float | None = None
    """Seconds between checkpoints; CHECKPOINT_SECONDS, or more where a checkpoint takes long, where None."""
    explain: Callable[[NotFinite], TrainingError] | None = None
    """Where given, finds out more about a step that was not finite."""

    def __post_init__(self) -> None:
        self.best = Best()
        self.at = Position()
        self.history: list[EpochRecord] = []
        self.settled = True
        """False between the records of several epochs that were run in one call: the position is that of the last."""
        self.saved = time.monotonic()
        self.cost = 0.0
        self.written: tuple[int, int] | None = None
        self.drawn: dict | None = None
        given = "none" if self.validate is None else "given"
        self.options = options(self.job, epochs=self.epochs, patience=self.patience, validation=given)
        self.failed = False

    def train(self) -> tuple[str, bool]:
        """Train until an end, then put the best weights back. Gives the end in words, and whether it was early."""
        self._resume()
        ended, stopped = self._records()
        if not self.failed:
            self._save()
        if stopped and self.at.step:
            self._last_look()
        self._leave()
        return ended, stopped or self.failed

    def _last_look(self) -> None:
        """Validate weights that were stopped within an epoch: with a schedule that ends with the time they are best."""
        loss, _ = validated(self.job.module, self.averages, self.validate)
        if loss is not None:
            with self.averages.swapped_in():
                self.best.see(max(0, self.at.epoch - 1), loss, self.job.module)

    def _leave(self) -> None:
        """Leave the module with the weights that are wanted of it."""
        if self.best.weights:
            self.best.restore(self.job.module)
        else:
            self.averages.swap()

    def _records(self) -> tuple[str, bool]:
        records = run(
            self.job,
            self.runner,
            self.averages,
            epochs=self.epochs,
            order=self._order,
            validate=self.validate,
            position=self.at,
        )
        while True:
            if self.settled and (reason := self.stop.reason):
                return reason, True
            if self.settled and (reason := self._patience_ended()):
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
        done = record.epoch + 1 if isinstance(record, EpochRecord) else record.epoch
        self.settled = self.at.epoch == done
        if not self.settled:
            return
        often = CHECKPOINT_SECONDS and max(CHECKPOINT_SECONDS, self.cost / SHARE)
        every = often if self.every is None else self.every
        if time.monotonic() - self.saved >= every:
            self._save()

    def _order(self, epoch: int) -> int:
        """The seed of an epoch, drawn; where the random streams stood before that is kept for who goes on with it."""
        if self.folder is not None:
            self.drawn = random_state(self.generators)
        return self.order(epoch)

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

    def _save(self) -> None:
        stands = self.at.epoch, self.at.step
        if self.folder is None or stands == self.written:
            return
        began = time.monotonic()
        notes = {
            "fingerprint": dict(self.fingerprint),
            "options": self.options,
            "history": [{name: getattr(r, name) for name in r.__dataclass_fields__} for r in self.history],
            "drawn": self.drawn if self.at.step else None,
            "here": surroundings(self.job),
        }
        try:
            checkpoint.save(
                self.folder,
                self.job,
                self.averages,
                self.best,
                self.at,
                self.runner.planned(),
                notes=notes,
                generators=self.generators,
            )
        except TrainingError:
            self._leave()
            raise
        self.written, self.saved = stands, time.monotonic()
        self.cost = self.saved - began

    def _resume(self) -> None:
        if self.folder is None:
            return
        found = None
        if self.resuming:
            found = checkpoint.load(
                self.folder, self.job, self.averages, self.best, self._accept, generators=self.generators
            )
        if found is None:
            checkpoint.packed({phase.name: checkpoint.phase_state(phase) for phase in self.job.phases})
            return
        self.at, planned, notes, notices = found
        self.written = self.at.epoch, self.at.step
        self.runner.resume(planned)
        self.history = [EpochRecord(**record) for record in notes["history"]]
        self._redraw(notes["drawn"])
        for notice in [*notices, *self._changed(notes)]:
            self.watch(notice)
        self.options = notes["options"] | {"epochs": self.options["epochs"]}

    def _redraw(self, drawn: dict | None) -> None:
        """Let the source draw the epoch's order once more, as it did, and the streams stand where they stood after."""
        self.drawn = drawn
        if drawn is not None:
            now = random_state(self.generators)
            set_random_state(drawn, self.generators)
            self.order(self.at.epoch)
            set_random_state(now, self.generators)

    def _accept(self, notes: dict) -> None:
        """Refuse a checkpoint that this training can't go on from."""
        then, now = notes["fingerprint"], self.fingerprint
        if changed := changes(then, now):
            raise TrainingError(
                "The data or the settings are not what the checkpoint was trained on.",
                got="; ".join(changed),
                wanted="the same source and settings, unchanged",
                fix="Bring them back to what they were, or train anew.",
            )
        bound = any(isinstance(phase.scheduler, OneCycleLR) for phase in self.job.phases)
        if bound and int(notes["options"]["epochs"]) < self.epochs:
            raise TrainingError(
                "A one-cycle schedule ends with the run it was made for.",
                got=f"epochs={self.epochs}, and a checkpoint of a run of {notes['options']['epochs']}",
                wanted="no more epochs than before",
                fix=f"Give epochs={notes['options']['epochs']}, or train on with another schedule in another folder.",
            )

    def _changed(self, notes: dict) -> list[Notice]:
        """What is told when training goes on: what is other than it was, and from where."""
        told = []
        if changed := changes(notes["options"], self.options):
            told.append(Notice(what=f"not as when the checkpoint was made: {'; '.join(changed)}", fix=KEPT))
        if differing := changes(notes["here"], surroundings(self.job)):
            told.append(Notice(what=f"the numbers may differ in the last bits: {'; '.join(differing)}"))
        return [*told, Notice(what=self._stands())]

    def _stands(self) -> str:
        at = self.at
        if at.epoch >= self.epochs:
            return f"all {at.epoch} epochs were run before"
        place = "after its last step" if at.step and at.step == self.job.steps else f"step {at.step + 1}"
        return f"going on from epoch {at.epoch + 1}, {place}"


KEPT = "the optimizer's and scheduler's own settings, such as the learning rate, go on as they were"
