"""SiLU, or swish: each number times its own sigmoid.

x and y of any one shape, everything number by number; σ is the sigmoid, with σ′ = σ (1 − σ) (see sigmoid.py).

    y = x σ(x) = x / (1 + e⁻ˣ)

By the rule for products, with g = ∂L/∂y,

    ∂y/∂x = σ + x σ (1 − σ) = σ (1 + x (1 − σ))        ∂L/∂x = g σ (1 + x (1 − σ))

There are two x for one y left of zero, so the input is kept, and the sigmoid is computed again from it. In `backward`
it is written by e = eˣ, as σ = e/(1 + e) and 1 − σ = 1/(1 + e), and x is held at 40: from there on the slope is 1 to
the last digit. So no e is infinite, here or in the second derivative, where ∞ · 0 would be no number.

Source: Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function approximation" (2017).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.precision import wide

Cache = tuple[Tensor]


def forward(x: Tensor) -> tuple[Tensor, Cache]:
    """x (…) → y (…), and x to be kept for `backward`."""
    return (x / (1 + torch.exp(-wide(x)))).to(x.dtype), (x,)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor]:
    """∂L/∂y (…) → ∂L/∂x (…)."""
    x = wide(cache[0]).clamp_max(40)
    e = torch.exp(x)
    other = (1 + e).reciprocal()  # 1 − σ
    return ((grad_output * (e * other * (1 + x * other))).to(cache[0].dtype),)


class SiLUFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """The output alone."""
        return forward(x)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor]:
        """A gradient for the argument of `forward`."""
        return backward(grad_outputs[0], ctx.saved_tensors)


class SiLU(nn.Module):
    """torch.nn.SiLU, by hand: (…) → (…).

    `inplace=True` is accepted and makes no difference: the output is a new tensor, and the input stays as it is.

    >>> SiLU()(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7311])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return (input,)

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return SiLUFunction.apply(input)

    def extra_repr(self) -> str:
        """The option, where it is given."""
        return "inplace=True" if self.inplace else ""
