"""Softplus: a ReLU without the corner.

x and y of any one shape, everything number by number; β says how sharp the bend is.

    y = ln(1 + e^(βx)) / β        where βx ≤ threshold
    y = x                         beyond, where the two hardly differ and the exponential would grow without end

With z = βx, ∂y/∂z = e^z / (1 + e^z) / β and ∂z/∂x = β, so by the chain rule, with g = ∂L/∂y,

    ∂y/∂x = e^z / (1 + e^z) = σ(βx)        ∂L/∂x = g σ(βx)        where βx ≤ threshold
    ∂y/∂x = 1                              ∂L/∂x = g              beyond

From z = 40 on, ln(1 + e^z) is z to the last digit, so no threshold is taken higher than that: no e^z is infinite.

Source: Dugas, Bengio, Bélisle, Nadeau and Garcia, "Incorporating second-order functional knowledge for better option
pricing" (2000).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.precision import wide

Cache = tuple[Tensor, float, float]


def forward(x: Tensor, beta: float, threshold: float) -> tuple[Tensor, Cache]:
    """x (…) → y (…), and x and the options to be kept for `backward`."""
    z, straight = beta * wide(x), min(threshold, 40.0)
    bent = torch.log1p(torch.exp(z.clamp_max(straight))) * (1 / beta)
    return torch.where(z > straight, x, bent).to(x.dtype), (x, beta, threshold)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…) → ∂L/∂x (…)."""
    x, beta, threshold = cache
    z, straight = beta * wide(x), min(threshold, 40.0)
    e = torch.exp(z.clamp_max(straight))
    return torch.where(z > straight, grad_output, grad_output * (e / (1 + e))).to(x.dtype), None, None


class SoftplusFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, beta: float, threshold: float) -> Tensor:
        """The output alone."""
        return forward(x, beta, threshold)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, ctx.beta, ctx.threshold = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.beta, ctx.threshold))


class Softplus(nn.Module):
    """torch.nn.Softplus, by hand: (…) → (…).

    >>> Softplus()(torch.tensor([0.0, 1.0]))
    tensor([0.6931, 1.3133])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, self.beta, self.threshold

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return SoftplusFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The bend and where it ends."""
        return f"beta={self.beta}, threshold={self.threshold}"
