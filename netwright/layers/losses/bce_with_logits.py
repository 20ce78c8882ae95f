"""Binary cross-entropy of logits: a sigmoid and BCELoss in one, safe for logits of any size.

N elements, x the logit, t in [0, 1] the target, w a weight, p what a "yes" counts more than a "no"; w and p are 1 if
there are none. D is what the reduction divides by: N for "mean", else 1. σ(x) = 1 / (1 + e⁻ˣ).

    ℓ_n = −w_n (p_n t_n log σ(x_n) + (1 − t_n) log(1 − σ(x_n)))        L = Σ_n ℓ_n / D

Call s(x) = log(1 + eˣ). Then −log σ(x) = s(−x), and as 1 − σ(x) = σ(−x), −log(1 − σ(x)) = s(x) = x + s(−x):

    ℓ = w ((1 − t) x + (1 − t + p t) s(−x))

eˣ overflows and its log does not, so s(−x) is computed with an exponent that is never above zero:

    s(−x) = log(1 + e^−|x|) + (|x| − x)/2        (|x| − x)/2 is −x below zero, else 0

From s'(x) = eˣ/(1 + eˣ) = σ(x) the slope of s(−x) is −σ(−x) = σ(x) − 1. An element's loss has the slopes:

    ∂ℓ/∂x = w ((1 − t) − (1 − t + p t) (1 − σ))
          = w ((1 − t) σ − p t (1 − σ))           without p: w (σ − t), what is believed less what is true
    ∂ℓ/∂t = w (−x + (p − 1) s(−x))
    ∂ℓ/∂p = w t s(−x)
    ∂ℓ/∂w = ℓ / w = (1 − t) x + (1 − t + p t) s(−x)

With G = ∂L'/∂L given, where L' is what follows, and ∂L/∂ℓ_n = 1/D, by the chain rule, for each of x, t, p and w:

    ∂L'/∂x_n = (G/D) ∂ℓ_n/∂x_n

and a p or w that counts for several elements gets the sum over them. For "none", read G_n for G/D.

Source: Cox, "The Regression Analysis of Binary Sequences" (1958).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.losses.precision import single
from netwright.layers.losses.reduction import known, reduced, spread
from netwright.layers.losses.shapes import fitted, must_match

Cache = tuple[Tensor, Tensor, Tensor | None, Tensor | None, str]


def surprise(x: Tensor) -> Tensor:
    """s(−x) = −log σ(x), (…) → (…)."""
    size = x.abs()
    return torch.log1p((-size).exp()) + (size - x) / 2


def sigmoid(x: Tensor) -> Tensor:
    """σ(x), (…) → (…). Below −80 it is 0 in float32, and stopping there keeps inf · 0 out of the second derivative."""
    return 1 / (1 + (-x.clamp_min(-80)).exp())


def weighed(x: Tensor, target: Tensor, pos_weight: Tensor | None) -> Tensor:
    """ℓ without w: (…) → (…)."""
    if pos_weight is None:
        return (1 - target) * x + surprise(x)
    return (1 - target) * x + (1 - target + pos_weight * target) * surprise(x)


def forward(
    input: Tensor, target: Tensor, weight: Tensor | None, pos_weight: Tensor | None, reduction: str
) -> tuple[Tensor, Cache]:
    """Input (…), target (…), weights that broadcast to them → the loss, (…) or one number, and the four to be kept.

    Raises InputError where input and target differ in shape.
    """
    must_match(input, target)
    losses = weighed(input, target, pos_weight)
    losses = losses if weight is None else losses * weight
    return reduced(losses, reduction, losses.numel()), (input, target, weight, pos_weight, reduction)


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True, True, True)
) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None, None]:
    """∂L/∂loss → ∂L/∂input, ∂L/∂target (…), ∂L/∂weight, ∂L/∂pos_weight, and nothing for the reduction.

    None where one is not needed.
    """
    x, target, weight, pos_weight, reduction = cache
    g = spread(grad_output, reduction, x.numel())
    weighted = g if weight is None else g * weight
    gradients: list[Tensor | None] = [None, None, None, None]
    if needed[0]:
        gradients[0] = fitted(weighted * slope(x, target, pos_weight), x)
    if needed[1]:
        more = 0 if pos_weight is None else (pos_weight - 1) * surprise(x)
        gradients[1] = fitted(weighted * (more - x), target)
    if needed[2] and weight is not None:
        gradients[2] = fitted(g * weighed(x, target, pos_weight), weight)
    if needed[3] and pos_weight is not None:
        gradients[3] = fitted(weighted * target * surprise(x), pos_weight)
    return gradients[0], gradients[1], gradients[2], gradients[3], None


def slope(x: Tensor, target: Tensor, pos_weight: Tensor | None) -> Tensor:
    """∂ℓ/∂x without w: (…) → (…)."""
    believed = sigmoid(x)
    if pos_weight is None:
        return believed - target
    return (1 - target) * believed - pos_weight * target * (1 - believed)


class BCEWithLogitsLossFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        input: Tensor, target: Tensor, weight: Tensor | None, pos_weight: Tensor | None, reduction: str
    ) -> Tensor:
        """The loss alone."""
        return forward(input, target, weight, pos_weight, reduction)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        *tensors, ctx.reduction = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.reduction), ctx.needs_input_grad)


class BCEWithLogitsLoss(nn.Module):
    """torch.nn.BCEWithLogitsLoss, by hand: logits (…), target (…) → one number, or (…) where reduction="none".

    `weight` and `pos_weight`, buffers, broadcast to (…). Raises InputError where input and target differ in shape, and
    for a reduction that is not "mean", "sum" or "none".

    >>> BCEWithLogitsLoss()(torch.zeros(2), torch.tensor([0.0, 1.0]))
    tensor(0.6931)
    """

    def __init__(
        self, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        super().__init__()
        self.reduction = known(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def arguments(self, input: Tensor, target: Tensor) -> tuple:
        """What the pair is called with."""
        return *single(input, target, self.weight, self.pos_weight), self.reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Logits (…), target (…) → the loss."""
        return BCEWithLogitsLossFunction.apply(*self.arguments(input, target))
