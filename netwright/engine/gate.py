"""Proves a way of running steps before it is used, on copies, so that trying leaves no trace in the user's module."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from netwright.core import trees
from netwright.core.phase import Phase
from netwright.core.plan import Plan
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Job, Position
from netwright.engine.pack import random_state, set_random_state
from netwright.engine.program import Program
from netwright.engine.recording import Refused, differences, record, same_constants
from netwright.engine.tally import Tally
from netwright.engine.traced import Traced

TOLERANCE = 1e-5
"""Of the largest number of each tensor: what one step of another arithmetic order may differ by in float32."""

Step = Callable[[Job, Sequence[Any], Sequence[Phase], Tally], None]
"""(job, batches, due phases, tally) → one step in the way that is to be proven."""


def copied(job: Job) -> Job:
    """The job with a module, optimizers and averages of its own. Raises Refused where they can't be copied."""
    if reason := hooked(job.module):
        raise Refused(reason)
    try:
        module, optimizers = copy.deepcopy((job.module, [phase.optimizer for phase in job.phases]))
    except Exception as error:  # what a user's module does when it is copied is not ours to foresee
        raise Refused(f"the module can't be copied ({str(error).splitlines()[0] if str(error) else error!r})") from None
    phases = [
        replace(phase, optimizer=optimizer, scheduler=None)
        for phase, optimizer in zip(job.phases, optimizers, strict=True)
    ]
    return replace(job, module=module, phases=phases)


def due_in(job: Job, due: Sequence[Phase]) -> list[Phase]:
    """The phases of a copy that stand for these."""
    names = {phase.name for phase in due}
    return [phase for phase in job.phases if phase.name in names]


def hooked(module: nn.Module) -> str:
    """Which hook of a person's own has to be called at every step and never on a copy, in words; "" for none."""
    for name, parameter in module.named_parameters():
        if parameter._backward_hooks or parameter._post_accumulate_grad_hooks:
            return f"the parameter {name} has a hook"
    for name, part in module.named_modules():
        hooks = [part._forward_pre_hooks, part._forward_hooks, part._backward_pre_hooks, part._backward_hooks]
        if any(not type(hook).__module__.startswith("torch.nn.") for own in hooks for hook in own.values()):
            return f"the module {name} has a hook" if name else "the module has a hook"
    return ""


def cloned(batch: Any) -> Any:
    """The batch in memory of its own: a forward may write into what it is given."""
    return trees.mapped(Tensor.clone, batch)


def shuffled(batch: Any) -> Any:
    """A batch of the same form with another row in every place, its second nearly everywhere."""
    rows = trees.rows(batch)
    index = torch.ones(rows, dtype=torch.int64).clamp(max=rows - 1)
    index[1:2] = 0
    return trees.mapped(lambda x: x[index.to(x.device)] if x.dim() and len(x) == rows else x.clone(), batch)


def proven(job: Job, batch: Any, due: Sequence[Phase], others: Sequence[Any] = ()) -> tuple[Program, dict[int, Tensor]]:
    """A program of this step that was found to repeat and to give the eager step's bits. Raises Refused.

    It is recorded on this batch, on each of `others`, batches of the same form, and on one with other numbers in it.
    """
    with random_kept():
        program, constants = record(found := copied(job), cloned(batch), due_in(found, due))
        for other in [batch, *others]:
            again, found_again = record(found, cloned(other), due_in(found, due))
            if reason := differences(program, again):
                raise Refused(reason)
            if not same_constants(constants, found_again):
                raise Refused("it uses tensors that are others from call to call")
        try:
            again, found_again = record(found, shuffled(batch), due_in(found, due))
        except Refused:
            raise
        except Exception:  # a module need not take such a batch
            again, found_again = program, constants
        if differences(program, again) or not same_constants(constants, found_again):
            raise Refused("what it does depends on the numbers in the data")

    def traced(job: Job, batches: Sequence[Any], due: Sequence[Phase], tally: Tally) -> None:
        runner = Traced(job, Cursor(job), Averages(job.phases), Plan(tier="traced"), lambda b, d: (program, constants))
        runner.step(batches, due, tally)
        if runner.refused:
            raise Refused(next(iter(runner.refused.values())))

    compare(job, [[b] for b in [batch, *others]], due, traced, tolerance=0.0)
    return program, constants


def compare(job: Job, steps: Sequence[Sequence[Any]], due: Sequence[Phase], way: Step, *, tolerance: float) -> None:
    """Run each step eagerly and in another way from the same snapshot. Raises Refused where the outcomes differ.

    The snapshot of a step is what the eager steps before it made. Losses, weights, buffers, the optimizer's state and
    the random numbers drawn are compared; tensors to `tolerance` of their largest number, random numbers exactly.
    """
    with random_kept():
        snapshot = copied(job)
        for batches in steps:
            start = torch.get_rng_state()
            candidate, own, same = copied(snapshot), cloned(batches), cloned(batches)
            eager = Eager(snapshot, Cursor(snapshot), Averages(snapshot.phases), Plan())
            wanted = _outcome(snapshot, lambda t, b=own, s=snapshot, e=eager: e.step(b, due_in(s, due), t))
            torch.set_rng_state(start)
            try:
                given = _outcome(candidate, lambda t, b=same, c=candidate: way(c, b, due_in(c, due), t))
            except RuntimeError as error:  # an operator that does not take what was recorded, as nn.LSTM's backward
                raise Refused(f"it can't be run: {_last_line(error)}") from None
            if not torch.equal(wanted.random, given.random):
                raise Refused("it draws other random numbers")
            _same(wanted.tensors, given.tensors, tolerance)


@dataclass(frozen=True)
class Outcome:
    """What a step left behind."""

    tensors: dict[str, Tensor]
    random: Tensor


def _outcome(job: Job, step: Callable[[Tally], None]) -> Outcome:
    job.module.train()
    tally = Tally(Position())
    step(tally)
    tensors = {f"the loss {name}": torch.tensor(v, dtype=torch.float64) for name, v in tally.losses.items()}
    tensors |= {name: t.detach().clone() for name, t in job.module.state_dict().items() if isinstance(t, Tensor)}
    for phase in job.phases:
        for i, state in enumerate(phase.optimizer.state.values()):
            own = {f"{phase.name}'s {k} {i}": t.clone() for k, t in state.items() if isinstance(t, Tensor)}
            tensors |= own
    return Outcome(tensors, torch.get_rng_state())


def _same(wanted: dict[str, Tensor], given: dict[str, Tensor], tolerance: float) -> None:
    for name, tensor in wanted.items():
        other = given.get(name)
        if other is None or other.shape != tensor.shape or other.dtype != tensor.dtype:
            raise Refused(f"{name} comes out in another form")
        if torch.equal(tensor, other):
            continue
        if not tensor.is_floating_point():
            raise Refused(f"{name} comes out differently")
        largest = float(tensor.abs().max()) or 1.0
        off = float((tensor - other).abs().max()) / largest
        if not off <= tolerance:
            raise Refused(f"{name} comes out differently, by {off:.0e} of its largest number")


@contextmanager
def random_kept() -> Iterator[None]:
    """While inside, random numbers may be drawn; after it the streams are where they were."""
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else repr(error)
