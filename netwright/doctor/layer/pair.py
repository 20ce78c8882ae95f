"""A pair of functions, forward and backward, as autograd calls them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from netwright.core import trees
from netwright.core.errors import InputError, InputTypeError

Pair = tuple[Callable[..., Any], Callable[..., Any]]
"""forward(*inputs) → (output, cache) and backward(grad_output, cache) → a gradient for each input."""


def paired(pair: Pair) -> type[Function]:
    """The pair as a Function. What it keeps is saved as autograd wants it."""
    forward_of, backward_of = pair

    def forward(ctx: Any, *inputs: Any) -> Any:
        output, cache = parts(forward_of(*inputs))
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


def parts(given: Any) -> tuple[Any, Any]:
    """What a forward returned, as its output and its cache. Raises InputError where it is not both."""
    if isinstance(given, (tuple, list)) and len(given) == 2:
        if isinstance(given[0], np.ndarray):
            raise InputTypeError(
                "forward gives a NumPy array.",
                got=f"an array of shape {given[0].shape}",
                wanted="a torch tensor, which autograd can follow",
                fix="Write the pair with torch: torch.exp for np.exp, torch.zeros_like(x) for np.zeros(x.shape).",
            )
        return given[0], given[1]
    if isinstance(given, Tensor):
        got = f"one tensor of shape {tuple(given.shape)}: the cache is missing"
    else:
        got = f"{len(given)} entries" if isinstance(given, (tuple, list)) else f"{type(given).__name__}"
    raise InputError(
        "forward must return (output, cache).",
        got=got,
        wanted="a tuple of two: the output, and what backward needs, in any form",
        fix="End forward with return y, (x,), or return y, None where backward needs nothing. Several outputs: "
        "return (y, z), cache.",
    )


def for_each(found: Any, tensors: tuple[bool, ...]) -> tuple[Any, ...]:
    """What a backward gave as one entry for each input; `tensors` says which inputs are tensors.

    One entry for each tensor will do.
    """
    if isinstance(found, dict):
        raise InputTypeError(
            "backward gives a dict of gradients.",
            got=f"a dict of {', '.join(map(str, found))}",
            wanted="a tuple with one gradient for each input, in the order of forward's arguments",
            fix="Let the backward that is checked give them as a tuple: return grads['x'], grads['w'].",
        )
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
        output, cache = parts(forward_of(*inputs))
        single = isinstance(output, Tensor)
        found = backward_of(grad_outputs[0] if single else grad_outputs, cache)
        return tuple(trees.leaves(output)), for_each(found, which(inputs))

    return both
