"""The sigmoid: any number becomes one between 0 and 1.

x and y of any one shape, everything number by number.

    y = 1 / (1 + e⁻ˣ)

Write y = 1/u with u = 1 + e⁻ˣ. Then dy/du = −1/u² and du/dx = −e⁻ˣ, so by the chain rule

    ∂y/∂x = e⁻ˣ / u² = (1/u) (e⁻ˣ/u) = y (1 − y)              for e⁻ˣ/u = (u − 1)/u = 1 − y
    ∂L/∂x = g y (1 − y)                                       with g = ∂L/∂y

The output alone gives the derivative: no exponential is taken a second time, and the next layer keeps the output
anyway, so the input can be forgotten. Far to the left e⁻ˣ is infinite, and 1/∞ = 0 is right.

Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors" (1986).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

Cache = tuple[Tensor]


def forward(x: Tensor) -> tuple[Tensor, Cache]:
    """x (…) → y (…), and y to be kept for `backward`."""
    y = (1 + torch.exp(-x)).reciprocal()
    return y, (y,)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor]:
    """∂L/∂y (…) → ∂L/∂x (…)."""
    (y,) = cache
    return (grad_output * (y * (1 - y)),)


class SigmoidFunction(Function):
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


class Sigmoid(nn.Module):
    """torch.nn.Sigmoid, by hand: (…) → (…).

    >>> Sigmoid()(torch.tensor([0.0]))
    tensor([0.5000])
    """

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return (input,)

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return SigmoidFunction.apply(input)
