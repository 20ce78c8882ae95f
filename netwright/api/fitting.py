"""The second half of a run: a family's module is built, prepared, and trained by the engine."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from netwright.api.rows import Rows
from netwright.api.stopping import Stop
from netwright.core import devices
from netwright.core.batch import Batch
from netwright.core.errors import TrainingError
from netwright.core.notice import Notice
from netwright.core.phase import Phase
from netwright.core.plan import Plan
from netwright.core.record import Record
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.core.steps import EpochRecord, StepRecord
from netwright.data.batches import Batches
from netwright.engine import checkpoint
from netwright.engine.best import Best
from netwright.engine.loop import Position, Validate, run
from netwright.families.family import Family, Training
from netwright.tasks import Task

Watch = Callable[[object], None]
"""Is told of each Notice, StepRecord and EpochRecord as it comes."""


def nobody(event: object) -> None:
    """Watches nothing."""


CHECKPOINT_SECONDS = 15.0
"""Training that lasts this long gets a checkpoint, and another each time it has lasted as long again."""
VALIDATION_CHUNK = 8192
SMALL_WORK = 1e9
"""Multiplications a step below which one thread is used. A second brings little there, and where another process wants
the same core it was measured to make a step of 8e7 seventy times slower."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A trained module. `ended` says in words why training ended."""

    module: nn.Module
    family: Family
    config: Record
    plan: Plan
    history: tuple[EpochRecord, ...]
    best_epoch: int
    ended: str
    early: bool = False
    """True where training can go on: it was ended by a signal, the time limit or a loss that is not finite."""
    failed: bool = False
    """True where a loss was not finite; the module has the best weights before that."""


def configure(family: Family, rows: Rows, asked: dict[str, object]) -> Record:
    """The family's settings for these rows, with what a person asked for in their place.

    Raises InputError for a setting the family does not have, or a value that does not fit.
    """
    defaults = family.defaults(len(rows.split.fitting), len(rows.split.folds), rows.schema, rows.task)
    return family.configured(defaults.model_dump() | asked)


def fit(
    rows: Rows,
    family: Family,
    config: Record,
    settings: Settings,
    *,
    stop: Stop,
    watch: Watch,
    folder: Path | None = None,
    most_rows: int | None = None,
) -> Fitted:
    """Build, prepare and train. With a `folder`, checkpoints are kept there, and training goes on from the last one.

    `most_rows` bounds the training rows used; they are then drawn at random.

    The caller's random streams and thread setting are as before when this returns.
    """
    device = devices.choose(settings.device)
    with torch.random.fork_rng(), threads(1):
        torch.manual_seed(derive(settings.seed, "weights"))
        module = family.build(config, rows.schema, rows.task, nn)
        batches = to_batches(rows, config, device, most_rows)
        module.to(device)
        if family.prepare is not None:
            family.prepare(module, config, rows.task, batches.training(), _validation_batch(batches))
        plan = Plan(threads=_choose_threads(module, batches))
        if family.phases is None:
            return Fitted(
                module=module, family=family, config=config, plan=plan, history=(), best_epoch=-1, ended="fitted"
            )
        assert isinstance(config, Training)
        phases = family.phases(module, config, rows.task, batches.steps * config.epochs, stop.spent)
        with threads(plan.threads):
            session = Session(module, phases, batches, config, stop, watch, folder)
            ended, early = session.train(rows.task, len(rows.split.folds), settings.seed)
    return Fitted(
        module=module,
        family=family,
        config=config,
        plan=plan,
        history=tuple(session.history),
        best_epoch=session.best.epoch,
        ended=ended,
        early=early,
        failed=session.failed,
    )


