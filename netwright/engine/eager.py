"""The loop anybody would write: forward, loss, backward, optimizer. Every other tier is held against this one."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn

from netwright.core import trees
from netwright.core.phase import Loss, Phase
from netwright.core.plan import Plan
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.job import Chunk, Job, Position
from netwright.engine.tally import Tally
from netwright.engine.update import NotFinite, Updater

Step = Callable[[Sequence[Any], Sequence[Phase], Tally], None]
"""(the step's batches, the phases that are due, what collects) → one step."""


def one_by_one(job: Job, cursor: Cursor, step: Step, at: Position, most: int, until: float) -> Chunk:
    """Steps from `at` on: at most `most`, and none begun after `until` (`time.perf_counter`) but the first."""
    tally = Tally(at)
    for batches in cursor.steps(at):
        try:
            step(batches, job.due(at.total), tally)
        except NotFinite as error:
            error.batch = batches[0]
            raise
        if tally.steps == most or time.perf_counter() >= until:
            return tally.chunk()
    return tally.chunk(ended=True)


class Eager:
    """Runs steps one by one, as they are written."""

    def __init__(self, job: Job, cursor: Cursor, averages: Averages, plan: Plan) -> None:
        self.job, self.cursor, self.plan = job, cursor, plan
        self.updaters = {p.name: Updater(p, job.module, averages, fused=plan.fused) for p in job.phases}

    def run(self, at: Position, most: int, until: float) -> Chunk:
        """Steps from `at` on: at most `most`, and none begun after `until` (`time.perf_counter`) but the first."""
        return one_by_one(self.job, self.cursor, self.step, at, most, until)

    def step(self, batches: Sequence[Any], due: Sequence[Phase], tally: Tally) -> None:
        """One step: what its phases share, then each phase that is due."""
        job = self.job
        with arithmetic(job.module, self.plan.precision):
            shared = [job.share(job.module, batch) for batch in batches] if job.share else [None] * len(batches)
        for phase in due:
            updater = self.updaters[phase.name]
            if updater.needs_closure:
                self._closure_update(updater, batches, shared, tally)
            else:
                phase.optimizer.zero_grad()
                self._gradients(updater, batches, shared, tally)
                updater.apply(tally.at)
        tally.step(sum(map(trees.rows, batches)))

    def _gradients(self, updater: Updater, batches: Sequence[Any], shared: Sequence[Any], tally: Tally) -> Tensor:
        """The gradient of the mean over all rows of these batches, added into `.grad`. Gives that mean, detached."""
        phase, several = updater.phase, len(batches) > 1
        rows, weighed, total = sum(map(trees.rows, batches)), 0.0, 0.0
        for batch, common in zip(batches, shared, strict=True):
            loss = self.loss(phase, batch, common)
            value = loss.value
            number = value.item()
            if not math.isfinite(number):
                raise NotFinite("The loss", number, phase, tally.at)
            weight = trees.rows(batch) if loss.weight is None else float(loss.weight)
            tally.saw(phase.name, number, weight, {n: float(f.detach()) for n, f in loss.figures.items()})
            total += number * weight
            if several:
                value = value / (rows / weight) if loss.weight is None else value * weight
                weighed += 0.0 if loss.weight is None else weight
            updater.backward(value)
        if weighed:
            torch._foreach_div_([p.grad for p in updater.parameters if p.grad is not None], weighed)
        return value.detach() if not several else torch.tensor(total / (weighed or rows))

    def loss(self, phase: Phase, batch: Any, shared: Any) -> Loss:
        """The loss of one phase on one batch."""
        module = self.job.module
        with arithmetic(module, self.plan.precision):
            value = phase.loss(module, batch) if self.job.share is None else phase.loss(module, batch, shared)
        return value if isinstance(value, Loss) else Loss(value=value)

    def _closure_update(self, updater: Updater, batches: Sequence[Any], shared: Sequence[Any], tally: Tally) -> None:
        """An optimizer that evaluates the loss itself, as often as it likes; the first value is the step's."""
        kept = [p.detach().clone() for p in updater.parameters]
        tallies = iter([tally])

        def closure() -> Tensor:
            updater.optimizer.zero_grad()
            return self._gradients(updater, batches, shared, next(tallies, Tally(Position())))

        try:
            cast("Any", updater.optimizer).step(closure)  # typed as giving a float; a tensor serves
        except Exception:
            with torch.no_grad():
                for parameter, value in zip(updater.parameters, kept, strict=True):
                    parameter.copy_(value)
            raise
        updater.after()


def arithmetic(module: nn.Module, precision: str) -> AbstractContextManager:
    """What precision the products of a forward pass are computed in."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(next(module.parameters()).device.type, getattr(torch, precision))
