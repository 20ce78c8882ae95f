"""The traced tier on a GPU: recorded operators and the optimizer's formula, captured as CUDA graphs of many steps.

A GPU waits for Python between kernels as small as those of a small network; a captured graph is launched at once. The
order of the rows and the numbers of the updates are written into tensors the graph reads; what the steps told is read
when it is done. See CUDA C++ Programming Guide, "CUDA Graphs", and `torch.cuda.graph`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netwright.core import trees
from netwright.core.phase import Phase
from netwright.engine.averages import trainable
from netwright.engine.formulas import Formula, formula, read_state
from netwright.engine.job import Chunk, Job, Position
from netwright.engine.loop import Runner
from netwright.engine.program import Program, Segment, Value, run
from netwright.engine.recording import Refused
from netwright.engine.resident import Schedules, columns, joined, resident, sizes
from netwright.engine.traced import Prove

MANY = 16
"""Steps of the larger graph; a remainder runs in one of a single step."""


@dataclass(frozen=True)
class Group:
    """Parameters that are updated by the same numbers, the places of their gradients, and their state tensors."""

    phase: Phase
    place: int
    """Of the group among the optimizer's."""
    formula: Formula
    parameters: list[Tensor]
    places: list[int]
    states: list[tuple[Tensor, ...]]
    counts: list[Tensor]
    done: int

    @property
    def options(self) -> dict[str, Any]:
        """The group's settings: the optimizer's own dict, which it replaces when a state is loaded."""
        return self.phase.optimizer.param_groups[self.place]

    def current(self) -> bool:
        """True while the optimizer holds the state tensors the graph writes to."""
        held = [read_state(self.phase.optimizer, p, self.formula)[0] for p in self.parameters]
        return all(a is b for old, new in zip(self.states, held, strict=True) for a, b in zip(old, new, strict=True))


def groups_of(phase: Phase, segment: Segment) -> list[Group]:
    """The phase's parameters that get gradients. Raises Refused for an optimizer without a formula."""
    places = {id(p): i for i, p in enumerate(trainable(phase.optimizer))}
    groups = []
    for place, options in enumerate(phase.optimizer.param_groups):
        rule = formula(phase.optimizer, options)
        if isinstance(rule, str):
            raise Refused(rule)
        own = [p for p in options["params"] if p.requires_grad and segment.gradients[places[id(p)]] is not None]
        held = [read_state(phase.optimizer, p, rule) for p in own]
        if len({done for _, done in held}) > 1:
            raise Refused("parameters of one group have had different numbers of updates")
        counts = [s["step"] for s in (phase.optimizer.state.get(p, {}) for p in own) if "step" in s]
        states = [state for state, _ in held]
        if own:
            groups.append(Group(phase, place, rule, own, [places[id(p)] for p in own], states, counts, held[0][1]))
    return groups


class Part:
    """The graphs for batches of one size. Made when the optimizer has stepped once and holds its state."""

    def __init__(self, job: Job, program: Program, constants: dict[int, Tensor], rows: int, first: int) -> None:
        source = resident(job, None)
        self.program, self.rows, self.first = program, rows, first
        self.steps = 1 if first else source.rows // rows
        self.data = list(trees.leaves(source.data))
        device = self.data[0].device
        tensors = dict(job.module.named_parameters()) | dict(job.module.named_buffers())
        self.batch = [n for n, slot in enumerate(program.slots) if slot.kind == "batch"]
        self.bound = {n: tensors[s.name].detach() for n, s in enumerate(program.slots) if s.kind != "batch"}
        self.bound |= {n: t.detach() for n, t in constants.items()}
        pairs = zip(job.phases, program.segments, strict=True)
        self.groups = [(segment, group) for phase, segment in pairs for group in groups_of(phase, segment)]
        self.order = torch.zeros(MANY, rows, dtype=torch.int64, device=device)
        self.tables = [
            group.formula.table(group.options, 0, MANY).to(device, group.parameters[0].dtype)
            for _, group in self.groups
        ]
        width = sum(1 + (s.weight is not None) + len(s.figures) for s in program.segments)
        self.told = torch.zeros(MANY, width, dtype=torch.float64, device=device)
        self.fine = torch.ones((), dtype=torch.bool, device=device)
        self.taken = torch.zeros((), dtype=torch.int64, device=device)
        self.launches: dict[int, Callable[[], object]] = {}

    def launch(self, count: int) -> None:
        """Run `count` steps, 1 or MANY, as they stand in `order` and `tables`."""
        if count not in self.launches:
            self.launches[count] = self._captured(count) if self.fine.is_cuda else lambda: self.steps_of(count)
        self.launches[count]()

    @torch.no_grad()
    def steps_of(self, count: int) -> None:
        """The steps themselves, in place; once a number is not finite, the weights stay as they are."""
        for i in range(count):
            tensors = dict(self.bound)
            for number, tensor in zip(self.batch, self.data, strict=True):
                tensors[number] = tensor.index_select(0, self.order[i])
            told: list[Tensor] = []
            for segment in self.program.segments:
                for call in segment.calls:
                    run(call, tensors)
                told += self._told(segment, tensors)
                self._update(segment, tensors, i, torch.stack(told).sum())
            self.told[i] = torch.stack(told)
            self.taken += self.fine

    def _told(self, segment: Segment, tensors: dict[int, Tensor]) -> list[Tensor]:
        weight = segment.weight
        values = [tensors[segment.loss.number]]
        if weight is not None:
            values.append(tensors[weight.number] if isinstance(weight, Value) else values[0].new_tensor(weight))
        values += [tensors[v.number] for _, v in segment.figures]
        return [value.to(torch.float64).reshape(()) for value in values]

    def _update(self, segment: Segment, tensors: dict[int, Tensor], row: int, told: Tensor) -> None:
        numbers = [g.number for g in segment.gradients if g is not None]
        sums = torch.stack([tensors[n].sum().to(torch.float64) for n in numbers])
        self.fine &= torch.isfinite(told + sums.sum())
        for k, (own, group) in enumerate(self.groups):
            if own is not segment:
                continue
            for parameter, place, state in zip(group.parameters, group.places, group.states, strict=True):
                gradient = segment.gradients[place]
                assert gradient is not None
                new, states = group.formula.update(parameter, tensors[gradient.number], state, self.tables[k][row])
                for tensor, value in zip((parameter, *state), (new, *states), strict=True):
                    tensor.copy_(torch.where(self.fine, value, tensor))

    def _captured(self, count: int) -> Callable[[], object]:
        """The steps as a CUDA graph. Capturing takes a few steps to warm up; what they change is put back."""
        changed = [*self.bound.values(), *(t for _, g in self.groups for state in g.states for t in state)]
        kept = [t.clone() for t in changed]
        with torch.random.fork_rng(devices=[self.fine.device]):
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(3):
                    self.steps_of(count)
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.steps_of(count)
        with torch.no_grad():
            for tensor, value in zip(changed, kept, strict=True):
                tensor.copy_(value)
            self.fine.fill_(True)
        return graph.replay


