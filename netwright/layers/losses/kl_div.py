"""The Kullback-Leibler divergence: how many nats more it costs to code t by a code that was made for eˣ.

N elements, B the first axis, x the input, a log-probability, t the target, a probability (or its log u, with
`log_target`). D is what the reduction divides by: N for "mean", B for "batchmean", else 1. Only "batchmean" is the
divergence of the textbooks, for which probabilities stand in all axes but the first.

    ℓ_n = t_n (log t_n − x_n), and 0 where t_n = 0        L = Σ_n ℓ_n / D

t log t goes to 0 with t, so nothing is lost at 0. By the product rule an element's loss has the slopes:

    ∂ℓ/∂x = −t
    ∂ℓ/∂t = log t − x + t · 1/t = log t + 1 − x        −∞ at t = 0; −x is given there, which is finite

With u = log t, t = eᵘ and ℓ = eᵘ (u − x):

    ∂ℓ/∂x = −eᵘ
    ∂ℓ/∂u = eᵘ (u − x) + eᵘ

With G = ∂L'/∂L given, where L' is what follows, and ∂L/∂ℓ_n = 1/D, by the chain rule, for each of x, t and u:

    ∂L'/∂x_n = (G/D) ∂ℓ_n/∂x_n

For "none", read G_n for G/D.

Source: Kullback and Leibler, "On Information and Sufficiency" (1951).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.losses.precision import single
from netwright.layers.losses.reduction import REDUCTIONS, known, reduced, spread
from netwright.layers.losses.shapes import fitted

Cache = tuple[Tensor, Tensor, str, bool]


def logarithm(target: Tensor) -> Tensor:
    """log t, and 0 where t is 0."""
    return torch.where(target == 0, 1.0, target).log()


def count(input: Tensor, losses: Tensor, reduction: str) -> int:
    """What the reduction divides by."""
    if reduction == "batchmean":
        return input.shape[0] if input.dim() else 1
    return losses.numel()


def forward(input: Tensor, target: Tensor, reduction: str, log_target: bool) -> tuple[Tensor, Cache]:
    """Input (…), target (…) → the loss, (…) or one number, and both to be kept for `backward`."""
    losses = target.exp() * (target - input) if log_target else target * (logarithm(target) - input)
    return reduced(losses, reduction, count(input, losses, reduction)), (input, target, reduction, log_target)


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True)
) -> tuple[Tensor | None, Tensor | None, None, None]:
    """∂L/∂loss → ∂L/∂input (…), ∂L/∂target (…), and nothing for the options; None for those not needed."""
    input, target, reduction, log_target = cache
    x, t = torch.broadcast_tensors(input, target)
    g = spread(grad_output, reduction, count(input, x, reduction))
    weighted = g * t.exp() if log_target else g * t
    grad_target = None
    if needed[1]:
        grad_target = weighted * (t - x + 1) if log_target else g * (logarithm(t) + (t != 0) - x)
        grad_target = fitted(grad_target, target)
    return fitted(-weighted, input) if needed[0] else None, grad_target, None, None


class KLDivLossFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, target: Tensor, reduction: str, log_target: bool) -> Tensor:
        """The loss alone."""
        return forward(input, target, reduction, log_target)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        input, target, ctx.reduction, ctx.log_target = inputs
        ctx.save_for_backward(input, target)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.reduction, ctx.log_target), ctx.needs_input_grad)


class KLDivLoss(nn.Module):
    """torch.nn.KLDivLoss, by hand: log-probabilities (…), target (…) → one number, or (…) where reduction="none".

    Raises InputError for a reduction that is not "mean", "batchmean", "sum" or "none".

    >>> KLDivLoss(reduction="batchmean")(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__()
        self.reduction, self.log_target = known(reduction, (*REDUCTIONS, "batchmean")), log_target

    def arguments(self, input: Tensor, target: Tensor) -> tuple:
        """What the pair is called with."""
        return *single(input, target), self.reduction, self.log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Log-probabilities (…), target (…) → the loss."""
        return KLDivLossFunction.apply(*self.arguments(input, target))
