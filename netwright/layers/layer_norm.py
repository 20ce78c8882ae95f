"""Layer normalisation: each row is shifted and scaled to mean 0 and variance 1, then scaled and shifted by weights.

B rows, N numbers in a row (`normalized_shape`, the last axes, flattened), ε a small number against division by 0.

    μ = Σ_i x_i / N      v = Σ_i (x_i − μ)² / N      r = 1/√(v + ε)      x̂_i = (x_i − μ) r      y_i = γ_i x̂_i + β_i

g = ∂L/∂y is given. γ_i and β_i take part in y_i of every row:

    ∂L/∂γ_i = Σ_b g_bi x̂_bi           ∂L/∂β_i = Σ_b g_bi           and within a row       h_i = ∂L/∂x̂_i = g_i γ_i

A number x_i is in every x̂_j of its row, by three ways: itself, through μ, and through r. Step by step:

    ∂μ/∂x_i = 1/N
    ∂v/∂x_i = 2 (x_i − μ)/N                        (through μ nothing: Σ_j −2 (x_j − μ)/N = 0)
    ∂r/∂x_i = −½ (v + ε)^(−3/2) ∂v/∂x_i = −r³ (x_i − μ)/N = −r² x̂_i/N
    ∂x̂_j/∂x_i = r (δ_ij − ∂μ/∂x_i) + (x_j − μ) ∂r/∂x_i = r (δ_ij − 1/N − x̂_j x̂_i/N)

    ∂L/∂x_i = Σ_j h_j ∂x̂_j/∂x_i = r (h_i − Σ_j h_j/N − x̂_i Σ_j h_j x̂_j/N)

In words: h less its mean, and less its part along x̂: the two directions the row was made not to change in.
x̂ and r are computed again in `backward`; that is cheap, and so the second derivative sees all of x.

Source: Ba, Kiros and Hinton, "Layer normalization" (2016).
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.init import ones_, zeros_
from netwright.layers.own import own
from netwright.layers.precision import wide
from netwright.layers.rows import check_rows, sizes

Cache = tuple[Tensor, Tensor | None, Tensor | None, int, float]


def standardised(x: Tensor, axes: int, eps: float) -> tuple[Tensor, Tensor]:
    """x (…, *N) → x̂ (B, N) and r (B, 1), in float32 at least."""
    rows = wide(x.reshape(-1, math.prod(x.shape[-axes:])))
    centred = rows - rows.mean(-1, keepdim=True)
    r = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
    return centred * r, r


def forward(x: Tensor, weight: Tensor | None, bias: Tensor | None, axes: int, eps: float) -> tuple[Tensor, Cache]:
    """x (…, *N), γ and β (*N) or None, over how many last axes → y (…, *N), and what `backward` needs."""
    y, _ = standardised(x, axes, eps)
    y = y if weight is None else y * weight.reshape(-1)
    y = y if bias is None else y + bias.reshape(-1)
    return y.reshape(x.shape).to(x.dtype), (x, weight, bias, axes, eps)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, *N) → ∂L/∂x (…, *N), ∂L/∂γ and ∂L/∂β (*N)."""
    x, weight, bias, axes, eps = cache
    normal, r = standardised(x, axes, eps)
    g = grad_output.reshape(normal.shape).to(r.dtype)
    h = g if weight is None else g * weight.reshape(-1)
    along = normal * (h * normal).mean(-1, keepdim=True)
    grad_x = r * (h - h.mean(-1, keepdim=True) - along)
    grad_weight = None if weight is None else (g * normal).sum(0).reshape(weight.shape).to(weight.dtype)
    grad_bias = None if bias is None else g.sum(0).reshape(bias.shape).to(bias.dtype)
    return grad_x.reshape(x.shape).to(x.dtype), grad_weight, grad_bias, None, None


class LayerNormFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor | None, bias: Tensor | None, axes: int, eps: float) -> Tensor:
        """The output alone."""
        return own(forward(x, weight, bias, axes, eps)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, weight, bias, ctx.axes, ctx.eps = inputs
        ctx.save_for_backward(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.axes, ctx.eps))


class LayerNorm(nn.Module):
    """torch.nn.LayerNorm, by hand: x (…, *normalized_shape) → the same shape.

    γ starts at 1, β at 0. Raises InputError for an input whose last axes are not `normalized_shape`.

    >>> LayerNorm(2)(torch.tensor([[1.0, 3.0]])).round()
    tensor([[-1.,  1.]], grad_fn=<RoundBackward0>)
    """

    def __init__(
        self,
        normalized_shape: int | Iterable[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = sizes(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(self.normalized_shape, **new)) if elementwise_affine else None
        self.bias = nn.Parameter(torch.empty(self.normalized_shape, **new)) if elementwise_affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """γ = 1, β = 0."""
        if self.weight is not None:
            ones_(self.weight)
        if self.bias is not None:
            zeros_(self.bias)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        check_rows(input, self.normalized_shape)
        return input, self.weight, self.bias, len(self.normalized_shape), self.eps

    def forward(self, input: Tensor) -> Tensor:
        """(…, *normalized_shape) → the same shape."""
        return LayerNormFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The options."""
        options = f"eps={self.eps}, elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        return f"{self.normalized_shape}, {options}"
