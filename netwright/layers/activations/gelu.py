"""GELU: each number times the chance that a standard normal number lies below it.

x and y of any one shape, everything number by number. Φ is the normal distribution function, φ = Φ′ its density.

    y = x Φ(x)        Φ(x) = ½ (1 + erf(x/√2))        φ(x) = e^(−x²/2) / √(2π)

By the rule for products, with g = ∂L/∂y,

    ∂y/∂x = Φ(x) + x φ(x)        ∂L/∂x = g (Φ(x) + x φ(x))

With approximate="tanh", Φ is replaced by a curve close to it, c = √(2/π):

    y = ½ x (1 + t)        t = tanh u        u = c (x + 0.044715 x³)
    ∂t/∂x = (1 − t²) ∂u/∂x = (1 − t²) c (1 + 3 · 0.044715 x²)
    ∂y/∂x = ½ (1 + t) + ½ x ∂t/∂x

Neither curve can be turned round (there are two x for one y), so the input is kept, and t or Φ is computed again.

Source: Hendrycks and Gimpel, "Gaussian error linear units (GELUs)" (2016).
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.precision import wide

Cache = tuple[Tensor, str]
CUBE = 0.044715
SCALE = math.sqrt(2 / math.pi)


def forward(x: Tensor, approximate: str) -> tuple[Tensor, Cache]:
    """x (…) → y (…), and x and the form to be kept for `backward`."""
    numbers = wide(x)
    y = numbers * (tanh_curve(numbers) if approximate == "tanh" else normal_below(numbers))
    return y.to(x.dtype), (x, approximate)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…) → ∂L/∂x (…)."""
    x, approximate = wide(cache[0]), cache[1]
    if approximate == "tanh":
        below = tanh_curve(x)
        slope = 2 * below * (1 - below) * (SCALE * (1 + 3 * CUBE * (x * x)))  # ½ (1 − t²) = 2 below (1 − below)
    else:
        below = normal_below(x)
        slope = torch.exp(-0.5 * (x * x)) * (1 / math.sqrt(2 * math.pi))
    return (grad_output * (below + x * slope)).to(cache[0].dtype), None


def normal_below(x: Tensor) -> Tensor:
    """Φ(x)."""
    return 0.5 * (1 + torch.erf(x * math.sqrt(0.5)))


def tanh_curve(x: Tensor) -> Tensor:
    """½ (1 + t), the curve close to Φ."""
    return 0.5 * (1 + torch.tanh(SCALE * (x + CUBE * (x * x * x))))


def known(approximate: str) -> str:
    """One of the two forms. Raises InputError for another."""
    if approximate not in ("none", "tanh"):
        raise InputError(
            "GELU has no such form.",
            got=f"approximate={approximate!r}",
            wanted="approximate='none' or approximate='tanh'",
            fix="Leave approximate out for the exact curve.",
        )
    return approximate


class GELUFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, approximate: str) -> Tensor:
        """The output alone."""
        return forward(x, approximate)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, ctx.approximate = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.approximate))


class GELU(nn.Module):
    """torch.nn.GELU, by hand: (…) → (…). Raises InputError for an unknown `approximate`.

    >>> GELU()(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = known(approximate)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, self.approximate

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return GELUFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The form."""
        return f"approximate={self.approximate!r}"
