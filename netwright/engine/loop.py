"""The training loop: a generator of records. Whoever reads them decides when to stop, by not asking for the next."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.errors import TrainingError
from netwright.core.phase import Phase
from netwright.core.seeds import derive
from netwright.core.steps import EpochRecord, StepRecord

CHUNK_SECONDS = 0.2
"""A record is given at least this often, so that progress moves and a stop is heard."""


Validate = Callable[[nn.Module], tuple[Tensor, dict[str, float]]]
"""module → the losses that decide which weights are best, () or (K,) by member, and figures for people to read."""


class Source(Protocol):
    """What the loop needs of data: batches of an epoch in the order of a seed, from any position on."""

    @property
    def steps(self) -> int:
        """Batches in one epoch."""
        ...

    def epoch(self, seed: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from number `start` on."""
        ...


@dataclass
class Position:
    """Where training stands; true whenever a record is given. With module and optimizers, all a resume needs."""

    epoch: int = 0
    step: int = 0
    """Steps of this epoch done so far."""
    rows: int = 0
    """Rows of this epoch seen so far."""
    sums: dict[str, float] = field(default_factory=dict)
    """By phase: the sum of this epoch's losses so far."""


def run(
    module: nn.Module,
    phases: Sequence[Phase],
    source: Source,
    *,
    epochs: int,
    seed: int,
    validate: Validate,
    position: Position | None = None,
) -> Iterator[StepRecord | EpochRecord]:
    """Train `module` in place, epoch by epoch from `position` on, giving a record every so often and after each epoch.

    The order of an epoch follows from `seed` and its number. `validate` is called after each epoch, in eval mode and
    without gradients. Raises TrainingError before a loss that is not finite touches a weight.
    """
    at = position if position is not None else Position()
    while at.epoch < epochs:
        began = time.perf_counter()
        yield from _epoch(module, phases, source, epochs, derive(seed, f"epoch {at.epoch}"), at)
        seconds = time.perf_counter() - began
        validation, metrics = _validated(module, validate)
        done = EpochRecord(
            epoch=at.epoch,
            losses={name: total / source.steps for name, total in at.sums.items()},
            validation=validation,
            metrics=metrics,
            learning_rate=phases[0].optimizer.param_groups[0]["lr"],
            rows=at.rows,
            seconds=seconds,
        )
        at.epoch, at.step, at.rows, at.sums = at.epoch + 1, 0, 0, {}
        yield done


def _epoch(
    module: nn.Module, phases: Sequence[Phase], source: Source, epochs: int, seed: int, at: Position
) -> Iterator[StepRecord]:
    module.train()
    losses: dict[str, list[float]] = {phase.name: [] for phase in phases}
    began, rows = time.perf_counter(), 0
    for batch in source.epoch(seed, at.step):
        for phase in phases:
            loss = update(module, phase, batch, at)
            losses[phase.name].append(loss)
            at.sums[phase.name] = at.sums.get(phase.name, 0.0) + loss
        at.step += 1
        at.rows += len(batch)
        rows += len(batch)
        seconds = time.perf_counter() - began
        if seconds >= CHUNK_SECONDS or at.step == source.steps:
            yield StepRecord(
                epoch=at.epoch,
                epochs=epochs,
                step=at.step,
                steps=source.steps,
                losses={name: torch.tensor(values, dtype=torch.float64) for name, values in losses.items()},
                rows=rows,
                seconds=seconds,
            )
            losses = {phase.name: [] for phase in phases}
            began, rows = time.perf_counter(), 0


def update(module: nn.Module, phase: Phase, batch: Batch, at: Position) -> float:
    """One update of one phase: forward, loss, backward, clip, optimizer, scheduler. Gives the loss."""
    parameters = [p for group in phase.optimizer.param_groups for p in group["params"] if p.requires_grad]
    phase.optimizer.zero_grad()
    loss = phase.loss(module, batch)
    value = loss.item()
    if not math.isfinite(value):
        raise _not_finite(value, phase, at)
    loss.backward(inputs=parameters)
    if phase.clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters, phase.clip_norm)
    phase.optimizer.step()
    if phase.scheduler is not None:
        phase.scheduler.step()
    return value


def _validated(module: nn.Module, validate: Validate) -> tuple[Tensor, dict[str, float]]:
    module.eval()
    with torch.no_grad():
        return validate(module)


def _not_finite(value: float, phase: Phase, at: Position) -> TrainingError:
    return TrainingError(
        f"The loss of phase {phase.name!r} is {value} at epoch {at.epoch + 1}, step {at.step + 1}.",
        got=f"{value}, so no weight was touched; learning rate {phase.optimizer.param_groups[0]['lr']:g}",
        wanted="a finite loss",
        fix="Lower --learning-rate; look for extreme values in the data.",
    )
