"""Leaky ReLU: numbers below zero are made small, the others pass.

x and y of any one shape, everything number by number; a is the slope left of zero.

    y = max(x, 0) + a min(x, 0)

Where x > 0 the second part is zero and ∂y/∂x = 1; where x < 0 the first is, and ∂y/∂x = a. At the corner x = 0 the
slope is taken as a. Let s = sign(max(x, 0)), which is 1 where x > 0 and 0 elsewhere. With g = ∂L/∂y,

    ∂L/∂x = g (s + a (1 − s)) = g (a + (1 − a) s)

A dead ReLU gets no gradient and can't recover; here some always comes through. The input is kept, not the output: for
a ≤ 0 the output doesn't tell on which side the input was.

Source: Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013).
"""

from typing import Any

from torch import Tensor, nn
from torch.autograd import Function

Cache = tuple[Tensor, float]


def forward(x: Tensor, negative_slope: float) -> tuple[Tensor, Cache]:
    """x (…) → y (…), and x and the slope to be kept for `backward`."""
    return x.clamp_min(0) + negative_slope * x.clamp_max(0), (x, negative_slope)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…) → ∂L/∂x (…)."""
    x, a = cache
    right = x.clamp_min(0).sign()
    return grad_output * (a + (1 - a) * right), None


class LeakyReLUFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, negative_slope: float) -> Tensor:
        """The output alone."""
        return forward(x, negative_slope)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, ctx.negative_slope = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.negative_slope))


class LeakyReLU(nn.Module):
    """torch.nn.LeakyReLU, by hand: (…) → (…).

    `inplace=True` is accepted and makes no difference: the output is a new tensor, and the input stays as it is.

    >>> import torch
    >>> LeakyReLU(0.1)(torch.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, self.negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return LeakyReLUFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The options."""
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")
