"""Many steps as one program: the loop over batches, gather, forward, loss, backward and update, without Python.

The weights and the optimizer's state are gathered into flat tensors before each call and put back after it, so that
module and optimizer are true whenever anybody can look at them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netwright.core import trees
from netwright.core.phase import Phase
from netwright.engine.averages import trainable
from netwright.engine.blueprint import MOST_STEPS, Arguments, Blueprint, Group
from netwright.engine.formulas import Formula, formula, read_state, write_state
from netwright.engine.fused import ONE
from netwright.engine.job import Chunk, Job, Position
from netwright.engine.loop import Runner
from netwright.engine.program import Draw, Form, Program, replaced
from netwright.engine.recording import Refused
from netwright.engine.resident import Schedules, columns, joined, resident, sizes, whole

DRAWN_ASIDE = {
    "aten::bernoulli_",
    "aten::uniform_",
    "aten::normal_",
    "aten::exponential_",
    "aten::rand",
    "aten::randn",
    "aten::rand_like",
    "aten::randn_like",
    "aten::randint",
    "aten::randint_like",
    "aten::randperm",
    "aten::random_",
}
"""Operators that draw the same random numbers whatever is in the tensors they are given."""
AHEAD = 4096
"""Updates whose numbers are worked out at once."""


def draft(job: Job, program: Program, constants: dict[int, Tensor], rows: int, threads: int) -> Blueprint:
    """What is to be compiled for this job's batches of so many rows. Raises Refused where it can't be."""
    source = resident(job)
    for draw in program.draws:
        if draw.call.operator not in DRAWN_ASIDE:
            raise Refused(f"it draws random numbers with {draw.call.operator}")
    if sum(call.draws for call in program.calls()) != len(program.draws):
        raise Refused("it draws random numbers in a way that can't be drawn ahead")
    data = [Form.of(t) for t in trees.leaves(source.data)]
    steps = source.rows // rows if rows == sizes(source)[0] else 1
    steps = steps if program.draws or not whole(source) else MOST_STEPS
    named = dict(job.module.named_parameters()) | dict(job.module.named_buffers())
    forms = {n: Form.of(named[slot.name]) for n, slot in enumerate(program.slots) if slot.kind != "batch"}
    forms |= {n: Form.of(t) for n, t in constants.items()}
    carried = {n for n, slot in enumerate(program.slots) if slot.kind == "buffer" and slot.name in program.changed}
    groups = tuple(g for phase in job.phases for g in _groups(job.module, phase, program))
    flat = [n for group in groups for n in group.slots]
    if len(set(flat)) < len(flat):
        raise Refused("two phases train the same weights")
    return Blueprint(
        program=program,
        data=tuple(data),
        batch=tuple(n for n, slot in enumerate(program.slots) if slot.kind == "batch"),
        batch_size=rows,
        steps=steps,
        gathered=not whole(source),
        groups=groups,
        carried=tuple((n, forms[n]) for n in sorted(carried)),
        fixed=tuple((n, form) for n, form in sorted(forms.items()) if n not in carried and n not in flat),
        threads=threads or torch.get_num_threads(),
    )


def _groups(module: nn.Module, phase: Phase, program: Program) -> list[Group]:
    """The phase's parameters that get gradients, by the settings and the updates they have had."""
    segment = next(s for s in program.segments if s.phase == phase.name)
    numbers = {slot.name: n for n, slot in enumerate(program.slots)}
    names = {id(p): name for name, p in module.named_parameters()}
    places = {id(p): i for i, p in enumerate(trainable(phase.optimizer))}
    groups = []
    for options in phase.optimizer.param_groups:
        rule = formula(phase.optimizer, options)
        if isinstance(rule, str):
            raise Refused(rule)
        parts: dict[tuple, list[nn.Parameter]] = {}
        for p in options["params"]:
            if p.requires_grad and segment.gradients[places[id(p)]] is not None:
                if id(p) not in names:
                    raise Refused("the optimizer trains a tensor that is not a parameter of the module")
                parts.setdefault((p.dtype, read_state(phase.optimizer, p, rule)[1]), []).append(p)
        for parameters in parts.values():
            groups.append(
                Group(
                    phase=phase.name,
                    slots=tuple(numbers[names[id(p)]] for p in parameters),
                    places=tuple(places[id(p)] for p in parameters),
                    forms=tuple(Form.of(p) for p in parameters),
                    optimizer=type(phase.optimizer).__name__,
                    options=tuple((k, v) for k, v in options.items() if k not in ("params", "lr", "initial_lr")),
                    state=len(rule.state),
                    columns=rule.table(options, 0).shape[1],
                )
            )
    return groups


