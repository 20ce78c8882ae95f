"""One forward pass and one loss on a copy, before the first step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.core.phase import Loss
from netwright.core.trees import leaves
from netwright.doctor.calls import Watch
from netwright.doctor.example import Example
from netwright.doctor.traceless import cloned


@dataclass(kw_only=True)
class Rehearsal:
    """What became of the first step on a copy, up to the backward pass."""

    module: nn.Module
    """The copy."""
    criterion: Any
    watch: Watch
    loss: Any = None
    error: Exception | None = None
    inputs: list[Tensor] = field(default_factory=list)
    """The tensors the module was called with."""


def rehearse(case: Example, copies: Sequence[Any], watch: Watch) -> Rehearsal:
    """Run the loss of a case on the copies of its module and its criterion. An error is kept, not raised."""
    module, criterion = copies
    done = Rehearsal(module=module, criterion=criterion, watch=watch)
    module.train()
    handles = observed(module, done)
    try:
        with watch:
            loss = run(case, module, criterion)
        done.loss = loss.value if isinstance(loss, Loss) else loss
    except Exception as error:  # judged by whoever reads the rehearsal
        done.error = error
    for handle in handles:
        handle.remove()
    return done


def run(case: Example, module: nn.Module, criterion: Any) -> Any:
    """The loss of the case with other modules in place of its own, and a batch that may be written into."""
    if criterion is None or case.target is None:
        return case.loss(module, cloned(case.batch))
    output = module(*cloned(case.args), **cloned(dict(case.kwargs)))
    if isinstance(output, tuple) and isinstance(criterion, nn.modules.loss._Loss):
        raise InputError(
            "The module gives several things, and the loss takes one.",
            got=f"a tuple of {len(output)}: {', '.join(type(part).__name__ for part in output)}",
            wanted="one tensor, the outputs",
            fix="Return it alone, as in `output, _ = self.lstm(x)`; or give a loss(output, target) of your own.",
        )
    return criterion(output, cloned(case.target))


def observed(module: nn.Module, done: Rehearsal) -> list[Any]:
    """Hooks on a copy that note what it is called with, and tell the watch what it gave."""

    def before(_: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        done.inputs = [*leaves(args), *leaves(kwargs)]
        done.watch.output = None

    def after(_: nn.Module, __: tuple, output: Any) -> None:
        done.watch.output = output if isinstance(output, Tensor) else None

    return [module.register_forward_pre_hook(before, with_kwargs=True), module.register_forward_hook(after)]


@dataclass(frozen=True, kw_only=True)
class Place:
    """The innermost submodule whose forward was running when an error rose."""

    name: str
    """Dotted; empty for the module itself."""
    module: nn.Module
    inputs: list[Tensor]

    def __str__(self) -> str:
        kind = type(self.module).__name__
        return f"{self.name!r} ({kind})" if self.name else f"the forward of {kind} itself"


def place(error: Exception, module: nn.Module) -> Place | None:
    """Where in `module` an error rose, read from its traceback; None if it rose outside."""
    names = {id(m): name for name, m in module.named_modules()}
    found, step = None, error.__traceback__
    while step is not None:
        values = step.tb_frame.f_locals
        owner = values.get("self")
        if isinstance(owner, nn.Module) and id(owner) in names:
            found = Place(name=names[id(owner)], module=owner, inputs=arguments(step))
        step = step.tb_next
    return found


def arguments(step: TracebackType) -> list[Tensor]:
    """The tensors a frame was called with, in order."""
    code, values = step.tb_frame.f_code, step.tb_frame.f_locals
    names = code.co_varnames[1 : code.co_argcount]
    return [tensor for name in names for tensor in leaves(values.get(name))]
