"""A pair of functions, forward and backward, as autograd calls them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from netwright.core import trees

Pair = tuple[Callable[..., Any], Callable[..., Any]]
"""forward(*inputs) → (output, cache) and backward(grad_output, cache) → a gradient for each input."""


def paired(pair: Pair) -> type[Function]:
    """The pair as a Function. What it keeps is saved as autograd wants it."""
    forward_of, backward_of = pair

    def forward(ctx: Any, *inputs: Any) -> Any:
        output, cache = forward_of(*inputs)
        outputs = tuple(trees.leaves(output))
        ctx.mark_non_differentiable(*(o for o in outputs if not o.is_floating_point()))
        ctx.save_for_backward(*trees.leaves(cache))
        ctx.form = trees.mapped(lambda _: torch.empty(0), cache)  # its structure, with its plain values
        ctx.single, ctx.tensors = isinstance(output, Tensor), which(inputs)
        return output if isinstance(output, Tensor) else outputs

    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        saved = iter(ctx.saved_tensors)
        cache = trees.mapped(lambda _: next(saved), ctx.form)
        return for_each(backward_of(grad_outputs[0] if ctx.single else grad_outputs, cache), ctx.tensors)

    name = getattr(forward_of, "__name__", "pair")
    return type(name, (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def for_each(found: Any, tensors: tuple[bool, ...]) -> tuple[Any, ...]:
    """What a backward gave as one entry for each input; `tensors` says which inputs are tensors.

    One entry for each tensor will do.
    """
    entries = (found,) if isinstance(found, Tensor) or found is None else tuple(found)
    if len(entries) != len(tensors) and len(entries) == sum(tensors):
        rest = iter(entries)
        return tuple(next(rest) if one else None for one in tensors)
    return entries


def which(inputs: tuple) -> tuple[bool, ...]:
    """By input: whether it is a tensor."""
    return tuple(isinstance(x, Tensor) for x in inputs)


def together(pair: Pair) -> Callable[..., Any]:
    """Both functions as one: (inputs, gradients of the outputs) → (outputs, gradients), without autograd."""
    forward_of, backward_of = pair

    def both(inputs: tuple, grad_outputs: tuple) -> Any:
        output, cache = forward_of(*inputs)
        single = isinstance(output, Tensor)
        found = backward_of(grad_outputs[0] if single else grad_outputs, cache)
        return tuple(trees.leaves(output)), for_each(found, which(inputs))

    return both
