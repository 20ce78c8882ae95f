"""Steps run from their recorded operators: the same ones on the same numbers, with no Python or autograd between."""

import math
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from netwright.core import trees
from netwright.core.phase import Phase
from netwright.core.plan import Plan
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager, one_by_one
from netwright.engine.graph import as_written, compile_segment, crossing
from netwright.engine.job import Chunk, Job, Position
from netwright.engine.program import Program, Segment, Value
from netwright.engine.recording import Refused
from netwright.engine.tally import Tally
from netwright.engine.update import NotFinite

Prove = Callable[[Any, Sequence[Phase]], tuple[Program, dict[int, Tensor]]]
"""(batch, due phases) → a sound program and its constants; raises Refused."""


class Trace:
    """A program bound to the tensors of one module, ready to run on batches of one form."""

    def __init__(self, program: Program, constants: dict[int, Tensor], job: Job) -> None:
        self.program = program
        tensors = dict(job.module.named_parameters()) | dict(job.module.named_buffers())
        self.bound = {n: c.detach() for n, c in constants.items()}
        self.batch: list[int] = []
        for number, slot in enumerate(program.slots):
            if slot.kind == "batch":
                self.batch.append(number)
            else:
                self.bound[number] = tensors[slot.name].detach()
        crossings = crossing(program.segments, {*self.bound, *self.batch})
        self.functions = [
            (compile_segment(segment, inputs, outputs), inputs, outputs)
            for segment, (inputs, outputs) in zip(program.segments, crossings, strict=True)
        ]

    def begin(self, leaves: Sequence[Tensor]) -> dict[int, Tensor]:
        """All tensors the first segment may read; `leaves` are those of the batch."""
        tensors = self.bound.copy()
        tensors.update(zip(self.batch, leaves, strict=True))
        return tensors

    def run(self, index: int, tensors: dict[int, Tensor]) -> None:
        """Run one segment, adding what it gives to `tensors`."""
        function, inputs, outputs = self.functions[index]
        tensors.update(zip(outputs, function(*[tensors[n] for n in inputs]), strict=True))


class Traced:
    """Runs steps from their programs; a form of batch that has none, or none that was proven, runs eagerly."""

    def __init__(self, job: Job, cursor: Cursor, averages: Averages, plan: Plan, prove: Prove) -> None:
        self.job, self.cursor, self.plan, self.prove = job, cursor, plan, prove
        self.eager = Eager(job, cursor, averages, plan)
        self.traces: dict[tuple, Trace | None] = {}
        self.refused: dict[tuple, str] = {}

    def run(self, at: Position, most: int, until: float) -> Chunk:
        """Steps from `at` on: at most `most`, and none begun after `until` but the first."""
        return one_by_one(self.job, self.cursor, self.step, at, most, until)

    def step(self, batches: Sequence[Any], due: Sequence[Phase], tally: Tally) -> None:
        """One step: each segment on each batch, and the update that follows it."""
        leaves = [list(trees.leaves(batch)) for batch in batches]
        found = [self._trace(batch, own, due) for batch, own in zip(batches, leaves, strict=True)]
        traces = [trace for trace in found if trace is not None]
        if len(traces) < len(found):
            self.eager.step(batches, due, tally)
            return
        with torch.no_grad():
            running = [(trace, trace.begin(own), len(own[0])) for trace, own in zip(traces, leaves, strict=True)]
            for index, phase in enumerate(due):
                with as_written():
                    for trace, tensors, _ in running:
                        trace.run(index, tensors)
                results = [Result(trace.program.segments[index], tensors, rows) for trace, tensors, rows in running]
                gradients = _gradients(results, phase, tally)
                self.eager.updaters[phase.name].apply(tally.at, gradients)
        tally.step(sum(rows for _, _, rows in running))

    def _trace(self, batch: Any, leaves: Sequence[Tensor], due: Sequence[Phase]) -> Trace | None:
        """The program for batches of this form and these phases; None where there is none."""
        key = (form(batch), *map(id, due))
        if key not in self.traces:
            try:
                if not leaves or not leaves[0].dim():
                    raise Refused("its batches don't begin with a tensor of rows")
                self.traces[key] = Trace(*self.prove(batch, due), self.job)
            except Refused as error:
                self.traces[key], self.refused[key] = None, str(error)
        return self.traces[key]


def form(batch: Any) -> Any:
    """What a program is good for: the structure of a batch, the form of its tensors, anything else by value."""
    if isinstance(batch, Tensor):
        return batch.shape, batch.dtype, batch.stride()
    if isinstance(batch, (tuple, list)):
        return type(batch), tuple([form(item) for item in batch])
    if isinstance(batch, dict):
        return type(batch), tuple([(key, form(item)) for key, item in batch.items()])
    if is_dataclass(batch):
        return type(batch), tuple([form(getattr(batch, field.name)) for field in fields(batch)])
    return repr(batch)


class Result(NamedTuple):
    """What a segment gave for one batch."""

    segment: Segment
    tensors: dict[int, Tensor]
    rows: int

    def gradients(self) -> list[Tensor | None]:
        """Of the phase's parameters, in their order."""
        tensors = self.tensors
        return [tensors[g.number] if g is not None else None for g in self.segment.gradients]

    def weight(self) -> float | None:
        """The weight the loss gave; None where it gave none and speaks for the rows."""
        weight = self.segment.weight
        return float(self.tensors[weight.number]) if isinstance(weight, Value) else weight


def _gradients(results: Sequence[Result], phase: Phase, tally: Tally) -> list[Tensor | None]:
    """The gradient of the mean over all rows, weighed as the eager tier does."""
    weights = []
    for result in results:
        number = result.tensors[result.segment.loss.number].item()
        if not math.isfinite(number):
            raise NotFinite("The loss", number, phase, tally.at)
        weights.append(result.weight())
        figures = {name: float(result.tensors[v.number]) for name, v in result.segment.figures}
        tally.saw(phase.name, number, result.rows if weights[-1] is None else weights[-1], figures)
    if len(results) == 1:
        return results[0].gradients()
    rows, weighed = sum(result.rows for result in results), sum(w for w in weights if w is not None)
    total: list[Tensor | None] = []
    for result, weight in zip(results, weights, strict=True):
        factor = result.rows / rows if weight is None else weight / weighed if weighed else 0.0
        total = _added(total, [g * factor if g is not None else None for g in result.gradients()])
    return total


def _added(total: list[Tensor | None], gradients: list[Tensor | None]) -> list[Tensor | None]:
    if not total:
        return gradients
    return [b if a is None else a if b is None else a + b for a, b in zip(total, gradients, strict=True)]
