"""A linear layer and the ReLU behind it, in one step.

B rows, I inputs, O outputs.

    z = x Wᵀ + b        y = max(z, 0)

By the chain rule the gradient goes back through the two in turn (see relu.py and linear.py), with g = ∂L/∂y:

    ∂L/∂z = g sign(y)                            as y is never negative: 1 where z > 0, else 0
    ∂L/∂x = ∂L/∂z W        ∂L/∂W = (∂L/∂z)ᵀ x        ∂L/∂b = Σ_b ∂L/∂z_b

Why it is faster: nothing asks for z, so the sums are cut off in the place where they stand, with no second tensor. And
x, W and y are all that is kept: for torch.nn's two layers a compiler keeps a mask of bools beside y, and packing and
unpacking it takes longer than the product with a sign. Not compiled, time goes into the matrix products either way, and
on tiny layers into calling Python: there torch.nn's two are as fast or faster.

Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers import linear
from netwright.layers.init import draw_layer
from netwright.layers.own import own
from netwright.layers.precision import keep_precision, precision_of

Cache = tuple[Tensor, Tensor, Tensor]


def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Cache]:
    """x (…, I), weight (O, I), bias (O,) or None → y (…, O), and x, the weight and y to be kept for `backward`."""
    z, _ = linear.forward(x, weight, bias)
    y = z.clamp_min_(0)  # z is ours and nobody else holds it
    return y, (x, weight, y)


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True, True)
) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, O) → ∂L/∂x (…, I), ∂L/∂W (O, I), ∂L/∂b (O,); None for those that are not needed."""
    x, weight, y = cache
    return linear.backward(grad_output * y.sign(), (x, weight), needed)


class LinearReLUFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The output alone."""
        return own(forward(x, weight, bias)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, weight, _ = inputs
        ctx.save_for_backward(x, weight, output)
        keep_precision(ctx, inputs[0])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        with precision_of(ctx):
            return backward(grad_outputs[0], ctx.saved_tensors, ctx.needs_input_grad)


class LinearReLU(nn.Module):
    """torch.nn.Linear and torch.nn.ReLU as one, with Linear's weights: x (…, in_features) → (…, out_features).

    >>> LinearReLU(3, 2)(torch.zeros(5, 3)).shape
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
        self.weight = nn.Parameter(torch.empty(out_features, in_features, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_features, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew, as Linear does."""
        draw_layer(self.weight, self.bias)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, self.weight, self.bias

    def forward(self, input: Tensor) -> Tensor:
        """(…, in_features) → (…, out_features)."""
        return LinearReLUFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
