"""Root-mean-square normalisation: each row is scaled to a mean square of 1, then multiplied by weights.

B rows, N numbers in a row (`normalized_shape`, the last axes, flattened), ε a small number against division by 0.

    s = Σ_i x_i² / N      r = 1/√(s + ε)      x̂_i = x_i r      y_i = γ_i x̂_i

g = ∂L/∂y is given. γ_i takes part in y_i of every row, x̂_i in y_i alone:

    ∂L/∂γ_i = Σ_b g_bi x̂_bi            h_i = ∂L/∂x̂_i = g_i γ_i

A number x_i is in every x̂_j of its row, by two ways: itself, and through r.

    ∂r/∂x_i = −½ (s + ε)^(−3/2) · 2 x_i/N = −r³ x_i/N = −r² x̂_i/N
    ∂x̂_j/∂x_i = r δ_ij + x_j ∂r/∂x_i = r (δ_ij − x̂_j x̂_i/N)

    ∂L/∂x_i = Σ_j h_j ∂x̂_j/∂x_i = r (h_i − x̂_i Σ_j h_j x̂_j/N)

In words: h less its part along x̂, the direction in which a row can grow without any change of y.
x̂ and r are computed again in `backward`; that is cheap, and so the second derivative sees all of x.

Source: Zhang and Sennrich, "Root mean square layer normalization" (2019).
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.init import ones_
from netwright.layers.own import own
from netwright.layers.precision import wide, wide_type
from netwright.layers.rows import check_rows, sizes

Cache = tuple[Tensor, Tensor | None, int, float]


def standardised(x: Tensor, axes: int, eps: float) -> tuple[Tensor, Tensor]:
    """x (…, *N) → x̂ (B, N) and r (B, 1), in float32 at least."""
    rows = wide(x.reshape(-1, math.prod(x.shape[-axes:])))
    r = (rows.square().mean(-1, keepdim=True) + eps).rsqrt()
    return rows * r, r


def forward(x: Tensor, weight: Tensor | None, axes: int, eps: float) -> tuple[Tensor, Cache]:
    """x (…, *N), γ (*N) or None, over how many last axes → y (…, *N), and what `backward` needs."""
    y, _ = standardised(x, axes, eps)
    y = y if weight is None else y * weight.reshape(-1)
    return y.reshape(x.shape).to(x.dtype), (x, weight, axes, eps)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, *N) → ∂L/∂x (…, *N), ∂L/∂γ (*N)."""
    x, weight, axes, eps = cache
    normal, r = standardised(x, axes, eps)
    g = grad_output.reshape(normal.shape).to(r.dtype)
    h = g if weight is None else g * weight.reshape(-1)
    grad_x = r * (h - normal * (h * normal).mean(-1, keepdim=True))
    grad_weight = None if weight is None else (g * normal).sum(0).reshape(weight.shape).to(weight.dtype)
    return grad_x.reshape(x.shape).to(x.dtype), grad_weight, None, None


class RMSNormFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor | None, axes: int, eps: float) -> Tensor:
        """The output alone."""
        return own(forward(x, weight, axes, eps)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, weight, ctx.axes, ctx.eps = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.axes, ctx.eps))


class RMSNorm(nn.Module):
    """torch.nn.RMSNorm, by hand: x (…, *normalized_shape) → the same shape.

    γ starts at 1. `eps` None is the step from 1 to the next number of the type reckoned with, float32 or float64.
    Raises InputError for an input whose last axes are not `normalized_shape`.

    >>> RMSNorm(2)(torch.tensor([[1.0, 7.0]])) * 5
    tensor([[1., 7.]], grad_fn=<MulBackward0>)
    """

    def __init__(
        self,
        normalized_shape: int | Iterable[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = sizes(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(self.normalized_shape, **new)) if elementwise_affine else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """γ = 1."""
        if self.weight is not None:
            ones_(self.weight)

    def arguments(self, x: Tensor) -> tuple:
        """What the pair is called with."""
        check_rows(x, self.normalized_shape)
        eps = torch.finfo(wide_type(x.dtype)).eps if self.eps is None else self.eps
        return x, self.weight, len(self.normalized_shape), eps

    def forward(self, x: Tensor) -> Tensor:
        """(…, *normalized_shape) → the same shape."""
        return RMSNormFunction.apply(*self.arguments(x))

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
