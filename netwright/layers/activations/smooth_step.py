"""The smooth step: from 0 to 1 while x goes from 0 to 1, with no corner and no jerk at either end.

x and y of any one shape, everything number by number.

    p(x) = x³ (6x² − 15x + 10) = 6x⁵ − 15x⁴ + 10x³
    p′(x) = 30x⁴ − 60x³ + 30x² = 30 x² (1 − x)²
    p″(x) = 120x³ − 180x² + 60x = 60 x (1 − x) (1 − 2x)

p(0) = 0 and p(1) = 1, and p′ and p″ are zero at both: of the polynomials that do this it is the one of lowest degree.
So the step can be laid flat outside [0, 1], and not even its curvature shows where:

    y = p(c)        c = 0 where x < 0, x on [0, 1], 1 where x > 1
    ∂L/∂x = g p′(c)                                                    with g = ∂L/∂y

Outside, c stands still, so the slope should be zero; and p′(0) = p′(1) = 0 says so already, without a mask.

As the tutorials write it the polynomial alone is taken, c = x: between 0 and 1 that is the same, outside it falls and
grows like x⁵, and so do the gradients, and a network that comes to be there does not come back. So the flat one is the
default, and `clamp=False` gives the other.

Source: Perlin, "Improving noise" (2002).
"""

from typing import Any

from torch import Tensor, nn
from torch.autograd import Function

Cache = tuple[Tensor, bool]


def forward(x: Tensor, clamp: bool) -> tuple[Tensor, Cache]:
    """x (…) → y (…), and x and the option to be kept for `backward`."""
    c = x.clamp(0, 1) if clamp else x
    return c * c * c * (c * (6 * c - 15) + 10), (x, clamp)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…) → ∂L/∂x (…)."""
    x, clamp = cache
    c = x.clamp(0, 1) if clamp else x
    bump = c * (1 - c)
    return grad_output * (30 * (bump * bump)), None


class SmoothStepFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, clamp: bool) -> Tensor:
        """The output alone."""
        return forward(x, clamp)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, ctx.clamp = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.clamp))


class SmoothStep(nn.Module):
    """x³(6x² − 15x + 10), flat outside [0, 1] unless `clamp=False`: (…) → (…). torch.nn has none.

    >>> import torch
    >>> SmoothStep()(torch.tensor([-1.0, 0.5, 2.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    def __init__(self, clamp: bool = True) -> None:
        super().__init__()
        self.clamp = clamp

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, self.clamp

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return SmoothStepFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """Whether it is flat outside [0, 1]."""
        return f"clamp={self.clamp}"
