"""Chooses how steps are run: measures plans on the first real steps, and has each proven before it is used.

No training step is thrown away: a plan is timed on steps that count. Trying a plan costs copies and a few extra steps,
so one is tried only where what it may save over the steps that are left is worth twice its price.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from netwright.core import trees
from netwright.core.phase import Phase
from netwright.core.plan import Plan, Planned, Stretch, Trial
from netwright.engine.averages import Averages
from netwright.engine.candidates import COPIES, SHARE, Change, candidates, memory, on_gpu, prove, savings, weight
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.gate import proven
from netwright.engine.job import Chunk, Job, Position
from netwright.engine.loop import Runner
from netwright.engine.looped import Looped
from netwright.engine.program import Program
from netwright.engine.recording import Refused
from netwright.engine.surroundings import surroundings
from netwright.engine.traced import Traced, form

if TYPE_CHECKING:
    from netwright.engine.compiling import Compiling

TIMED = 4
"""Steps a plan is timed on, after one that warms it up."""
AT_ONCE = {"eager": 1, "traced": 16, "compiled": 128}
"""Of so many steps at once in each tier: how a tier runs them in earnest."""
FASTER = 0.97
"""A plan must take at most this share of the time of the one before to be chosen."""
PRICE = 8
"""What trying a plan costs, in steps."""
MOST_CHANGES = 3
"""Times that what a step depends on may change in between before steps run eagerly: each time plans are proven anew."""
LONG_SECONDS = 60.0
"""What compiling must be able to save at most before programs are proven for it alone."""
LOOK_SECONDS = 0.2
"""Between two looks at what a step depends on, where nobody is known to change it."""
PROOF_SECONDS, PROOF_SHARE = 1.0, 0.02
"""Seconds, and beyond them the share of the run, that proofs of further forms of batches may take."""


class Planner:
    """Runs steps under one plan after another, and under the fastest in the end."""

    def __init__(
        self,
        job: Job,
        averages: Averages,
        plan: Plan | Planned | None,
        *,
        epochs: int = 1,
        allowed: str = "float32",
    ) -> None:
        """`plan` None measures; a Plan is kept to; a Planned is repeated.

        `epochs` tells how much there is to save; `allowed` is the lowest precision that may be tried.
        """
        self.job, self.averages, self.epochs, self.allowed = job, averages, epochs, allowed
        self.cursor = Cursor(job)
        self.fixed = plan
        self.runners: dict[Plan, Runner] = {}
        self.trials: list[Trial] = []
        self.stretches: list[Stretch] = []
        self.notes: list[str] = []
        self.current = plan if isinstance(plan, Plan) else Plan()
        self.trying: Plan | None = None if plan is not None else self.current
        self.samples: list[float] = []
        self.seconds = float("inf")
        self.untried: list[Change] | None = None
        self.surroundings: dict[str, Any] | None = None
        self.changes = 0
        self.looked = float("-inf")
        self.refusals: dict[tuple, Refused] = {}
        self.proofs = 0.0
        self.began = time.perf_counter()
        self.compiling: Compiling | None = None
        self.may_compile = plan is None

    def run(self, at: Position, most: int, until: float) -> Chunk:
        """Steps from `at` on, under the plan that is to be used for them."""
        if isinstance(self.fixed, Planned):
            plan, most = self._written(at.total, most)
            return self._under(plan, at, most, until)
        if self.trying is None:
            self._look_after_compiling(at)
        if self.trying is None:
            return self._under(self.current, at, most, until)
        chunk = self._under(self.trying, at, min(most, AT_ONCE[self.trying.tier]), until)
        if chunk.steps:
            self.samples.append(chunk.seconds / chunk.steps)
        if len(self.samples) > TIMED:
            self._judge(self.trying, sorted(self.samples[1:])[(TIMED - 1) // 2])
            self.trying, self.samples = self._next(at), []
        return chunk

    def planned(self) -> Planned:
        """The plans so far."""
        return Planned(trials=tuple(self.trials), stretches=tuple(self.stretches), notes=tuple(self.notes))

    def resume(self, planned: Planned) -> None:
        """Go on where another process left off: what it chose last is kept."""
        self.trials, self.stretches = list(planned.trials), list(planned.stretches)
        self.notes = list(planned.notes)
        if self.fixed is None and self.stretches:
            self.current, self.trying = self.stretches[-1].plan, None

    def _judge(self, plan: Plan, seconds: float) -> None:
        """Take a plan that was timed, or leave it."""
        chosen = plan is self.current or seconds < FASTER * self.seconds
        self.trials.append(Trial(plan=plan, verdict="chosen" if chosen else "slower", seconds=seconds))
        if chosen:
            self.current, self.seconds = plan, seconds

    def _next(self, at: Position) -> Plan | None:
        """The next plan that is worth a trial and is proven; None where there is none left."""
        if self.untried is None:
            self.untried = candidates(self.job, self.allowed)
        while self.untried:
            plan = replace(self.current, **self.untried.pop(0))
            if plan != self.current and self._worth(plan, at) and self._proven(plan, at):
                return plan
        return None

    def _look_after_compiling(self, at: Position) -> None:
        """Begin to compile where that pays twice; drop it where it pays no longer; try what has become ready."""
        left = self._left(at)
        if not self.may_compile or left is None:
            return
        try:
            if self.compiling is None:
                runner = self.runners.get(self.current)
                programs = runner.programs if isinstance(runner, Looped) else None
                least = 2.0 if programs else LONG_SECONDS
                if left * 0.75 * self.seconds < least or self.current.tier != "traced":
                    return
                from netwright.engine.compiling import Compiling  # most runs are too short for it

                self.compiling = Compiling(self.job, self._compiled_plan(), programs)
            if self.compiling.order.began is None:
                if left * self.compiling.saves(self.seconds) < 2 * self.compiling.price:
                    self.may_compile = False
                    return
                self.compiling.begin()
            elif left * self.compiling.saves(self.seconds) < self.compiling.price:
                self.notes.append("compiling was dropped: what was left to run became too short for it")
                self.close()
                return
            plan = self._compiled_plan()
            runner = self.compiling.runner(self._runner(self.current))
            if runner is not None:
                self.runners[plan], self.trying, self.samples, self.may_compile = runner, plan, [], False
        except Refused as error:
            self.trials.append(Trial(plan=self._compiled_plan(), verdict="refused", reason=str(error)))
            self.may_compile = False

    def _compiled_plan(self) -> Plan:
        return replace(self.current, tier="compiled", fused=True)

    def close(self) -> None:
        """Training is over: nothing is compiled any more."""
        self.may_compile = False
        if self.compiling is not None:
            self.compiling.drop()

    def _left(self, at: Position) -> int | None:
        """Steps that are left to run; None where that can't be known."""
        steps = self.job.steps
        return None if steps is None else steps * self.epochs - at.total

    def _worth(self, plan: Plan, at: Position) -> bool:
        """True where the steps that are left may save more than twice what the trial costs."""
        left = self._left(at)
        if left is None or COPIES * weight(self.job) > SHARE * memory():
            return False
        saving = savings(self.job, self.current, plan, self.seconds)
        return left * saving > 2 * PRICE * self.seconds * (plan.threads == self.current.threads)

    def _proven(self, plan: Plan, at: Position) -> bool:
        """Ask the gate. Threads are no change of what is computed, only of how sums are divided."""
        try:
            prove(self.job, self.current, plan, self.cursor.latest, self.job.due(at.total))
        except Exception as error:  # trying must never end a training that goes on without it
            self.trials.append(Trial(plan=plan, verdict="refused", reason=str(error)))
            return False
        return True

    def _under(self, plan: Plan, at: Position, most: int, until: float) -> Chunk:
        """Steps under one plan, written down."""
        first = at.total
        self._look()
        with threads(plan.threads):
            chunk = self._runner(plan).run(at, most, until)
        if chunk.steps:
            last = self.stretches[-1] if self.stretches else None
            if last is not None and last.plan == plan and last.last == first:
                self.stretches[-1] = Stretch(plan=plan, first=last.first, last=at.total)
            else:
                self.stretches.append(Stretch(plan=plan, first=first, last=at.total))
        return chunk

    def _look(self) -> None:
        """Where somebody has changed between two calls what a step depends on, what was proven is proven again."""
        now = time.perf_counter()
        if not self.job.watched and now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        seen = surroundings(self.job)
        if self.surroundings is not None and seen != self.surroundings:
            self.runners.clear()
            self.changes += 1
            if self.changes > MOST_CHANGES and self.current.tier != "eager" and not isinstance(self.fixed, Planned):
                changed = next((k for k in seen if seen[k] != self.surroundings.get(k)), "something")
                self.notes.append(f"steps run eagerly from here on, for {changed} changes again and again in between")
                self.current, self.trying = Plan(threads=self.current.threads), None
                self.close()
        self.surroundings = seen

    def _runner(self, plan: Plan) -> Runner:
        if plan not in self.runners:
            self.runners[plan] = self._made(plan)
        return self.runners[plan]

    def _made(self, plan: Plan) -> Runner:
        if plan.tier == "compiled":
            return self._compiled(plan)
        if plan.tier == "traced":
            return self._traced(plan)
        return self._eager(plan)

    def _eager(self, plan: Plan) -> Eager:
        """The eager tier; with the optimizer's own step, and a note, where there is no fused one."""
        try:
            return Eager(self.job, self.cursor, self.averages, plan)
        except ValueError as error:
            note = f"the optimizer's own step is used: {error}"
            if note not in self.notes:
                self.notes.append(note)
            return Eager(self.job, self.cursor, self.averages, replace(plan, fused=False))

    def _traced(self, plan: Plan) -> Runner:
        """Many steps in one graph where the updates are fused and the data lies in memory; else step by step."""
        prove, plan = partial(self._traceable, plan), self._eager(plan).plan
        stepwise = Traced(self.job, self.cursor, self.averages, plan, prove)
        if not plan.fused:
            return stepwise
        try:
            if on_gpu(self.job):
                from netwright.engine.graphed import Graphed  # like what compiles, imported by who can use it

                return Graphed(self.job, prove, stepwise)
            return Looped(self.job, prove, stepwise)
        except Refused:
            return stepwise

    def _compiled(self, plan: Plan) -> Runner:
        """The runner of a plan that is fixed: waited for. Where it is refused, steps run traced, and that is told."""
        from netwright.engine.compiling import Compiling

        traced_plan = replace(plan, tier="traced")
        traced = self._runner(traced_plan)
        try:
            compiling = Compiling(self.job, plan)
            self.cursor.introduce(compiling.batches[0])
            compiling.begin()
            runner = compiling.runner(traced, wait=True)
            assert runner is not None
            return runner
        except Refused as error:
            self.notes.append(f"instead of compiled, steps ran {traced_plan}: {error}")
            return traced

    def _traceable(self, plan: Plan, batch: Any, due: Sequence[Phase]) -> tuple[Program, dict[int, Tensor]]:
        """A proven program for a form of batch that has come up; what is refused is told once and runs eagerly."""
        key = (plan, form(batch), *map(id, due), self.changes)
        if key in self.refusals:
            raise self.refusals[key]
        elapsed = time.perf_counter() - self.began
        if self.proofs > PROOF_SECONDS + PROOF_SHARE * elapsed:
            raise Refused("there are too many forms of batches to prove each")
        began = time.perf_counter()
        try:
            return proven(self.job, batch, due, plan=plan)
        except Refused as error:
            self.refusals[key] = error
            rows = trees.rows(batch)
            note = f"batches of {rows} rows run eagerly where the plan is traced: {error}"
            if note not in self.notes:
                self.notes.append(note)
            raise
        finally:
            self.proofs += time.perf_counter() - began

    def _written(self, total: int, most: int) -> tuple[Plan, int]:
        """The plan that step `total` ran under, and how many of the next `most` did too."""
        assert isinstance(self.fixed, Planned)
        for stretch in self.fixed.stretches:
            if stretch.first <= total < stretch.last:
                return stretch.plan, min(most, stretch.last - total)
        return (self.fixed.stretches[-1].plan if self.fixed.stretches else Plan()), most


@contextmanager
def threads(count: int) -> Iterator[None]:
    """While inside, torch uses this many threads for an operator; 0 leaves its setting."""
    before = torch.get_num_threads()
    if count and count != before:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count and count != before:
            torch.set_num_threads(before)
