"""The process that compiles: reads a blueprint, writes a program. `python -m netwright.engine.compiler`.

It runs beside training at the lowest priority, in a process of its own, because a thread would hold up the steps.
"""

import hashlib
import os
import pickle
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
import torch._inductor
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop_op
from torch.fx.experimental.proxy_tensor import make_fx

from netwright.engine.blueprint import MOST_STEPS, Arguments, Blueprint, Group
from netwright.engine.formulas import Formula, formula
from netwright.engine.program import Call, Segment, Value, run
from netwright.engine.workshop import whole


class Steps:
    """Many steps as a loop without Python, to be traced."""

    def __init__(self, plan: Blueprint) -> None:
        self.plan = plan
        self.formulas = [formula_of(group) for group in plan.groups]
        self.draws = {draw.call: i for i, draw in enumerate(plan.program.draws)}

    def __call__(self, *flat: Tensor) -> tuple:
        """See `Arguments` for what is given and what comes out."""
        plan, given = self.plan, Arguments.of(self.plan, flat)
        groups = len(plan.groups)
        carried = groups + len(plan.carried)
        still = given._replace(flats=[], carried=[])

        def more(step: Tensor, fine: Tensor, told: Tensor, *rest: Tensor) -> Tensor:
            return (step < rest[carried + 1]) & fine

        def body(step: Tensor, fine: Tensor, told: Tensor, *rest: Tensor) -> tuple:
            state, given = rest[:carried], Arguments.of(plan, rest[carried:], still=True)
            results, fine, new = self.step(given, step, state[:groups], state[groups:])
            here = torch.arange(MOST_STEPS)[:, None] == step - given.first
            kept = [torch.where(fine, a, b) for a, b in zip(new, state, strict=True)]
            return torch.where(fine, step + 1, step), fine, torch.where(here, results, told), *kept

        told = torch.zeros(MOST_STEPS, plan.columns, dtype=torch.float64)
        start = (given.first.clone(), given.first == given.first, told, *given.flats, *given.carried)
        return cast("Any", while_loop_op)(more, body, start, tuple(still.flattened()))

    def step(
        self, given: Arguments, step: Tensor, flats: Sequence[Tensor], carried: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """One step: what it tells (columns,), whether all of it is finite (), the new flat tensors and buffers."""
        plan = self.plan
        row = (step - given.first).reshape(1)
        rows = torch.index_select(given.order, 0, step.reshape(1)).reshape(-1)
        tensors = {n: t for (n, _), t in zip(plan.fixed, given.fixed, strict=True)}
        for number, tensor in zip(plan.batch, given.data, strict=True):
            tensors[number] = torch.index_select(tensor, 0, rows) if plan.gathered else tensor.clone()
        buffers = {n: t.clone() for (n, _), t in zip(plan.carried, carried, strict=True)}
        tensors |= buffers
        for group, flat in zip(plan.groups, flats, strict=True):
            tensors |= laid_out(group, flat[0])
        told: list[Tensor] = []
        new, sums = list(flats), []
        for segment in plan.program.segments:
            for call in segment.calls:
                self._call(call, tensors, given.noise, row)
            told += _told(segment, tensors)
            for k, group in enumerate(plan.groups):
                if group.phase == segment.phase:
                    gradient = torch.cat([tensors[n].reshape(-1) for n in _numbers(segment, group)])
                    table = torch.index_select(given.tables[k], 0, row)[0]
                    parameters, state = self.formulas[k].update(flats[k][0], gradient, tuple(flats[k][1:]), table)
                    new[k] = torch.stack([parameters, *state])
                    sums.append(gradient.sum().to(torch.float64))
                    tensors |= laid_out(group, parameters)
        results = torch.stack(told)
        return results, torch.isfinite(results.sum() + sum(sums)), [*new, *buffers.values()]

    def _call(self, call: Call, tensors: dict[int, Tensor], noise: Any, row: Tensor) -> None:
        if call in self.draws:
            drawn = torch.index_select(noise[self.draws[call]], 0, row)[0]
            tensors[call.results[0].number] = drawn.clone()
            return
        run(call, tensors)


def laid_out(group: Group, flat: Tensor) -> dict[int, Tensor]:
    """The group's parameters as views of its flat tensor, by their numbers."""
    parts = flat.split([form.numbers for form in group.forms])
    return {n: p.view(form.shape) for n, p, form in zip(group.slots, parts, group.forms, strict=True)}


def formula_of(group: Group) -> Formula:
    """The formula of the optimizer the group was taken from."""
    options = dict(group.options)
    optimizer = getattr(torch.optim, group.optimizer)([nn.Parameter(torch.zeros(1, dtype=group.flat.dtype))], lr=0.1)
    optimizer.param_groups[0] |= options
    found = formula(optimizer, optimizer.param_groups[0])
    assert isinstance(found, Formula), found
    return found


def _numbers(segment: Segment, group: Group) -> list[int]:
    """The numbers of the gradients of a group's parameters."""
    gradients = [segment.gradients[place] for place in group.places]
    return [gradient.number for gradient in gradients if gradient is not None]


def _told(segment: Segment, tensors: dict[int, Tensor]) -> list[Tensor]:
    """The loss, its weight and figures, as float64."""
    weight: list[Tensor] = []
    if isinstance(segment.weight, Value):
        weight = [tensors[segment.weight.number]]
    elif segment.weight is not None:
        weight = [torch.tensor(float(segment.weight))]
    values = [tensors[segment.loss.number], *weight, *(tensors[v.number] for _, v in segment.figures)]
    return [value.to(torch.float64).reshape(()) for value in values]


def compile_to(plan: Blueprint, path: Path) -> None:
    """Compile a blueprint and leave the program at `path`, whole or not at all."""
    torch.set_num_threads(plan.threads)
    example = Arguments.example(plan).flattened()
    with torch.no_grad():
        graph = make_fx(Steps(plan), tracing_mode="fake")(*example)
        built = torch._inductor.aot_compile(graph, tuple(example))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.copyfile(str(built), part)
    os.sync()
    path.with_suffix(".sha256").write_text(hashlib.sha256(part.read_bytes()).hexdigest())
    part.replace(path)


def leave_with(parent: int) -> None:
    """End with the process that started this one: nobody else would."""
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Read (blueprint, path) pairs from standard input: they come from the process that started this one."""
    os.nice(19)
    threading.Thread(target=leave_with, args=(os.getppid(),), daemon=True).start()
    for plan, path in pickle.load(sys.stdin.buffer):
        if not whole(path):
            compile_to(plan, path)


if __name__ == "__main__":
    main()
