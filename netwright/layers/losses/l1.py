"""The mean of absolute errors.

N elements, x the input, t the target, d = x − t. D is what the reduction divides by: N for "mean", else 1.

    ℓ_n = |d_n|        L = Σ_n ℓ_n / D

The slope of |d| is the sign of d: 1 above zero, −1 below. At zero any slope from −1 to 1 would do, and 0 is taken.
G = ∂L'/∂L is given, where L' is what follows. x_n is in ℓ_n alone, ∂L/∂ℓ_n = 1/D, ∂d/∂x = 1 and ∂d/∂t = −1. By the
chain rule:

    ∂L'/∂x_n = (G/D) sign(d_n)
    ∂L'/∂t_n = −∂L'/∂x_n

For "none" each loss is given out, with a G_n of its own: read G_n for G/D.

Source: Laplace, "Mémoire sur la probabilité des causes par les événements" (1774).
"""

from typing import Any

from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.losses.precision import single
from netwright.layers.losses.reduction import known, reduced, spread
from netwright.layers.losses.shapes import fitted, warn_of_repeats

Cache = tuple[Tensor, Tensor, str]


def forward(input: Tensor, target: Tensor, reduction: str) -> tuple[Tensor, Cache]:
    """Input (…), target (…) → the loss, (…) or one number, and both to be kept for `backward`."""
    losses = (input - target).abs()
    return reduced(losses, reduction, losses.numel()), (input, target, reduction)


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True)
) -> tuple[Tensor | None, Tensor | None, None]:
    """∂L/∂loss → ∂L/∂input (…), ∂L/∂target (…), and nothing for the reduction; None for those not needed."""
    input, target, reduction = cache
    difference = input - target
    gradient = difference.sign() * spread(grad_output, reduction, difference.numel())
    return fitted(gradient, input) if needed[0] else None, fitted(-gradient, target) if needed[1] else None, None


class L1LossFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, target: Tensor, reduction: str) -> Tensor:
        """The loss alone."""
        return forward(input, target, reduction)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        input, target, ctx.reduction = inputs
        ctx.save_for_backward(input, target)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.reduction), ctx.needs_input_grad)


class L1Loss(nn.Module):
    """torch.nn.L1Loss, by hand: input (…), target (…) → one number, or (…) where reduction="none".

    Raises InputError for a reduction that is not "mean", "sum" or "none".

    >>> import torch
    >>> L1Loss()(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 5.0]))
    tensor(1.5000)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = known(reduction)

    def arguments(self, input: Tensor, target: Tensor) -> tuple:
        """What the pair is called with."""
        return *single(input, target), self.reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input (…), target (…) → the loss."""
        warn_of_repeats(input, target)
        return L1LossFunction.apply(*self.arguments(input, target))
