"""The negative log-likelihood: how surprised one whose log-probabilities are x is to see class y.

N rows (and whatever axes follow), C classes, x (N, C) the log-probabilities, y (N,) the classes, w (C,) class weights,
1 if there are none. k_n is 1, or 0 where row n is ignored. c_n = k_n w_{y_n} is what row n counts.

    ℓ_n = −c_n x_{n,y_n}        L = Σ_n ℓ_n / D        D = Σ_n c_n for "mean", else 1

x_nc is in ℓ_n, if c = y_n. w_c is in each ℓ_n with y_n = c, and in D. With G = ∂L'/∂L given, where L' is what follows:

    ∂L'/∂x_nc = −(G/D) c_n [c = y_n]
    ∂L'/∂w_c  = Σ_n [c = y_n] k_n (∂L'/∂ℓ_n (−x_{n,y_n}) − (G/D) L)

as ∂L/∂D = −Σ_n ℓ_n / D² = −L/D; the second term is there for "mean" alone. For "none", read G_n for G/D.

Source: Fisher, "On the Mathematical Foundations of Theoretical Statistics" (1922).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.losses.labels import check_weight, class_axis, labels, shares, totals
from netwright.layers.losses.precision import single
from netwright.layers.losses.reduction import known, reduced, spread
from netwright.layers.own import own
from netwright.layers.precision import wide

Cache = tuple[Tensor, Tensor, Tensor | None, Tensor, int, str]


def forward(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> tuple[Tensor, Cache]:
    """Input (N, C, …), target (N, …), weight (C,) or None → the loss, (N, …) or one number, and what is kept.

    Raises InputError for a target or weight of another shape, InputTypeError for a target that is not of integers.
    """
    check_weight(input, weight)
    axis = class_axis(input)
    index, kept = labels(input, target, ignore_index)
    share = shares(input, index, kept, weight)
    rows = torch.where(kept, -input.gather(axis, index), 0.0) * share
    loss = reduced(rows.squeeze(axis), reduction, wide(share).sum() if reduction == "mean" else 1)
    return loss, (input, target, weight, loss, ignore_index, reduction)


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True, True)
) -> tuple[Tensor, None, Tensor | None, None, None]:
    """∂L/∂loss → ∂L/∂input (N, C, …), ∂L/∂weight (C,) or None, and nothing for the indices and the options."""
    input, target, weight, loss, ignore_index, reduction = cache
    axis = class_axis(input)
    index, kept = labels(input, target, ignore_index)
    share = shares(input, index, kept, weight)
    g = grad_output.unsqueeze(axis) if reduction == "none" else grad_output
    each = torch.where(kept, spread(g, reduction, wide(share).sum() if reduction == "mean" else 1), 0.0)  # ∂L/∂ℓ_n
    slopes = -each * share
    grad_input = slopes.new_zeros(input.shape).scatter_add_(axis, index, slopes)
    grad_weight = None
    if needed[2] and weight is not None:
        surprise = -input.gather(axis, index)
        grad_weight = totals(weight, index, each * (surprise - loss if reduction == "mean" else surprise))
    return grad_input, None, grad_weight, None, None


class NLLLossFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str) -> Tensor:
        """The loss alone."""
        return own(forward(input, target, weight, ignore_index, reduction)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        input, target, weight, ctx.ignore_index, ctx.reduction = inputs
        ctx.save_for_backward(input, target, weight, output if ctx.reduction == "mean" else None)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        cache = (*ctx.saved_tensors, ctx.ignore_index, ctx.reduction)
        return backward(grad_outputs[0], cache, ctx.needs_input_grad)


class NLLLoss(nn.Module):
    """torch.nn.NLLLoss, by hand: log-probabilities (C,) or (N, C, …), classes () or (N, …) → the loss.

    One number, or (N, …) where reduction="none". `weight` (C,), a buffer, says what a row of each class counts; rows
    whose target is `ignore_index` count nothing. An index that is no class raises. Raises InputError for a target or
    weight of another shape and for an unknown reduction, InputTypeError for a target that is not of integers.

    >>> NLLLoss()(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([1]))
    tensor(0.6931)
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.ignore_index, self.reduction = ignore_index, known(reduction)

    def arguments(self, input: Tensor, target: Tensor) -> tuple:
        """What the pair is called with."""
        return *single(input, target, self.weight), self.ignore_index, self.reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Log-probabilities (N, C, …), classes (N, …) → the loss."""
        return NLLLossFunction.apply(*self.arguments(input, target))
