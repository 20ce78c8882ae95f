"""The traced tier at its fastest: gather, recorded operators and fused update of many steps in one graph with a loop.

It is run by the executor of `graph.py`, so it needs no compiler; what it does is what `traced.py` does with the fused
update, operator by operator, on the module's and the optimizer's own tensors.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, Adam, AdamW

from netwright.core import trees
from netwright.core.phase import Phase
from netwright.engine.averages import trainable
from netwright.engine.fused import FusedStep
from netwright.engine.graph import Text, as_written, parsed
from netwright.engine.job import Chunk, Job, Position
from netwright.engine.loop import Runner
from netwright.engine.program import Program, Segment, Value
from netwright.engine.recording import Refused
from netwright.engine.resident import Schedules, columns, joined, resident, sizes, whole
from netwright.engine.traced import Prove

MOST_STEPS = 4096
"""Steps of one call: what each tells is kept until it ends."""
STATES: dict[type, tuple[str, ...]] = {
    Adam: ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    AdamW: ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    SGD: ("momentum_buffer",),
    Adagrad: ("sum",),
}
"""The state tensors of each optimizer in the order its fused kernel takes them."""
DIALS: dict[type, tuple[str, ...]] = {
    Adam: ("lr", "beta1", "beta2", "weight_decay", "eps"),
    AdamW: ("lr", "beta1", "beta2", "weight_decay", "eps"),
    SGD: ("weight_decay", "momentum", "lr", "dampening"),
    Adagrad: ("lr", "lr_decay", "weight_decay", "eps"),
}
"""Its numbers, in the same way."""


@dataclass(frozen=True)
class Group:
    """Parameters with the same settings: their numbers in the program, and the names of their state in the graph."""

    phase: Phase
    place: int
    """Of the group among the optimizer's."""
    parameters: tuple[int, ...]
    gradients: tuple[int, ...]
    tensors: tuple[Tensor, ...]

    @property
    def options(self) -> dict[str, Any]:
        """The group's settings: the optimizer's own dict, which it replaces when a state is loaded."""
        return self.phase.optimizer.param_groups[self.place]

    @property
    def counted(self) -> bool:
        """True where the optimizer counts its updates."""
        return not isinstance(self.phase.optimizer, SGD)

    def names(self) -> tuple[str, ...]:
        """The state tensors that are in use."""
        names = STATES[type(self.phase.optimizer)]
        on = {"max_exp_avg_sq": self.options.get("amsgrad"), "momentum_buffer": self.options.get("momentum")}
        return tuple(name for name in names if on.get(name, True))

    def switches(self) -> tuple:
        """What is written into the graph: everything but the numbers."""
        on = (bool(self.options.get("momentum")), self.options.get("decoupled_weight_decay"))
        return (*on, *((k, v) for k, v in self.options.items() if isinstance(v, bool)))

    def numbers(self) -> list[float]:
        """The numbers of the next update in the order of DIALS, which a scheduler may change before each."""
        names = DIALS[type(self.phase.optimizer)]
        options = self.options
        betas = dict(zip(("beta1", "beta2"), options.get("betas", ()), strict=False))
        return [float(betas[name] if name in betas else options[name]) for name in names]

    def states(self) -> list[list[Tensor]]:
        """By name the state tensors of all parameters, the counts last. Raises KeyError before the first update."""
        held = [self.phase.optimizer.state[p] for p in self.tensors] if self.names() or self.counted else []
        return [[state[name] for state in held] for name in (*self.names(), *(("step",) if self.counted else ()))]


