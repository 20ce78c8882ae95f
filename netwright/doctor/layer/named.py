"""Names for the tensors a layer is given, and for the arguments of its forward."""

import inspect
from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.autograd import Function

from netwright.core import trees


def by_name(inputs: tuple) -> Iterator[tuple[str, Tensor]]:
    """The tensors in the inputs, in order: `input 1`, or `input 1.0` within a tuple or a dict."""
    for i, argument in enumerate(inputs):
        if isinstance(argument, Tensor):
            yield f"input {i}", argument
        else:
            yield from ((f"input {i}.{k}", leaf) for k, leaf in enumerate(trees.leaves(argument)))


def argument_names(layer: Any) -> list[str]:
    """Of a Function, a module or a plain function: without ctx; nothing where they can't be known."""
    try:
        parameters = list(inspect.signature(getattr(layer, "forward", layer)).parameters.values())
    except (TypeError, ValueError):
        return []
    if isinstance(layer, type) and not with_setup(layer):
        parameters = parameters[1:]
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def with_setup(layer: type[Function]) -> bool:
    """True for a Function whose forward has no ctx."""
    return layer.setup_context is not Function.setup_context