class Graphed:
    """Runs many steps in one launch; `other` runs the first step, and one that is not finite, so that it says why."""

    def __init__(self, job: Job, prove: Prove, other: Runner, kind: str = "cuda") -> None:
        """`prove(batch, due)` gives a proven program. Raises Refused where there is none for this job."""
        source = resident(job, kind)
        self.job, self.other, self.source = job, other, source
        device = next(trees.leaves(source.data)).device
        self.programs = [prove(source.at(torch.arange(n, device=device)), job.phases) for n in sizes(source)]
        self.parts: list[Part] = []
        self.schedules = Schedules(job)
        self.epoch: tuple[int, Tensor] | None = None

    def run(self, at: Position, most: int, until: float) -> Chunk:
        """Steps from `at` on: at most `most`, and none begun after `until` but the first launch."""
        began, steps, rows = time.perf_counter(), 0, 0
        told = []
        while steps < most and self._begun() and (part := self._part(at.step)) is not None:
            left = min(most - steps, part.first + part.steps - at.step)
            count = MANY if left >= MANY else 1
            done = self._launch(part, at, count)
            told.append(columns(part.program, part.rows, part.told[:done].to("cpu", copy=True)))
            steps, rows = steps + done, rows + done * part.rows
            at.step, at.total, at.rows = at.step + done, at.total + done, at.rows + done * part.rows
            if done < count or time.perf_counter() >= until:
                break
        if not steps:
            return self.other.run(at, 1, until)
        losses, weights = joined(told)
        return Chunk(losses=losses, weights=weights, steps=steps, rows=rows, seconds=time.perf_counter() - began)

    def _launch(self, part: Part, at: Position, count: int) -> int:
        """Run `count` steps; gives how many were finite."""
        if self.epoch is None or self.epoch[0] != at.seed:
            self.epoch = at.seed, self.source.order(at.seed)
        begin = part.first * self.parts[0].rows + (at.step - part.first) * part.rows
        rows = self.epoch[1][begin : begin + count * part.rows]
        part.order[:count] = rows.view(count, part.rows)
        self._number(part, count)
        part.taken.zero_()
        part.launch(count)
        done = int(part.taken)
        if done < count:
            part.fine.fill_(True)
            self.schedules.back(done)
        for _, group in part.groups:
            for held in group.counts:
                held += done
        return done

    def _number(self, part: Part, count: int) -> None:
        """Write the numbers of the next updates into the tables; schedulers are moved on past them."""
        self.schedules.mark()
        for i in range(count):
            for table, (_, group) in zip(part.tables, part.groups, strict=True):
                done = int(group.counts[0]) if group.counts else group.done
                table[i] = group.formula.table(group.options, done + i)[0].to(table)
            self.schedules.step()

    def _begun(self) -> bool:
        """True once the optimizers hold their state: their first update makes it, and the parts are bound to it."""
        if not all(group.current() for part in self.parts for _, group in part.groups):
            self.parts = []
        if not self.parts and all(self._stepped(phase) for phase in self.job.phases):
            first = 0
            for (program, constants), rows in zip(self.programs, sizes(self.source), strict=True):
                self.parts.append(Part(self.job, program, constants, rows, first))
                first = self.parts[0].steps
        return bool(self.parts)

    @staticmethod
    def _stepped(phase: Phase) -> bool:
        rules = [formula(phase.optimizer, group) for group in phase.optimizer.param_groups]
        stateful = any(isinstance(rule, Formula) and rule.state for rule in rules)
        return bool(phase.optimizer.state) or not stateful

    def _part(self, step: int) -> Part | None:
        return next((p for p in self.parts if p.first <= step < p.first + p.steps), None)