def groups_of(job: Job, program: Program) -> list[Group]:
    """The parameters that get gradients, group by group. Raises Refused for an optimizer without a fused kernel."""
    numbers = {slot.name: n for n, slot in enumerate(program.slots)}
    names = {id(p): name for name, p in job.module.named_parameters()}
    groups = []
    for phase, segment in zip(job.phases, program.segments, strict=True):
        try:
            FusedStep(phase.optimizer)
        except ValueError as error:
            raise Refused(str(error)) from None
        places = {id(p): i for i, p in enumerate(trainable(phase.optimizer))}
        for place, options in enumerate(phase.optimizer.param_groups):
            own = [p for p in options["params"] if p.requires_grad and segment.gradients[places[id(p)]] is not None]
            if any(id(p) not in names for p in own):
                raise Refused("the optimizer trains a tensor that is not a parameter of the module")
            gradients = tuple(g.number for g in (segment.gradients[places[id(p)]] for p in own) if g is not None)
            if own:
                slots = tuple(numbers[names[id(p)]] for p in own)
                groups.append(Group(phase, place, slots, gradients, tuple(own)))
    return groups


class Part:
    """The graph for batches of one size."""

    def __init__(self, job: Job, program: Program, constants: dict[int, Tensor], rows: int, first: int) -> None:
        source = resident(job)
        self.program, self.rows, self.first = program, rows, first
        self.steps = 1 if first else source.rows // rows
        self.gathered = not whole(source)
        self.groups = groups_of(job, program)
        self.data = list(trees.leaves(source.data))
        tensors = dict(job.module.named_parameters()) | dict(job.module.named_buffers())
        batch = [n for n, slot in enumerate(program.slots) if slot.kind == "batch"]
        bound = {n: tensors[s.name].detach() for n, s in enumerate(program.slots) if s.kind != "batch"}
        bound |= {n: t.detach() for n, t in constants.items()}
        self.batch, self.bound = batch, bound
        self.found = torch.zeros((), dtype=torch.float32)
        self.function: Callable[..., tuple] | None = None
        self.switches: list[tuple] = []

    def run(self, order: Tensor, count: int, numbers: Sequence[list[float]]) -> tuple[int, Tensor]:
        """Run `count` steps on the rows of `order` (count · B,); gives how many were finite, and what they told.

        `numbers` hold by group and dial a number for each step.
        """
        switches = [group.switches() for group in self.groups]
        if self.function is None or switches != self.switches:
            self.function, self.switches = self._graph(), switches
        states = [t for group in self.groups for kind in group.states() for t in kind]
        inputs = [*self.data, *self.bound.values(), *states]
        done, told = self.function(count, order, self.found, ONE, *numbers, *inputs)
        if self.found.item():  # the last step was not taken
            self.found.zero_()
            done -= 1
            for group in self.groups:
                if group.counted:
                    torch._foreach_sub_(group.states()[-1], 1)
        width = len(told) // max(1, len(told) // self.width)
        by_column = [[t.reshape(()).double() for t in told[k::width][:done]] for k in range(self.width)]
        return done, torch.stack([torch.stack(column) for column in by_column], 1) if done else torch.empty(0, width)

    def left(self, step: int) -> int:
        """Steps that one call may run from this one of the epoch on.

        Where every batch is all of the data, the steps of many epochs are alike, unless random numbers are drawn in
        them: the order of an epoch is drawn from the same stream in between.
        """
        if self.gathered or self.program.draws:
            return self.first + self.steps - step
        return MOST_STEPS

    @property
    def width(self) -> int:
        """Losses, weights and figures that a step tells."""
        return sum(1 + (s.weight is not None) + len(s.figures) for s in self.program.segments)

    def _graph(self) -> Callable[..., tuple]:
        """The loop as a graph: (count, order, found, one, numbers …, data …, bound …, states …) → (done, told)."""
        text = Text()
        data = [f"%d{i}" for i in range(len(self.data))]
        dials = [[f"%r{k}_{j}" for j in range(len(g.numbers()))] for k, g in enumerate(self.groups)]
        states = [
            [[f"%s{k}_{j}_{i}" for i in range(len(group.tensors))] for j in range(len(group.states()))]
            for k, group in enumerate(self.groups)
        ]
        self._gather(text, data)
        for segment in self.program.segments:
            for call in segment.calls:
                text.call(call)
            for name in self._told(text, segment):
                text.line(f"{text.name()} : Tensor[] = aten::append(%told, {name})")
            self._update(text, segment, dials, states)
        text.line(f"%done : int = aten::add(%before, {text.value(1, 'int')})")
        text.line("%stop : bool = aten::Bool(%found)")
        text.line("%go : bool = aten::__not__(%stop)")
        inputs = ["%count : int", "%order : Tensor", "%found : Tensor", "%one : Tensor"]
        inputs += [f"{dial} : float[]" for group in dials for dial in group] + [f"{name} : Tensor" for name in data]
        inputs += [f"%{n} : Tensor" for n in self.bound]
        inputs += [f"{name} : Tensor" for group in states for kind in group for name in kind]
        body = "\n      ".join(text.lines)
        return parsed(f"""graph({", ".join(inputs)}):
  %true : bool = prim::Constant[value=1]()
  %zero : int = prim::Constant[value=0]()
  %told : Tensor[] = prim::ListConstruct()
  %all : int = prim::Loop(%count, %true, %zero)
    block0(%i : int, %before : int):
      {body}
      -> (%go, %done)
  %out : (int, Tensor[]) = prim::TupleConstruct(%all, %told)
  return (%out)""")

    def _gather(self, text: Text, data: Sequence[str]) -> None:
        """The batch: the rows of this turn."""
        number = lambda value: text.value(value, "int")  # noqa: E731
        if not self.gathered:
            for slot, name in zip(self.batch, data, strict=True):  # a copy: what a module does in place stays its own
                text.line(f"%{slot} : Tensor = aten::clone({name}, {text.value(None, '')})")
            return
        text.line(f"%begin : int = aten::mul(%i, {number(self.rows)})")
        text.line(f"%end : int = aten::add(%begin, {number(self.rows)})")
        text.line(f"%rows : Tensor = aten::slice(%order, {number(0)}, %begin, %end, {number(1)})")
        for slot, name in zip(self.batch, data, strict=True):
            text.line(f"%{slot} : Tensor = aten::index_select({name}, {number(0)}, %rows)")

    @staticmethod
    def _told(text: Text, segment: Segment) -> list[str]:
        """The names of the loss, its weight and figures."""
        weight = []
        if isinstance(segment.weight, Value):
            weight = [f"%{segment.weight.number}"]
        elif segment.weight is not None:
            name = text.name()
            text.line(f"{name} : Tensor = prim::NumToTensor({text.value(float(segment.weight), 'float')})")
            weight = [name]
        return [f"%{segment.loss.number}", *weight, *(f"%{v.number}" for _, v in segment.figures)]

    def _update(
        self, text: Text, segment: Segment, dials: Sequence[list[str]], states: Sequence[Sequence[list[str]]]
    ) -> None:
        """The check of loss and gradients, and the fused update of the segment's groups."""
        gradients = dict.fromkeys(f"%{g.number}" for g in segment.gradients if g is not None)
        checked = text.listed([f"%{segment.loss.number}", *gradients])
        text.line(f"aten::_amp_foreach_non_finite_check_and_unscale_({checked}, %found, %one)")
        for k, group in enumerate(self.groups):
            if group.phase.name == segment.phase:
                self._fused(text, group, dials[k], [text.listed(kind) for kind in states[k]])

    @staticmethod
    def _fused(text: Text, group: Group, dials: Sequence[str], states: list[str]) -> None:
        """One call of the kernel `fused.py` calls."""
        options, kind = group.options, type(group.phase.optimizer)
        parameters = text.listed([f"%{n}" for n in group.parameters])
        gradients = text.listed([f"%{n}" for n in group.gradients])
        numbers = []
        for dial in dials:
            numbers.append(text.name())
            text.line(f"{numbers[-1]} : float = aten::__getitem__({dial}, %i)")
        rest = ", ".join(numbers)
        switch = lambda name: text.value(bool(options[name]), "bool")  # noqa: E731
        if group.counted:
            text.line(f"aten::_foreach_add_({states[-1]}, %one, {text.value(1.0, 'float')})")
        if kind in (Adam, AdamW):
            name = "adamw" if options.get("decoupled_weight_decay") else "adam"
            most = states[2] if options["amsgrad"] else text.listed([])
            lists = f"{parameters}, {gradients}, {states[0]}, {states[1]}, {most}, {states[-1]}"
            rest = f"{rest}, {switch('amsgrad')}, {switch('maximize')}"
        elif kind is SGD:
            name, buffers = "sgd", states[0] if states else text.listed([])
            lists = f"{parameters}, {gradients}, {buffers}"
            rest = f"{rest}, {switch('nesterov')}, {switch('maximize')}, {text.value(False, 'bool')}"
        else:
            name, lists = "adagrad", f"{parameters}, {gradients}, {states[0]}, {states[-1]}"
            rest = f"{rest}, {switch('maximize')}"
        text.line(f"aten::_fused_{name}_({lists}, {rest}, {text.value(None, '')}, %found)")


