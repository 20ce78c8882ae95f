"""The training loop: a generator of records. Whoever reads them decides when to stop, by not asking for the next."""

import time
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from netwright.core.steps import EpochRecord, StepRecord
from netwright.engine.averages import Averages
from netwright.engine.job import Chunk, Job, Position

CHUNK_SECONDS = 0.2
"""A record is given at least this often, so that progress moves and a stop is heard; a step is never cut."""

Validate = Callable[[nn.Module], tuple[Tensor | None, dict[str, float]]]
"""module → the losses that decide which weights are best, () or (K,) by member, and figures for people to read."""


class Runner(Protocol):
    """Anything that can run steps: a tier, or the planner that chooses among them."""

    def run(self, at: Position, most: int, until: float) -> Chunk:
        """Steps from `at` on, which is moved on: at most `most`, and none begun after `until` but the first."""
        ...


def run(
    job: Job,
    runner: Runner,
    averages: Averages,
    *,
    epochs: int,
    order: Callable[[int], int],
    validate: Validate | None,
    position: Position,
) -> Iterator[StepRecord | EpochRecord]:
    """Train the job's module in place from `position` on, giving a record every so often and after each epoch.

    `order(epoch)` gives the seed that the order of an epoch follows from; it is asked once, when the epoch begins.
    `validate` is called after each epoch, in eval mode, without gradients, with averaged weights where there are any.
    Raises NotFinite before a loss or gradient that is not finite touches a weight.
    """
    at = position
    while at.epoch < epochs:
        if at.step == 0:
            at.seed = order(at.epoch)
        if at.step == 0 and _alike(job, validate):
            yield from _epochs(job, runner, epochs, order, at)
            continue
        began = time.perf_counter()
        yield from _epoch(job, runner, epochs, at)
        seconds = time.perf_counter() - began
        validation, metrics = validated(job.module, averages, validate)
        done = EpochRecord(
            epoch=at.epoch,
            losses={name: _mean(total, at.weights[name]) for name, total in at.sums.items()},
            validation=validation,
            metrics=metrics,
            learning_rate=float(job.phases[0].optimizer.param_groups[0]["lr"]),
            rows=at.rows,
            seconds=seconds,
        )
        _schedule(job, done)
        at.epoch, at.step, at.rows, at.sums, at.weights = at.epoch + 1, 0, 0, {}, {}
        yield done


def _epoch(job: Job, runner: Runner, epochs: int, at: Position) -> Iterator[StepRecord]:
    job.module.train()
    ended = False
    while not ended:
        left = job.steps - at.step if job.steps is not None else 2**62
        chunk = runner.run(at, left, time.perf_counter() + CHUNK_SECONDS)
        ended = chunk.ended or chunk.steps == left
        for name, losses in chunk.losses.items():
            at.sums[name] = at.sums.get(name, 0.0) + float(losses @ chunk.weights[name])
            at.weights[name] = at.weights.get(name, 0.0) + float(chunk.weights[name].sum())
        if chunk.steps:
            yield StepRecord(
                epoch=at.epoch,
                epochs=epochs,
                step=at.step,
                steps=job.steps,
                losses=chunk.losses,
                rows=chunk.rows,
                seconds=chunk.seconds,
            )


def _mean(total: float, weight: float) -> float:
    """NaN where nothing was spoken for, as with tokens that are all masked."""
    return total / weight if weight else float("nan")


def _alike(job: Job, validate: Validate | None) -> bool:
    """True where an epoch is one step and nothing happens after it, so that a runner may do many in one call."""
    return job.steps == 1 and validate is None and all(p.scheduler_steps == "update" for p in job.phases if p.scheduler)


def _epochs(
    job: Job, runner: Runner, epochs: int, order: Callable[[int], int], at: Position
) -> Iterator[StepRecord | EpochRecord]:
    """As many epochs of one step as the runner does in one call."""
    if not job.module.training:
        job.module.train()
    chunk = runner.run(at, epochs - at.epoch, time.perf_counter() + CHUNK_SECONDS)
    rate = float(job.phases[0].optimizer.param_groups[0]["lr"])
    seconds, rows = chunk.seconds / chunk.steps, chunk.rows // chunk.steps
    values = [losses.tolist() for losses in chunk.losses.values()]
    first, done = at.epoch, []
    for i in range(chunk.steps):
        losses = {name: v[i] for name, v in zip(chunk.losses, values, strict=True) if i < len(v)}
        done.append(
            EpochRecord(
                epoch=first + i,
                losses=losses,
                validation=None,
                metrics={},
                learning_rate=rate,
                rows=rows,
                seconds=seconds,
            )
        )
        if i:
            at.seed = order(first + i)  # drawn as it would have been, epoch by epoch
    at.epoch, at.step, at.rows, at.sums, at.weights = first + chunk.steps, 0, 0, {}, {}
    yield StepRecord(
        epoch=at.epoch - 1, epochs=epochs, step=1, steps=1, losses=chunk.losses, rows=chunk.rows, seconds=chunk.seconds
    )
    yield from done


def validated(
    module: nn.Module, averages: Averages, validate: Validate | None
) -> tuple[Tensor | None, dict[str, float]]:
    """The validation loss of the module as it stands, with averaged weights where there are any, and figures."""
    if validate is None:
        return None, {}
    module.eval()
    with torch.no_grad(), averages.swapped_in():
        loss, metrics = validate(module)
    return (loss.cpu() if loss is not None else None), metrics


def _schedule(job: Job, done: EpochRecord) -> None:
    """The schedulers that step by the epoch; one that looks at a plateau is shown the validation or training loss."""
    for phase in job.phases:
        if phase.scheduler is None or phase.scheduler_steps == "update":
            continue
        if isinstance(phase.scheduler, ReduceLROnPlateau):
            seen = done.validation.mean() if done.validation is not None else done.losses[phase.name]
            phase.scheduler.step(float(seen))
        else:
            phase.scheduler.step()
