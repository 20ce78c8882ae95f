"""Many steps as one program: the loop over batches, gather, forward, loss, backward and update, without Python.

The weights and the optimizer's state are gathered into flat tensors before each call and put back after it, so that
module and optimizer are true whenever anybody can look at them.
"""

import time
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from netwright.core import trees
from netwright.core.phase import Phase
from netwright.engine.averages import trainable
from netwright.engine.blueprint import MOST_STEPS, Arguments, Blueprint, Group
from netwright.engine.formulas import Formula, formula, read_state, write_state
from netwright.engine.job import Chunk, Job, Position
from netwright.engine.loop import Runner
from netwright.engine.program import Draw, Form, Program, replaced
from netwright.engine.recording import Refused

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
NOISE_NUMBERS = 2**24
"""Random numbers that are drawn ahead for one call at most."""


class Resident(Protocol):
    """A source that a program can take batches from by itself."""

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


def resident(source: Any) -> Resident:
    """The source, if a program can gather from it. Raises Refused otherwise."""
    if not all(hasattr(source, name) for name in ("data", "batch_size", "rows", "order", "at")):
        raise Refused("the data does not lie in memory as tensors")
    if any(t.device.type != "cpu" for t in trees.leaves(source.data)):
        raise Refused("the data is not on the CPU")
    return source


def draft(job: Job, program: Program, constants: dict[int, Tensor], threads: int) -> Blueprint:
    """What is to be compiled for this job's full batches. Raises Refused where it can't be."""
    source = resident(job.source)
    for phase in job.phases:
        if phase.every > 1 or phase.clip_norm or phase.average or phase.scaler or job.accumulate > 1:
            raise Refused("it clips, averages, accumulates, scales, or has a phase that does not run at every step")
    for draw in program.draws:
        if draw.call.operator not in DRAWN_ASIDE:
            raise Refused(f"it draws random numbers with {draw.call.operator}")
    if sum(call.draws for call in program.calls()) != len(program.draws):
        raise Refused("it draws random numbers in a way that can't be drawn ahead")
    data = [Form.of(t) for t in trees.leaves(source.data)]
    size = min(source.batch_size, source.rows)
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
        batch_size=size,
        steps=source.rows // size,
        gathered=source.shuffle or size < source.rows,
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