@dataclass(frozen=True)
class Part:
    """A compiled program for batches of one size, and the tensors it is bound to."""

    plan: Blueprint
    first: int
    """The step of an epoch that its first one is."""
    program: Any
    fixed: Sequence[Tensor]

    @classmethod
    def of(cls, job: Job, plan: Blueprint, constants: dict[int, Tensor], path: Path, first: int) -> "Part":
        """Load the program at `path`."""
        tensors = dict(job.module.named_parameters()) | dict(job.module.named_buffers())
        found = [constants[n] if n in constants else tensors[plan.program.slots[n].name] for n, _ in plan.fixed]
        program = torch._C._aoti.AOTIModelContainerRunnerCpu(str(path), 1)
        return cls(plan, first, program, [t.detach() for t in found])


class Compiled:
    """Runs the full batches of an epoch in one program, and its last, smaller batch in another."""

    def __init__(self, job: Job, parts: Sequence[Part], other: Runner) -> None:
        """`other` runs what no part is for: a step that is not finite, so that it says why."""
        self.job, self.parts, self.other = job, parts, other
        self.source = resident(job)
        self.data = list(trees.leaves(self.source.data))
        self.groups = [Bound(group, job) for group in parts[0].plan.groups]
        tensors, slots = dict(job.module.named_buffers()), parts[0].plan.program.slots
        self.carried = [tensors[slots[n].name] for n, _ in parts[0].plan.carried]
        self.schedules = Schedules(job)
        self.epoch: tuple[int, Tensor] | None = None
        self.seconds = 0.0

    def run(self, at: Position, most: int, until: float) -> Chunk:
        """Steps from `at` on: at most `most`, and about as many as will be done by `until`."""
        began, steps, rows = time.perf_counter(), 0, 0
        told: list[tuple[Blueprint, Tensor]] = []
        with torch.no_grad():
            flats = [group.gathered() for group in self.groups]
            carried = list(self.carried)
            while steps < most and (part := self._part(at.step)) is not None:
                first = at.step - part.first
                count = min(most - steps, part.plan.steps - first, MOST_STEPS)
                count = min(count, self._fitting(until - time.perf_counter()))
                if not count:
                    break
                done, given, flats, carried = self._call(part, at, count, steps, flats, carried)
                told.append((part.plan, given[:done]))
                steps, rows = steps + done, rows + done * part.plan.batch_size
                at.step, at.total, at.rows = at.step + done, at.total + done, at.rows + done * part.plan.batch_size
                if done < count:
                    break
            if steps:
                for group, flat in zip(self.groups, flats, strict=True):
                    group.put_back(flat, steps)
                for buffer, value in zip(self.carried, carried, strict=True):
                    buffer.copy_(value)
        if not steps:  # the next step is not finite: run by hand, it says why
            return self.other.run(at, 1, until)
        seconds = time.perf_counter() - began
        self.seconds = seconds / steps
        losses, weights = joined([columns(plan.program, plan.batch_size, rows) for plan, rows in told])
        return Chunk(losses=losses, weights=weights, steps=steps, rows=rows, seconds=seconds)

    def _part(self, step: int) -> "Part | None":
        """The part that step `step` of an epoch is in."""
        return next((p for p in self.parts if p.first <= step < p.first + p.plan.steps), None)

    def _fitting(self, seconds: float) -> int:
        """How many steps take so long: 8 where that is not known yet; at least one call is always made."""
        return max(int(seconds / self.seconds), 0 if seconds < 0 else 1) if self.seconds else 8

    def _call(
        self, part: "Part", at: Position, count: int, after: int, flats: list[Tensor], carried: list[Tensor]
    ) -> tuple[int, Tensor, list[Tensor], list[Tensor]]:
        """Run `count` steps after `after` others of this run.

        Gives how many were finite, what they told (L, columns), the new flats and buffers.
        """
        first = at.step - part.first
        self.schedules.mark()
        arguments = Arguments(
            torch.tensor(first),
            torch.tensor(first + count),
            self._order(part, at.seed),
            self.data,
            self._tables(count, after),
            flats,
            carried,
            part.fixed,
            self._noise(part, count),
        )
        step, _, told, *state = part.program.run(arguments.flattened())
        done = int(step) - first
        if done < count:
            self.schedules.back(done)
        return done, told, state[: len(flats)], state[len(flats) :]

    def _tables(self, count: int, after: int) -> list[Tensor]:
        """By group: the numbers of the next updates (L, K); schedulers are moved on past `count` of them."""
        if not self.schedules.schedulers:
            return [group.ahead(after) for group in self.groups]
        by_step = []
        for i in range(count):
            by_step.append([group.table(after + i, 1) for group in self.groups])
            self.schedules.step()
        rows = [torch.cat(parts) for parts in zip(*by_step, strict=True)]
        return [nn.functional.pad(r, (0, 0, 0, MOST_STEPS - count)) for r in rows]

    def _order(self, part: Part, seed: int) -> Tensor:
        """(S, B) the rows of the part's batches in an epoch."""
        if self.epoch is None or self.epoch[0] != seed:
            self.epoch = seed, self.source.order(seed)
        size, steps = part.plan.batch_size, part.plan.steps
        if not part.plan.gathered:
            return torch.zeros(steps, size, dtype=torch.int64)
        begin = part.first * self.parts[0].plan.batch_size
        return self.epoch[1][begin : begin + steps * size].view(steps, size)

    def _noise(self, part: Part, count: int) -> list[Tensor]:
        """By draw: (L, …), drawn step by step in the order in which the steps themselves would draw."""
        draws = part.plan.program.draws
        noise = [Form((MOST_STEPS, *draw.form.shape), draw.form.dtype).empty() for draw in draws]
        for i in range(count) if draws else ():
            for draw, tensor in zip(draws, noise, strict=True):
                tensor[i] = drawn(draw)
        return noise


