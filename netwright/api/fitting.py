"""The second half of a run: a family's module is built, prepared, and trained by the engine."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from netwright.api.rows import Rows
from netwright.api.session import Session, Watch
from netwright.api.stopping import Stop
from netwright.core import devices
from netwright.core.batch import Batch
from netwright.core.plan import Plan
from netwright.core.record import Record
from netwright.core.seeds import derive
from netwright.core.settings import Settings
from netwright.core.steps import EpochRecord
from netwright.data.batches import Batches
from netwright.engine.averages import Averages
from netwright.engine.job import Job
from netwright.engine.loop import Validate
from netwright.engine.planner import Planner
from netwright.families.family import Family, Training
from netwright.tasks import Task

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
        job = Job(module=module, phases=phases, source=batches)
        averages = Averages(phases)
        session = Session(
            job=job,
            runner=Planner(job, averages, plan),
            averages=averages,
            epochs=config.epochs,
            order=lambda epoch: derive(derive(settings.seed, "order"), f"epoch {epoch}"),
            validate=validator(rows.task, batches, len(rows.split.folds)),
            patience=config.patience,
            stop=stop,
            watch=watch,
            folder=folder,
            fingerprint={"SHA-256": _fingerprint(config, batches)} if folder is not None else {},
        )
        with threads(plan.threads):
            torch.manual_seed(derive(settings.seed, "training"))
            ended, early = session.train()
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


def _fingerprint(config: Record, batches: Batches) -> str:
    digest = hashlib.sha256(repr(config).encode())
    for tensor in (*batches.inputs, batches.target, batches.rows):
        digest.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
    return digest.hexdigest()
