"""Input and target of a loss, element by element: which shapes fit, and gradients for what was repeated to fit."""

import warnings

import torch
from torch import Tensor

from netwright.core.errors import InputError


def fitted(gradient: Tensor, like: Tensor) -> Tensor:
    """A gradient, in the shape and type of the tensor it is for.

    A number that was repeated takes part in several elements: by the chain rule its gradient is the sum over them.
    """
    if gradient.shape != like.shape:
        front = gradient.dim() - like.dim()
        repeated = [i for i, n in enumerate(gradient.shape) if i < front or n != like.shape[i - front]]
        gradient = gradient.sum(repeated).reshape(like.shape)
    return gradient.to(like.dtype)


def warn_of_repeats(input: Tensor, target: Tensor) -> None:
    """Say that shapes differ: (N, 1) beside (N,) makes N² losses, as in torch.nn, and is rarely meant.

    A compiled loss does not say it: a warning would break the graph.
    """
    if input.shape != target.shape and not torch.compiler.is_compiling():
        warnings.warn(
            f"The target's shape {tuple(target.shape)} is not the input's {tuple(input.shape)}: each is repeated to "
            "fit the other, and the loss is of more elements than were given. Reshape one of the two.",
            stacklevel=3,
        )


def must_match(input: Tensor, target: Tensor) -> None:
    """Raises InputError where input and target differ in shape."""
    if input.shape != target.shape:
        raise InputError(
            "Input and target of this loss must have the same shape.",
            got=f"input {tuple(input.shape)}, target {tuple(target.shape)}",
            wanted="the same shape for both",
            fix="Reshape `target`, e.g. with unsqueeze, or `input`.",
        )