@dataclass
class Session:
    """Reads the engine's records: keeps the best weights, the history and the checkpoints, and decides when to stop."""

    module: nn.Module
    phases: Sequence[Phase]
    batches: Batches
    config: Training
    stop: Stop
    watch: Watch
    folder: Path | None

    def __post_init__(self) -> None:
        self.best = Best()
        self.at = Position()
        self.history: list[EpochRecord] = []
        self.saved = time.monotonic()
        self.failed = False
        self.data = self._fingerprint() if self.folder is not None else ""

    def train(self, task: Task, folds: int, seed: int) -> tuple[str, bool]:
        """Train until an end, then put the best weights back. Gives the end in words, and whether it was early."""
        torch.manual_seed(derive(seed, "training"))
        self._resume()
        records = run(
            self.module,
            self.phases,
            self.batches,
            epochs=self.config.epochs,
            seed=derive(seed, "order"),
            validate=validator(task, self.batches, folds),
            position=self.at,
        )
        ended = f"all {self.config.epochs} epochs were run"
        while True:
            reason = self._patience_ended() or self.stop.reason
            if reason:
                ended = reason
                break
            try:
                record = next(records, None)
            except TrainingError as error:
                if self.best.epoch < 0:
                    raise
                self.failed = True
                self.watch(Notice(what=str(error), serious=True))
                ended = f"{error.what} The best weights before that are kept"
                break
            if record is None:
                break
            self._take(record)
        stopped = ended == self.stop.reason
        if stopped:
            self._save()
        self.best.restore(self.module)
        return ended, stopped or self.failed

    def _take(self, record: StepRecord | EpochRecord) -> None:
        if isinstance(record, EpochRecord):
            self.history.append(record)
            self.best.see(record.epoch, record.validation, self.module)
        self.watch(record)
        if time.monotonic() - self.saved >= CHECKPOINT_SECONDS:
            self._save()

    def _patience_ended(self) -> str:
        waited = self.at.epoch - 1 - self.best.epoch
        if self.best.epoch >= 0 and waited >= self.config.patience:
            return f"no better validation loss for {waited} epochs"
        return ""

    def _accept(self, notes: dict) -> None:
        if notes["data"] != self.data:
            raise TrainingError(
                "The data or the settings are not what the checkpoint was trained on.",
                got="other rows, values or settings than before",
                wanted="the same source and settings, unchanged",
                fix="Bring the source back to what it was, or train anew.",
            )

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self.config).encode())
        for tensor in (*self.batches.inputs, self.batches.target, self.batches.rows):
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        return digest.hexdigest()

    def _save(self) -> None:
        if self.folder is None:
            return
        notes = {
            "data": self.data,
            "history": [_as_notes(record) for record in self.history],
            "build": torch.__version__,
            "threads": torch.get_num_threads(),
        }
        checkpoint.save(self.folder, self.module, self.phases, self.best, self.at, notes=notes)
        self.saved = time.monotonic()

    def _resume(self) -> None:
        if self.folder is None:
            return
        found = checkpoint.load(self.folder, self.module, self.phases, self.best, self._accept)
        if found is None:
            return
        self.at, notes, notices = found
        self.history = [EpochRecord(**record) for record in notes["history"]]
        here = {"build": torch.__version__, "threads": torch.get_num_threads()}
        differing = [f"{k} {notes[k]} then, {v} now" for k, v in here.items() if notes[k] != v]
        if differing:
            notices.append(Notice(what=f"the numbers may differ in the last bits: {'; '.join(differing)}"))
        where = f"going on from epoch {self.at.epoch + 1}, step {self.at.step + 1}"
        for notice in [*notices, Notice(what=where)]:
            self.watch(notice)


def to_batches(rows: Rows, config: Record, device: torch.device, most_rows: int | None = None) -> Batches:
    """The rows that train or validate, as tensors on the device."""
    fitting = np.sort(rows.split.fitting)
    if most_rows is not None and len(fitting) > most_rows:
        fitting = np.sort(np.random.default_rng(0).choice(fitting, most_rows, replace=False))
    fold = rows.split.fold_of(len(rows.target))[fitting]
    training = np.flatnonzero(np.isin(fitting, rows.split.training))
    inputs = (rows.encoded.numbers[fitting], rows.encoded.categories[fitting])
    return Batches(
        inputs=tuple(torch.from_numpy(x).to(device) for x in inputs),
        target=torch.from_numpy(rows.target[fitting]).to(device),
        fold=torch.from_numpy(fold).to(device),
        rows=torch.from_numpy(training).to(device),
        batch_size=config.batch_size if isinstance(config, Training) else len(fitting),
    )


def validator(task: Task, batches: Batches, folds: int) -> Validate:
    """A function module → validation losses, () or (K,) for K members, and the task's main figure.

    Member k validates on fold k modulo `folds`; where that fold is empty, on all validation rows. The figure is that of
    the members' mean on rows none of them trained on.
    """
    rows = torch.nonzero(batches.fold >= 0).flatten()
    truth = task.decode(batches.target[rows])
    name, metric = next(iter(task.metrics.items()))

    def validate(module: nn.Module) -> tuple[Tensor, dict[str, float]]:
        outputs, losses = [], []
        for chunk in rows.split(VALIDATION_CHUNK):
            batch = batches.at(chunk)
            output = module(*batch.inputs)
            losses.append(task.losses(output, batch.target).double())
            outputs.append(_unseen(output, batch.fold, folds))
        figure = metric(task.predictions(torch.cat(outputs)), truth)
        loss = torch.cat(losses)
        if loss.dim() == 1:
            return loss.mean(), {name: figure}
        own = batches.fold[rows, None] == torch.arange(loss.shape[1], device=loss.device) % folds
        own = own | ~own.any(0)
        return (loss * own).sum(0) / own.sum(0), {name: figure}

    return validate


def _unseen(output: Tensor, fold: Tensor, folds: int) -> Tensor:
    """(B, K, O) → (B, K/folds, O): of each row, the outputs of the members that did not train on it."""
    if output.dim() == 2 or folds == 1 or output.shape[1] % folds:
        return output
    by_fold = output.unflatten(1, (-1, folds))
    return by_fold[torch.arange(len(output), device=output.device), :, fold]


def _validation_batch(batches: Batches) -> Batch:
    return batches.at(torch.nonzero(batches.fold >= 0).flatten())


def _choose_threads(module: nn.Module, batches: Batches) -> int:
    """One thread for small steps, else torch's own setting; the multiplications of a step are about rows × weights."""
    weights = sum(p.numel() for p in module.parameters())
    return 1 if weights * batches.batch_size < SMALL_WORK else 0


@contextmanager
def threads(count: int) -> Iterator[None]:
    """While inside, torch uses this many threads for an operator; 0 is its own choice."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or DEFAULT_THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


DEFAULT_THREADS = torch.get_num_threads()


def _as_notes(record: EpochRecord) -> dict:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
