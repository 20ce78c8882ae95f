"""Data that lies in memory, from which a program can take batches by itself, and jobs that are plain enough for it."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Protocol

import torch
from torch import Tensor

from netwright.core import trees
from netwright.engine.job import Job
from netwright.engine.program import Program
from netwright.engine.recording import Refused


class Resident(Protocol):
    """A source of batches that are taken by index."""

    data: Any
    batch_size: int
    rows: int
    shuffle: bool

    def order(self, seed: int) -> Tensor:
        """(N,) the order of the rows that belongs to a seed."""
        ...

    def at(self, rows: Tensor) -> Any:
        """The batch of these rows."""
        ...


SEED = 1
"""Of the order in which the gate takes batches, where a program takes them by itself."""


def resident(job: Job, kind: str | None = "cpu") -> Resident:
    """The job's source, if a program on this kind of device can take its batches and run its updates.

    Raises Refused otherwise; None stands for any kind.
    """
    source: Any = job.source
    if not all(hasattr(source, name) for name in ("data", "batch_size", "rows", "order", "at")):
        raise Refused("the data does not lie in memory as tensors")
    if kind is not None and any(t.device.type != kind for t in trees.leaves(source.data)):
        raise Refused(f"the data does not lie on a {kind} device")
    for phase in job.phases:
        if phase.every > 1 or phase.clip_norm or phase.average or phase.scaler or job.accumulate > 1:
            raise Refused("it clips, averages, accumulates, scales, or has a phase that does not run at every step")
    return source


def whole(source: Resident) -> bool:
    """True where every batch is all of the data as it lies."""
    return not source.shuffle and source.batch_size >= source.rows


def sizes(source: Resident) -> list[int]:
    """Rows of a full batch, and of the last one of an epoch where that is smaller."""
    full = min(source.batch_size, source.rows)
    left = 0 if getattr(source, "drop_last", False) else source.rows % full
    return [full, left] if left else [full]


class Schedules:
    """Moves schedulers on past steps that are run in one call, and back where fewer were run."""

    def __init__(self, job: Job) -> None:
        self.optimizers = [phase.optimizer for phase in job.phases]
        self.schedulers = [p.scheduler for p in job.phases if p.scheduler and p.scheduler_steps == "update"]
        self.marked: list[dict] = []
        self.settings: list[dict] = []

    def mark(self) -> None:
        """Remember where the schedulers are."""
        for optimizer in self.optimizers:
            vars(optimizer)["_opt_called"] = True  # what schedulers look at to see that the optimizer went first
        self.marked = [deepcopy(scheduler.state_dict()) for scheduler in self.schedulers]
        self.settings = [
            {k: v for k, v in group.items() if k != "params"} for o in self.optimizers for group in o.param_groups
        ]

    def step(self) -> None:
        """On past one update."""
        for scheduler in self.schedulers:
            scheduler.step()

    def back(self, done: int) -> None:
        """Back to the mark, and on past `done` updates."""
        for scheduler, state in zip(self.schedulers, self.marked, strict=True):
            scheduler.load_state_dict(state)
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        for group, settings in zip(groups, self.settings, strict=True):
            group.update(settings)
        for _ in range(done):
            self.step()


def columns(program: Program, rows: int, told: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(n, columns) what n steps told → losses and weights by phase and figure."""
    losses, weights, column = {}, {}, 0
    for segment in program.segments:
        weighed = segment.weight is not None
        weight = told[:, column + 1] if weighed else torch.full((len(told),), float(rows), dtype=torch.float64)
        for i, name in enumerate([segment.phase, *(f"{segment.phase}.{name}" for name, _ in segment.figures)]):
            losses[name], weights[name] = told[:, column + i + (weighed and i > 0)], weight
        column += 1 + len(segment.figures) + weighed
    return losses, weights


def joined(parts: Sequence[tuple[dict[str, Tensor], dict[str, Tensor]]]) -> tuple[dict, dict]:
    """Losses and weights of parts that follow each other."""
    if len(parts) == 1:
        return parts[0]
    first, second = ({n: torch.cat([part[i][n] for part in parts]) for n in parts[0][i]} for i in (0, 1))
    return first, second
