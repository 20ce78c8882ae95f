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
from netwright.engine.recording import PLAIN, Refused, differences, record, same_constants
from netwright.engine.surroundings import kept_outside
from netwright.engine.tally import Tally
from netwright.engine.traced import Traced
from netwright.engine.update import needs_closure

TOLERANCE = 1e-5
"""Of the largest number of each tensor: what one step of another arithmetic order may differ by in float32."""

REDUCED = 0.05
"""The same for a step of reduced precision, where that is allowed."""
NOISE = 4.0
"""How many times the eager step's own distance from the one in float64 another way may be off."""

Step = Callable[[Job, Sequence[Any], Sequence[Phase], Tally], None]
"""(job, batches, due phases, tally) → one step in the way that is to be proven."""


def copied(job: Job) -> Job:
    """The job with a module, optimizers and averages of its own. Raises Refused where they can't be copied."""
    if reason := hooked(job.module):
        raise Refused(reason)
    if any(needs_closure(phase.optimizer) for phase in job.phases):
        raise Refused("its optimizer evaluates the loss itself")
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


def proven(
    job: Job, batch: Any, due: Sequence[Phase], others: Sequence[Any] = (), *, plan: Plan = PLAIN
) -> tuple[Program, dict[int, Tensor]]:
    """A program of this step that was found to repeat and to do what the eager step does. Raises Refused.

    It is recorded on this batch and on each of `others`, batches of the same form. It gives the eager step's bits, but
    where the plan's memory format or precision stands for another arithmetic.
    """
    if any(phase.scaler is not None for phase in due):
        raise Refused("its losses are scaled")
    with random_kept(), kept_outside(job):
        found = copied(job)
        try:
            program, constants = record(found, cloned(batch), due_in(found, due), plan)
        except Refused:
            raise
        except Exception as error:  # what is wrong with it the eager step will say better
            raise Refused(f"it can't be written down: {_last_line(error)}") from None
        for other in [batch, *others]:
            try:
                again, found_again = record(found, cloned(other), due_in(found, due), plan)
            except Refused:
                raise
            except Exception as error:
                raise Refused(f"it can't be written down twice: {_last_line(error)}") from None
            if reason := differences(program, again):
                raise Refused(reason)
            if not same_constants(constants, found_again):
                raise Refused("it uses tensors that are others from call to call")
        try:
            again, found_again = record(found, shuffled(batch), due_in(found, due), plan)
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

    compare(job, [[b] for b in [batch, *others]], due, traced, tolerance=tolerance(plan))
    return program, constants


def tolerance(plan: Plan) -> float:
    """What a step under this plan may differ by, of each tensor's largest number, before its updates are fused."""
    if plan.precision != "float32":
        return REDUCED
    return TOLERANCE if plan.memory_format != "contiguous" else 0.0


def compare(job: Job, steps: Sequence[Sequence[Any]], due: Sequence[Phase], way: Step, *, tolerance: float) -> None:
    """Run each step eagerly and in another way from the same snapshot. Raises Refused where the outcomes differ.

    The snapshot of a step is what the eager steps before it made. Losses, weights, buffers, the optimizer's state and
    the random numbers drawn are compared; random numbers exactly, tensors to `tolerance` of their largest number, or to
    what the eager step itself is off the one in float64: where a gradient is rounding noise alone, as that of a bias
    before BatchNorm is, any order of arithmetic gives another.
    """
    with random_kept(), kept_outside(job):
        snapshot = copied(job)
        for batches in steps:
            start = torch.get_rng_state()
            before = copied(snapshot)
            try:
                wanted = _outcome(snapshot, batches, due, eagerly)
            except Exception as error:  # a copied optimizer may lack what its owner gave it
                raise Refused(f"a copy of it can't be run: {_last_line(error)}") from None
            torch.set_rng_state(start)
            try:
                given = _outcome(copied(before), batches, due, way)
            except Refused:
                raise
            except Exception as error:  # an operator that does not take what was recorded, as nn.LSTM's backward
                raise Refused(f"it can't be run: {_last_line(error)}") from None
            if not torch.equal(wanted.random, given.random):
                raise Refused("it draws other random numbers")
            names = _differing(wanted.tensors, given.tensors, tolerance, {})
            if names and tolerance:
                torch.set_rng_state(start)
                names = _differing(wanted.tensors, given.tensors, tolerance, _noise(before, wanted, batches, due))
            if names:
                raise Refused(names[0])


def eagerly(job: Job, batches: Sequence[Any], due: Sequence[Phase], tally: Tally) -> None:
    """The step as the eager tier takes it."""
    Eager(job, Cursor(job), Averages(job.phases), Plan()).step(batches, due, tally)


def _noise(job: Job, wanted: "Outcome", batches: Sequence[Any], due: Sequence[Phase]) -> dict[str, float]:
    """By tensor: how far the eager step is off the same one in float64; empty where that can't be run."""
    double = lambda t: t.double() if t.is_floating_point() else t  # noqa: E731
    for phase in job.phases:
        for state in phase.optimizer.state.values():
            state.update({k: double(v) for k, v in state.items() if isinstance(v, Tensor) and k != "step"})
    job.module.double()
    try:
        exact = _outcome(job, [trees.mapped(double, batch) for batch in batches], due, eagerly)
    except Exception:  # a module may hold float32 of its own; then there is nothing to measure by
        return {}
    return {
        name: float((tensor - wanted.tensors[name]).abs().max())
        for name, tensor in exact.tensors.items()
        if tensor.is_floating_point() and tensor.numel()
    }


@dataclass(frozen=True)
class Outcome:
    """What a step left behind."""

    tensors: dict[str, Tensor]
    random: Tensor


def _outcome(job: Job, batches: Sequence[Any], due: Sequence[Phase], way: Step) -> Outcome:
    job.module.train()
    tally = Tally(Position())
    way(job, cloned(batches), due_in(job, due), tally)
    tensors = {f"the loss {name}": torch.tensor(v, dtype=torch.float64) for name, v in tally.losses.items()}
    tensors |= {name: t.detach().clone() for name, t in job.module.state_dict().items() if isinstance(t, Tensor)}
    for phase in job.phases:
        for i, state in enumerate(phase.optimizer.state.values()):
            tensors |= {f"{phase.name}'s {k} {i}": t.clone() for k, t in state.items() if isinstance(t, Tensor)}
    return Outcome(tensors, torch.get_rng_state())


def _differing(
    wanted: dict[str, Tensor], given: dict[str, Tensor], tolerance: float, noise: dict[str, float]
) -> list[str]:
    """What comes out differently, in words."""
    found = []
    for name, tensor in wanted.items():
        other = given.get(name)
        if other is None or other.shape != tensor.shape or other.dtype != tensor.dtype:
            found.append(f"{name} comes out in another form")
        elif not torch.equal(tensor, other):
            off = float((tensor.double() - other.double()).abs().max())
            allowed = max(tolerance * float(tensor.abs().max()), NOISE * noise.get(name, 0.0))
            if not (tensor.is_floating_point() and off <= allowed):
                largest = float(tensor.abs().max()) or 1.0
                found.append(f"{name} comes out differently, by {off / largest:.0e} of its largest number")
    return found


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
