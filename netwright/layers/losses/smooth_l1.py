"""Squared errors where they are small, absolute errors where they are large: outliers pull no harder than others.

N elements, x the input, t the target, d = x − t, β where the square ends. D is what the reduction divides by: N for
"mean", else 1.

    ℓ_n = d_n² / 2β        if |d_n| < β
          |d_n| − β/2      otherwise            so both pieces and their slopes meet at |d| = β: β/2, and 1
    L = Σ_n ℓ_n / D

The slopes of the pieces are 2d/2β = d/β, and sign(d) = ±β/β: one formula for both is d, no further than β from zero,
over β. G = ∂L'/∂L is given, where L' is what follows; ∂L/∂ℓ_n = 1/D, ∂d/∂x = 1 and ∂d/∂t = −1. By the chain rule:

    ∂L'/∂x_n = (G/D) min(max(d_n, −β), β) / β
    ∂L'/∂t_n = −∂L'/∂x_n

For "none" each loss is given out, with a G_n of its own: read G_n for G/D.
With β = 0 no square is left: it is the L1 loss.

Source: Girshick, "Fast R-CNN" (2015), section 2.3, there with β = 1; after Huber (1964), with β times this.
"""

from typing import Any

from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.losses.precision import single
from netwright.layers.losses.reduction import known, reduced, spread
from netwright.layers.losses.shapes import fitted, warn_of_repeats

Cache = tuple[Tensor, Tensor, str, float]


def forward(input: Tensor, target: Tensor, reduction: str, beta: float) -> tuple[Tensor, Cache]:
    """Input (…), target (…) → the loss, (…) or one number, and both to be kept for `backward`."""
    losses = size = (input - target).abs()
    if beta > 0:
        square = size.clamp_max(beta)  # both pieces in one: min(|d|, β) (|d| − min(|d|, β)/2) / β
        losses = square * (size - 0.5 * square) / beta
    return reduced(losses, reduction, losses.numel()), (input, target, reduction, beta)


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True)
) -> tuple[Tensor | None, Tensor | None, None, None]:
    """∂L/∂loss → ∂L/∂input (…), ∂L/∂target (…), and nothing for the options; None for those not needed."""
    input, target, reduction, beta = cache
    difference = input - target
    slope = difference.clamp(-beta, beta) / beta if beta > 0 else difference.sign()
    gradient = slope * spread(grad_output, reduction, difference.numel())
    return fitted(gradient, input) if needed[0] else None, fitted(-gradient, target) if needed[1] else None, None, None


class SmoothL1LossFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, target: Tensor, reduction: str, beta: float) -> Tensor:
        """The loss alone."""
        return forward(input, target, reduction, beta)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        input, target, ctx.reduction, ctx.beta = inputs
        ctx.save_for_backward(input, target)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.reduction, ctx.beta), ctx.needs_input_grad)


class SmoothL1Loss(nn.Module):
    """torch.nn.SmoothL1Loss, by hand: input (…), target (…) → one number, or (…) where reduction="none".

    Raises InputError for a `beta` below 0, and for a reduction that is not "mean", "sum" or "none".

    >>> import torch
    >>> SmoothL1Loss(reduction="none")(torch.tensor([0.5, 3.0]), torch.zeros(2))
    tensor([0.1250, 2.5000])
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__()
        if beta < 0:
            raise InputError(
                "SmoothL1Loss turns from squares to absolute values at `beta`, which is a distance.",
                got=f"beta={beta}",
                wanted="0 or more",
                fix="Give `beta` without the sign; 0 is the L1 loss.",
            )
        self.reduction, self.beta = known(reduction), beta

    def arguments(self, input: Tensor, target: Tensor) -> tuple:
        """What the pair is called with."""
        return *single(input, target), self.reduction, self.beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Input (…), target (…) → the loss."""
        warn_of_repeats(input, target)
        return SmoothL1LossFunction.apply(*self.arguments(input, target))
