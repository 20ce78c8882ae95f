"""A linear layer: each output is a weighted sum of the inputs, plus a bias.

B rows, I inputs, O outputs.

    y = x Wᵀ + b          y_bo = Σ_i x_bi W_oi + b_o

The loss L depends on x, W and b through y alone, and g = ∂L/∂y is given. By the chain rule every gradient is a sum over
the outputs through which a number takes part, of g times how that output changes with the number:

    ∂L/∂x_bi = Σ_o g_bo ∂y_bo/∂x_bi = Σ_o g_bo W_oi        x_bi is in the outputs of row b:        g W
    ∂L/∂W_oi = Σ_b g_bo ∂y_bo/∂W_oi = Σ_b g_bo x_bi        W_oi is in output o of every row:       gᵀ x
    ∂L/∂b_o  = Σ_b g_bo ∂y_bo/∂b_o  = Σ_b g_bo             b_o is in output o of every row

The sums are those of matrix products, so three lines of code do it. The rest of the file is what PyTorch asks for, and
alike in every file here: `LinearFunction` puts the pair into autograd (`needed` are the gradients somebody wants;
`generate_vmap_rule` lets `torch.func` take it apart by rows; `keep_precision` is about `torch.autocast`, see
precision.py; `own`, see own.py, hands the output out as nobody's view), and `Linear` holds the weights.

Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors" (1986).
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.init import draw_layer
from netwright.layers.own import own
from netwright.layers.precision import keep_precision, precision_of

Cache = tuple[Tensor, Tensor]


def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Cache]:
    """x (…, I), weight (O, I), bias (O,) or None → y (…, O), and x and the weight to be kept for `backward`."""
    rows = as_rows(x)
    y = rows @ weight.T if bias is None else torch.addmm(bias, rows, weight.T)
    return y.reshape(*x.shape[:-1], len(weight)), (x, weight)


def as_rows(x: Tensor) -> Tensor:
    """(…, N) → (B, N): whatever stands in front counts as rows."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def backward(
    grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True, True, True)
) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, O) → ∂L/∂x (…, I), ∂L/∂W (O, I), ∂L/∂b (O,); None for those that are not needed."""
    x, weight = cache
    g, rows = as_rows(grad_output), as_rows(x)
    grad_x = (g @ weight).reshape(x.shape) if needed[0] else None
    grad_weight = g.T @ rows if needed[1] else None
    grad_bias = g.sum(0) if needed[2] else None
    return grad_x, grad_weight, grad_bias


class LinearFunction(Function):
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
        ctx.save_for_backward(x, weight)
        keep_precision(ctx, x)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        (grad_output,) = grad_outputs
        with precision_of(ctx):
            return backward(grad_output, ctx.saved_tensors, ctx.needs_input_grad)


class Linear(nn.Module):
    """torch.nn.Linear, by hand: x (…, in_features) → (…, out_features).

    Weights start uniform in ±1/√in_features, drawn as torch.nn draws them.

    >>> Linear(3, 2)(torch.zeros(5, 3)).shape
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
        """Draw the weights anew."""
        draw_layer(self.weight, self.bias)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, self.weight, self.bias

    def forward(self, input: Tensor) -> Tensor:
        """(…, in_features) → (…, out_features)."""
        return LinearFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