class Bound:
    """A group of the program and the parameters it stands for."""

    def __init__(self, group: Group, job: Job) -> None:
        self.group = group
        self.phase = next(p for p in job.phases if p.name == group.phase)
        trained = trainable(self.phase.optimizer)
        self.parameters = [trained[place] for place in group.places]
        first = id(self.parameters[0])
        groups = self.phase.optimizer.param_groups
        self.place = next(i for i, g in enumerate(groups) if first in map(id, g["params"]))
        rule = formula(self.phase.optimizer, self.options)
        if isinstance(rule, str):
            raise Refused(rule)
        self.formula: Formula = rule
        self.tensors: list[Tensor] = []
        self.held: list[tuple[Tensor, dict]] = []
        self.counts: list[Tensor] = []
        self.done = self.known = 0
        self.settings: list[Any] | None = None
        self.rows = torch.empty(0)

    @property
    def options(self) -> dict[str, Any]:
        """The group's settings: the optimizer's own dict, which it replaces when a state is loaded."""
        return self.phase.optimizer.param_groups[self.place]

    def gathered(self) -> Tensor:
        """(1 + states, numbers): the parameters end to end, and below them each state tensor."""
        state = self.phase.optimizer.state
        if any(state.get(p) is not held for p, held in self.held):  # somebody has loaded another state
            self.tensors = []
        if self.tensors:
            self.done = int(self.counts[0]) if self.counts else self.done
            return torch._C._nn.flatten_dense_tensors(self.tensors).view(1 + self.group.state, -1)
        held = [read_state(self.phase.optimizer, p, self.formula) for p in self.parameters]
        self.done = held[0][1]
        states = zip(*(state for state, _ in held), strict=True)
        return torch.cat([t.reshape(-1) for row in [self.parameters, *states] for t in row]).view(
            1 + self.group.state, -1
        )

    def put_back(self, flat: Tensor, updates: int) -> None:
        """Leave what the program made in the parameters and the optimizer's state."""
        if not self.tensors:
            self._begin()
        torch._foreach_copy_(self.tensors, torch._C._nn.unflatten_dense_tensors(flat.view(-1), self.tensors))
        self.done += updates
        if self.counts:
            torch._foreach_add_(self.counts, ONE, alpha=float(updates))

    def _begin(self) -> None:
        """Have the optimizer's state made as torch.optim makes it, and remember its tensors."""
        optimizer, steps = self.phase.optimizer, max(self.done, 1)
        for parameter in self.parameters:
            state = tuple(torch.zeros_like(parameter) for _ in self.formula.state)
            write_state(optimizer, parameter, self.formula, state, steps)
        held = [optimizer.state.get(p, {}) for p in self.parameters]
        self.held = list(zip(self.parameters, held, strict=True)) if self.formula.state else []
        self.tensors = [*self.parameters, *(state[name] for name in self.formula.state for state in held)]
        self.counts = [state["step"] for state in held if "step" in state]
        for count in self.counts:
            count.fill_(self.done)

    def table(self, after: int, count: int) -> Tensor:
        """(count, K) the numbers of the updates from `after` on, counted from those gathered."""
        return self.formula.table(self.options, self.done + after, count).to(self.group.flat.dtype)

    def ahead(self, after: int) -> Tensor:
        """(L, K) the same while nothing is scheduled by the update, worked out for many calls at once."""
        settings = [value for name, value in self.options.items() if name != "params"]
        start = self.done + after
        if settings != self.settings or not self.known <= start <= self.known + len(self.rows) - MOST_STEPS:
            self.settings, self.known = settings, start
            self.rows = self.formula.table(self.options, start, AHEAD).to(self.group.flat.dtype)
        return self.rows[start - self.known : start - self.known + MOST_STEPS]


def drawn(draw: Draw) -> Tensor:
    """Draw what a call would have drawn, on tensors of the same form."""
    tensors = {n: form.empty() for n, form in draw.templates}
    schema = draw.call.function._schema.arguments
    arguments = replaced(draw.call.arguments, tensors)
    named = {a.name: v for a, v in zip(schema, arguments, strict=True) if a.kwarg_only}
    return draw.call.function(*arguments[: len(arguments) - len(named)], **named)
