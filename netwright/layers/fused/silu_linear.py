"""SiLU and the linear layer behind it, in one step that keeps one tensor where two steps keep two.

B rows, I inputs, O outputs; σ is the sigmoid.

    h = z σ(z)        y = h Wᵀ + b

By the chain rule the gradient goes back through the two in turn (see linear.py and silu.py), with g = ∂L/∂y:

    ∂L/∂h = g W        ∂L/∂W = gᵀ h        ∂L/∂b = Σ_b g_b
    ∂L/∂z = ∂L/∂h σ (1 + z (1 − σ))

Two steps keep z, for the slope of SiLU, and h, for the weight. But h follows from z by one pass over the numbers, next
to nothing beside a matrix product; so only z is kept and h is computed again, from the σ that the slope takes anyway.
Compiled this takes as long as the two of torch.nn; not compiled, where every pass over the numbers counts, longer.
As in silu.py, σ = e/(1 + e) with e = eᶻ and z held at 40, so that no e is infinite.

Source: Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function approximation" (2017);
keeping less and computing again: Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost" (2016).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers import linear
from netwright.layers.activations import silu
from netwright.layers.fused.weights import draw, linear_weights
from netwright.layers.precision import keep_precision, precision_of

Cache = tuple[Tensor, Tensor]


def forward(z: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Cache]:
    """z (…, I), weight (O, I), bias (O,) or None → y (…, O), and z and the weight to be kept for `backward`."""
    h, _ = silu.forward(z)
    y, _ = linear.forward(h, weight, bias)
    return y, (z, weight)


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True, True)
) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, O) → ∂L/∂z (…, I), ∂L/∂W (O, I), ∂L/∂b (O,); None for those that are not needed."""
    z, weight = cache
    held = z.clamp_max(40)
    e = torch.exp(held)
    other = (1 + e).reciprocal()  # 1 − σ
    sigmoid = e * other
    grad_h, grad_weight, grad_bias = linear.backward(grad_output, (z * sigmoid, weight), needed)
    grad_z = None if grad_h is None else grad_h * (sigmoid * (1 + held * other))
    return grad_z, grad_weight, grad_bias


class SiLULinearFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The output alone."""
        return forward(z, weight, bias)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        z, weight, _ = inputs
        ctx.save_for_backward(z, weight)
        keep_precision(ctx, inputs[0])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        with precision_of(ctx):
            return backward(grad_outputs[0], ctx.saved_tensors, ctx.needs_input_grad)


class SiLULinear(nn.Module):
    """torch.nn.SiLU and torch.nn.Linear as one, with Linear's weights: z (…, in_features) → (…, out_features).

    >>> SiLULinear(3, 2)(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight, self.bias = linear_weights(in_features, out_features, bias, device, dtype)

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        draw(self.weight, self.bias)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, self.weight, self.bias

    def forward(self, input: Tensor) -> Tensor:
        """(…, in_features) → (…, out_features)."""
        return SiLULinearFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
