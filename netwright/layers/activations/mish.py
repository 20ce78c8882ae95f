"""Mish: each number times the hyperbolic tangent of its softplus.

x and y of any one shape, everything number by number.

    y = x t        t = tanh(ln(1 + eˣ))

With w = ln v, tanh w = (e^w − e^−w) / (e^w + e^−w) = (v² − 1) / (v² + 1). Here v = 1 + e with e = eˣ, so that
v² − 1 = e (e + 2):

    t = n / (n + 2)        n = e (e + 2)

so that one exponential is enough, where the formula as given takes an exponential, a logarithm and a tangent. By the
rules for products and quotients, with ∂e/∂x = e and so ∂n/∂x = e (e + 2) + e e = 2 e (e + 1), and g = ∂L/∂y,

    ∂t/∂x = 2 ∂n/∂x / (n + 2)² = 4 e (e + 1) / (n + 2)²
    ∂y/∂x = t + x ∂t/∂x        ∂L/∂x = g (t + x ∂t/∂x)

There are two x for one y left of zero, so the input is kept. In e, and in the last term, x is held at 20: from there on
t is 1 and the slope is 1 to the last digit, and no e is infinite.

Source: Misra, "Mish: a self regularized non-monotonic activation function" (2019).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.precision import wide

Cache = tuple[Tensor]


def forward(x: Tensor) -> tuple[Tensor, Cache]:
    """x (…) → y (…), and x to be kept for `backward`."""
    e = torch.exp(wide(x).clamp_max(20))
    n = e * (e + 2)
    return (x * (n / (n + 2))).to(x.dtype), (x,)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor]:
    """∂L/∂y (…) → ∂L/∂x (…)."""
    x = wide(cache[0]).clamp_max(20)
    e = torch.exp(x)
    n = e * (e + 2)
    below = (n + 2).reciprocal()
    slope = n * below + x * (4 * e * (e + 1)) * (below * below)
    return ((grad_output * slope).to(cache[0].dtype),)


class MishFunction(Function):
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


class Mish(nn.Module):
    """torch.nn.Mish, by hand: (…) → (…).

    `inplace=True` is accepted and makes no difference: the output is a new tensor, and the input stays as it is.

    >>> Mish()(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8651])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return (input,)

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return MishFunction.apply(input)

    def extra_repr(self) -> str:
        """The option, where it is given."""
        return "inplace=True" if self.inplace else ""