class Compiled:
    """Runs full batches in one program; the last, smaller batch of an epoch is left to another tier."""

    def __init__(self, job: Job, plan: Blueprint, constants: dict[int, Tensor], path: Path, ragged: Runner) -> None:
        self.job, self.plan, self.ragged = job, plan, ragged
        self.source = resident(job.source)
        self.program = torch._C._aoti.AOTIModelContainerRunnerCpu(str(path), 1)
        tensors = dict(job.module.named_parameters()) | dict(job.module.named_buffers())
        slots = plan.program.slots
        at = lambda n: constants[n] if n in constants else tensors[slots[n].name]  # noqa: E731
        self.fixed = [at(n).detach() for n, _ in plan.fixed]
        self.carried = [at(n).detach() for n, _ in plan.carried]
        self.groups = [Bound(group, job, [at(n) for n in group.slots]) for group in plan.groups]
        self.data = list(trees.leaves(self.source.data))
        self.epoch: tuple[int, Tensor] | None = None
        self.seconds = 0.0

    def run(self, at: Position, most: int, until: float) -> Chunk:
        """Steps from `at` on: at most `most`, and about as many as will be done by `until`."""
        began = time.perf_counter()
        count = min(most, self.plan.steps - at.step, MOST_STEPS, self._fitting(until - began))
        if count < 1:
            return self.ragged.run(at, most, until)
        schedules = [deepcopy(p.scheduler.state_dict()) if p.scheduler else None for p in self.job.phases]
        done, told = self._call(at, count)
        if done < count:  # the next step is not finite: run by hand, it says why
            for phase, kept in zip(self.job.phases, schedules, strict=True):
                if phase.scheduler is not None and kept is not None:
                    phase.scheduler.load_state_dict(kept)
            if not done:
                return self.ragged.run(at, 1, until)
        rows = done * self.plan.batch_size
        at.step, at.total, at.rows = at.step + done, at.total + done, at.rows + rows
        seconds = time.perf_counter() - began
        self.seconds = seconds / done
        losses, weights = self._columns(told[:done])
        return Chunk(losses=losses, weights=weights, steps=done, rows=rows, seconds=seconds)

    def _fitting(self, seconds: float) -> int:
        return max(1, int(seconds / self.seconds)) if self.seconds else 8

    @torch.no_grad()
    def _call(self, at: Position, count: int) -> tuple[int, Tensor]:
        """Run `count` steps; gives how many were finite, and what they told (L, columns)."""
        tables = self._tables(count)
        arguments = Arguments(
            torch.tensor(at.step),
            torch.tensor(at.step + count),
            self._order(at.seed),
            self.data,
            tables,
            [t for group in self.groups for t in group.gathered()],
            self.carried,
            self.fixed,
            self._noise(count),
        )
        step, _, told, *state = self.program.run(arguments.flattened())
        done = int(step) - at.step
        first = 0
        for group in self.groups:
            last = first + 1 + group.group.state
            group.put_back(state[first:last], done)
            first = last
        for buffer, value in zip(self.carried, state[first:], strict=True):
            buffer.copy_(value)
        return done, told

    def _tables(self, count: int) -> list[Tensor]:
        """By group: the numbers of the next updates (L, K); schedulers are moved on past them."""
        scheduled = [p.scheduler for p in self.job.phases if p.scheduler and p.scheduler_steps == "update"]
        for phase in self.job.phases:
            vars(phase.optimizer)["_opt_called"] = True
        if not scheduled:
            rows = [group.table(0, count) for group in self.groups]
        else:
            by_step = []
            for i in range(count):
                by_step.append([group.table(i, 1) for group in self.groups])
                for scheduler in scheduled:
                    scheduler.step()
            rows = [torch.cat(parts) for parts in zip(*by_step, strict=True)]
        return [nn.functional.pad(r, (0, 0, 0, MOST_STEPS - count)) for r in rows]

    def _order(self, seed: int) -> Tensor:
        """(S, B) the rows of the full batches of an epoch."""
        if self.epoch is None or self.epoch[0] != seed:
            size, steps = self.plan.batch_size, self.plan.steps
            self.epoch = seed, self.source.order(seed)[: steps * size].view(steps, size)
        return self.epoch[1]

    def _noise(self, count: int) -> list[Tensor]:
        """By draw: (L, …), drawn step by step in the order in which the steps themselves would draw."""
        draws = self.plan.program.draws
        noise = [Form((MOST_STEPS, *draw.form.shape), draw.form.dtype).empty() for draw in draws]
        for i in range(count):
            for draw, tensor in zip(draws, noise, strict=True):
                tensor[i] = drawn(draw)
        return noise

    def _columns(self, told: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(n, columns) → losses and weights by phase and figure."""
        losses, weights, column = {}, {}, 0
        for segment in self.plan.program.segments:
            names = [segment.phase, *(f"{segment.phase}.{name}" for name, _ in segment.figures)]
            weighed = segment.weight is not None
            rows = torch.full((len(told),), float(self.plan.batch_size), dtype=torch.float64)
            weight = told[:, column + 1] if weighed else rows
            for i, name in enumerate(names):
                losses[name], weights[name] = told[:, column + i + (weighed and i > 0)], weight
            column += len(names) + weighed
        return losses, weights


class Bound:
    """A group of the program and the parameters it stands for."""

    def __init__(self, group: Group, job: Job, parameters: Sequence[Tensor]) -> None:
        self.group, self.parameters = group, list(parameters)
        self.phase = next(p for p in job.phases if p.name == group.phase)
        first = id(parameters[0])
        self.options = next(g for g in self.phase.optimizer.param_groups if first in map(id, g["params"]))
        self.formula = self._rule()
        self.done = 0

    def gathered(self) -> list[Tensor]:
        """The flat parameters, and each flat state tensor."""
        states = []
        for parameter in self.parameters:
            state, self.done = read_state(self.phase.optimizer, parameter, self.formula)
            states.append(state)
        flat = [torch.cat([p.detach().reshape(-1) for p in self.parameters])]
        return [*flat, *(torch.cat([t.reshape(-1) for t in part]) for part in zip(*states, strict=True))]

    def put_back(self, flats: Sequence[Tensor], updates: int) -> None:
        """Leave what the program made in the parameters and the optimizer's state."""
        sizes = [form.numbers for form in self.group.forms]
        parts = [flat.split(sizes) for flat in flats]
        for i, parameter in enumerate(self.parameters):
            new, *state = [part[i].view_as(parameter) for part in parts]
            parameter.copy_(new)
            write_state(self.phase.optimizer, parameter, self.formula, tuple(state), self.done + updates)

    def table(self, after: int, count: int) -> Tensor:
        """(count, K) the numbers of the updates from `after` on."""
        _, done = read_state(self.phase.optimizer, self.parameters[0], self.formula)
        return self.formula.table(self.options, done + after, count).to(self.group.flat.dtype)

    def _rule(self) -> Formula:
        rule = formula(self.phase.optimizer, self.options)
        if isinstance(rule, str):
            raise Refused(rule)
        return rule


def drawn(draw: Draw) -> Tensor:
    """Draw what a call would have drawn, on tensors of the same form."""
    tensors = {n: form.empty() for n, form in draw.templates}
    schema = draw.call.function._schema.arguments
    arguments = replaced(draw.call.arguments, tensors)
    named = {a.name: v for a, v in zip(schema, arguments, strict=True) if a.kwarg_only}
    return draw.call.function(*arguments[: len(arguments) - len(named)], **named)
