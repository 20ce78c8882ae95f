"""Binary cross-entropy of probabilities: how surprised one who believed x is to see t.

N elements, x in [0, 1] the input, t in [0, 1] the target, w a weight, 1 if there is none. D is what the reduction
divides by: N for "mean", else 1.

    ℓ_n = −w_n (t_n log x_n + (1 − t_n) log(1 − x_n))        L = Σ_n ℓ_n / D

The log of 0 is −∞, and 0 · −∞ is not a number; so logs below −100 count as −100, as in torch.nn: a loss is at most 100.
log(1 − x) is computed as log1p(−x), which keeps its digits near x = 0. The slopes of one element's
loss, the n left out:

    ∂ℓ/∂x = −w (t/x − (1 − t)/(1 − x))
          = w (x − t) / (x (1 − x))          over the common denominator: −t(1 − x) + (1 − t)x = x − t
    ∂ℓ/∂t = w (log(1 − x) − log x)
    ∂ℓ/∂w = −(t log x + (1 − t) log(1 − x))

With G = ∂L'/∂L given, where L' is what follows, and ∂L/∂ℓ_n = 1/D, by the chain rule, for each of x, t and w:

    ∂L'/∂x_n = (G/D) ∂ℓ_n/∂x_n

and a w that counts for several elements gets the sum over them. For "none", read G_n for G/D.

The denominator is 0 at both ends; it counts as 1e−12 at least, as in torch.nn. An x that is no probability gives nan.
Its gradient grows without bound at the ends: from logits, BCEWithLogitsLoss is the safer one.

Source: Good, "Rational Decisions" (1952).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.losses.precision import single
from netwright.layers.losses.reduction import known, reduced, spread
from netwright.layers.losses.shapes import fitted, must_match

Cache = tuple[Tensor, Tensor, Tensor | None, str]


def logs(input: Tensor) -> tuple[Tensor, Tensor]:
    """log x and log(1 − x), −100 at least."""
    return input.log().clamp_min(-100), torch.log1p(-input).clamp_min(-100)


def forward(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str) -> tuple[Tensor, Cache]:
    """Input (…), target (…), weight that broadcasts to them → the loss, (…) or one number, and all three to be kept.

    Raises InputError where input and target differ in shape.
    """
    must_match(input, target)
    yes, no = logs(input)
    losses = (target - 1) * no - target * yes
    losses = losses if weight is None else losses * weight
    return reduced(losses, reduction, losses.numel()), (input, target, weight, reduction)


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True, True)
) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
    """∂L/∂loss → ∂L/∂input (…), ∂L/∂target (…), ∂L/∂weight, and nothing for the reduction; None where not needed."""
    input, target, weight, reduction = cache
    g = spread(grad_output, reduction, input.numel())
    weighted = g if weight is None else g * weight
    grad_input = grad_target = grad_weight = None
    if needed[0]:
        grad_input = fitted(weighted * (input - target) / (input * (1 - input)).clamp_min(1e-12), input)
    if needed[1] or (needed[2] and weight is not None):
        yes, no = logs(input)
        grad_target = fitted(weighted * (no - yes), target)
        grad_weight = None if weight is None else fitted(g * ((target - 1) * no - target * yes), weight)
    return grad_input, grad_target, grad_weight, None


class BCELossFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
        """The loss alone."""
        return forward(input, target, weight, reduction)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        input, target, weight, ctx.reduction = inputs
        ctx.save_for_backward(input, target, weight)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.reduction), ctx.needs_input_grad)


class BCELoss(nn.Module):
    """torch.nn.BCELoss, by hand: probabilities (…), target (…) → one number, or (…) where reduction="none".

    `weight`, a buffer, multiplies each loss and broadcasts to (…). Raises InputError where input and target differ in
    shape, and for a reduction that is not "mean", "sum" or "none".

    >>> BCELoss()(torch.tensor([0.5, 0.5]), torch.tensor([0.0, 1.0]))
    tensor(0.6931)
    """

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.reduction = known(reduction)

    def arguments(self, input: Tensor, target: Tensor) -> tuple:
        """What the pair is called with."""
        return *single(input, target, self.weight), self.reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Probabilities (…), target (…) → the loss."""
        return BCELossFunction.apply(*self.arguments(input, target))