class Looped:
    """Runs many steps in one call; `other` runs the first step, and one that is not finite, so that it says why."""

    def __init__(self, job: Job, prove: Prove, other: Runner) -> None:
        """`prove(batch, due)` gives a proven program. Raises Refused where there is none for this job."""
        source = resident(job)
        self.job, self.other, self.source = job, other, source
        first, self.parts = 0, []
        self.programs = [prove(source.at(torch.arange(rows)), job.phases) for rows in sizes(source)]
        for rows, (program, constants) in zip(sizes(source), self.programs, strict=True):
            self.parts.append(Part(job, program, constants, rows, first))
            first = self.parts[0].steps
        self.schedules = Schedules(job)
        self.epoch: tuple[int, Tensor] | None = None
        self.seconds = 0.0

    def run(self, at: Position, most: int, until: float) -> Chunk:
        """Steps from `at` on: at most `most`, and about as many as will be done by `until`."""
        began, steps, rows = time.perf_counter(), 0, 0
        told = []
        while steps < most and self._begun() and (part := self._part(at.step)) is not None:
            count = min(most - steps, MOST_STEPS, self._fitting(until - time.perf_counter()))
            count = min(count, part.left(at.step))
            if not count:
                break
            self.schedules.mark()
            numbers = self._numbers(part, count)
            with torch.no_grad(), as_written():
                done, given = part.run(self._order(part, at), count, numbers)
            told.append(columns(part.program, part.rows, given))
            steps, rows = steps + done, rows + done * part.rows
            at.step, at.total, at.rows = at.step + done, at.total + done, at.rows + done * part.rows
            if done < count:
                self.schedules.back(done)
                break
        if not steps:
            return self.other.run(at, 1, until)
        seconds = time.perf_counter() - began
        self.seconds = seconds / steps
        losses, weights = joined(told)
        return Chunk(losses=losses, weights=weights, steps=steps, rows=rows, seconds=seconds)

    def _begun(self) -> bool:
        """True once the optimizer holds its state: its first update makes it."""
        try:
            return all(group.states() is not None for part in self.parts for group in part.groups)
        except KeyError:
            return False

    def _part(self, step: int) -> Part | None:
        return next((p for p in self.parts if p.first <= step < p.first + p.steps), None)

    def _fitting(self, seconds: float) -> int:
        """How many steps take so long: 8 where that is not known yet."""
        return max(int(seconds / self.seconds), 0 if seconds < 0 else 1) if self.seconds else 8

    def _order(self, part: Part, at: Position) -> Tensor:
        """The rows of the part's batches from the position on."""
        if self.epoch is None or self.epoch[0] != at.seed:
            self.epoch = at.seed, self.source.order(at.seed)
        begin = part.first * self.parts[0].rows + (at.step - part.first) * part.rows
        return self.epoch[1][begin:] if part.gathered else self.epoch[1]

    def _numbers(self, part: Part, count: int) -> list[list[float]]:
        """By group and dial the numbers of the next updates; schedulers are moved on past them."""
        if not self.schedules.schedulers:
            return [[number] * count for group in part.groups for number in group.numbers()]
        by_step = []
        for _ in range(count):
            by_step.append([number for group in part.groups for number in group.numbers()])
            self.schedules.step()
        return [list(column) for column in zip(*by_step, strict=True)]


ONE = torch.ones((), dtype=torch.float32)
"""What a gradient is scaled by, and what counts go up by."""
