"""The hyperbolic tangent: any number becomes one between −1 and 1.

x and y of any one shape, everything number by number.

    y = tanh x = sinh x / cosh x

sinh′ = cosh and cosh′ = sinh, so by the rule for quotients, with g = ∂L/∂y,

    ∂y/∂x = (cosh² x − sinh² x) / cosh² x = 1 − tanh² x = 1 − y²
    ∂L/∂x = g (1 − y²)

The output alone gives the derivative: nothing is taken a second time but a square, and the next layer keeps the output
anyway, so the input can be forgotten.

Source: LeCun, Bottou, Orr and Müller, "Efficient BackProp" (1998), on why a sigmoid about zero trains better.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

Cache = tuple[Tensor]


def forward(x: Tensor) -> tuple[Tensor, Cache]:
    """x (…) → y (…), and y to be kept for `backward`."""
    y = torch.tanh(x)
    return y, (y,)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor]:
    """∂L/∂y (…) → ∂L/∂x (…)."""
    (y,) = cache
    return (grad_output * (1 - y * y),)


class TanhFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """The output alone."""
        return forward(x)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor]:
        """A gradient for the argument of `forward`."""
        return backward(grad_outputs[0], ctx.saved_tensors)


class Tanh(nn.Module):
    """torch.nn.Tanh, by hand: (…) → (…).

    >>> Tanh()(torch.tensor([0.0]))
    tensor([0.])
    """

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return (input,)

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return TanhFunction.apply(input)
