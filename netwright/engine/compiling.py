"""From a job to its compiled tier: what is to be compiled, whether that pays, and the proof of what came out."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from netwright.core import trees
from netwright.core.phase import Phase
from netwright.core.plan import Plan
from netwright.engine.averages import Averages
from netwright.engine.blueprint import Blueprint
from netwright.engine.compiled import Compiled, Part, draft
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.gate import TOLERANCE, compare, due_in, proven
from netwright.engine.job import Job, Position
from netwright.engine.loop import Runner
from netwright.engine.program import Program
from netwright.engine.resident import SEED, resident, sizes
from netwright.engine.tally import Tally
from netwright.engine.workshop import Order

BASE_SECONDS = 8.0
"""What compiling one program takes at least, on a quiet core."""
CALL_SECONDS = 0.12
"""What each of its operators adds."""
CALL_SAVES = 1.5e-6
"""What an operator costs in the traced tier beside its arithmetic: about what a compiled step saves of it."""


class Compiling:
    """The programs of one job, from their blueprints to a runner."""

    def __init__(
        self, job: Job, plan: Plan, programs: Sequence[tuple[Program, dict[int, Tensor]]] | None = None
    ) -> None:
        """Draft the programs. Raises Refused where the job can't be compiled.

        `programs`, by size of batch, are those that are proven already.
        """
        source = resident(job)
        self.job, self.plan = job, plan
        self.batches = [source.at(torch.arange(rows)) for rows in sizes(source)]
        programs = programs or [proven(job, batch, job.phases) for batch in self.batches]
        self.constants = [constants for _, constants in programs]
        self.drafts: list[Blueprint] = [
            draft(job, program, constants, trees.rows(batch), plan.threads)
            for (program, constants), batch in zip(programs, self.batches, strict=True)
        ]
        self.order = Order(self.drafts)

    @property
    def price(self) -> float:
        """Seconds that compiling is expected to take from now on; 0 where everything lies ready."""
        if self.order.made:
            return 0.0
        calls = sum(len(list(plan.program.calls())) for plan in self.drafts)
        return max(1.0, BASE_SECONDS * len(self.drafts) + CALL_SECONDS * calls - self.order.seconds)

    def saves(self, seconds: float) -> float:
        """Seconds that a step of `seconds` may become shorter by: a guess before anything is compiled."""
        return min(0.75 * seconds, CALL_SAVES * len(list(self.drafts[0].program.calls())))

    def begin(self) -> None:
        """Have it compiled by another process. Raises Refused where there is no compiler."""
        self.order.begin()

    def runner(self, other: Runner, *, wait: bool = False) -> Compiled | None:
        """The runner, once it is compiled and proven; None before. Raises Refused where it failed.

        `other` runs what no program is for.
        """
        paths = self.order.ready(wait=wait)
        if paths is None:
            return None
        for k in range(len(self.batches)):

            def way(job: Job, batches: Sequence[Any], due: Sequence[Phase], tally: Tally, k: int = k) -> None:
                runner = Compiled(job, self._parts(job, paths), Eager(job, Cursor(job), Averages(job.phases), Plan()))
                at = Position(seed=SEED, step=runner.parts[k].first)
                tally.took(runner.run(at, 1, float("inf")))

            batch = self._first_batch(k)
            compare(self.job, [[batch]], due_in(self.job, self.job.phases), way, tolerance=TOLERANCE)
        return Compiled(self.job, self._parts(self.job, paths), other)

    def drop(self) -> None:
        """Stop compiling."""
        self.order.drop()

    def _first_batch(self, k: int) -> Any:
        """The batch that program `k` begins with in the epoch of SEED."""
        source, size = resident(self.job), self.drafts[0].batch_size
        first = 0 if k == 0 else self.drafts[0].steps * size
        return source.at(source.order(SEED)[first : first + self.drafts[k].batch_size])

    def _parts(self, job: Job, paths: Sequence[Any]) -> list[Part]:
        firsts = (0, self.drafts[0].steps)
        return [
            Part.of(job, plan, constants, path, first)
            for plan, constants, path, first in zip(self.drafts, self.constants, paths, firsts, strict=False)
        ]
