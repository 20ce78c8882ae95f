"""What in a batch is the module's input and what its target."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.core.phase import Loss
from netwright.core.trees import rows


class Call(NamedTuple):
    """What a module is called with, and what its output is compared to."""

    args: tuple
    kwargs: Mapping[str, Any]
    target: Any


def call(batch: Any) -> Call:
    """The last item of a tuple or list is the target, those before it are the inputs; a lone tensor is both.

    An only input that is a tuple or list is spread over the module's parameters, a dict is given by keyword. Raises
    InputError for a batch of another form.
    """
    if isinstance(batch, Tensor):
        return Call((batch,), {}, batch)
    if isinstance(batch, (tuple, list)) and len(batch) == 1:
        return call(batch[0])
    if isinstance(batch, (tuple, list)) and len(batch) > 1:
        *inputs, target = batch
        if len(inputs) == 1 and isinstance(inputs[0], Mapping):
            return Call((), inputs[0], target)
        if len(inputs) == 1 and isinstance(inputs[0], (tuple, list)):
            return Call(tuple(inputs[0]), {}, target)
        return Call(tuple(inputs), {}, target)
    raise InputError(
        "It can't be told what in a batch is input and what is target.",
        got=f"a batch that is a {type(batch).__qualname__}",
        wanted="(input, target), ((input, input), target), ({name: input}, target), or one tensor that is both",
        fix="Give the data in one of these forms, or a loss(model, batch) that takes the batch apart itself.",
    )


def takes_batch(loss: Callable) -> bool:
    """True for a loss(model, batch): a callable whose second parameter is called `batch`."""
    if isinstance(loss, nn.Module):
        return False
    try:
        names = list(inspect.signature(loss).parameters)
    except (TypeError, ValueError):
        return False
    return len(names) > 1 and names[1] == "batch"


def on_batches(criterion: Callable[[Any, Any], Any]) -> Callable[[nn.Module, Any], Any]:
    """An (output, target) loss as a loss(module, batch)."""

    def loss(module: nn.Module, batch: Any) -> Any:
        args, kwargs, target = call(batch)
        return criterion(module(*args, **kwargs), target)

    return loss


def weighed(value: Any, batch: Any) -> tuple[Tensor, float, Mapping[str, Tensor]]:
    """A loss's value, the weight it speaks for, and its further figures."""
    if not isinstance(value, Loss):
        return value, float(rows(batch)), {}
    return value.value, float(rows(batch) if value.weight is None else value.weight), value.figures
