"""Group normalisation: channels in groups, each group of a sample brought to mean 0 and variance 1, then γ and β.

B samples, C channels in G groups, L places of a channel (all further axes, flattened). A group has N = (C/G)·L numbers.

    μ = Σ_i x_i / N      v = Σ_i (x_i − μ)² / N      r = 1/√(v + ε)      x̂_i = (x_i − μ) r       i: all of one group
    y_bcl = γ_c x̂_bcl + β_c

g = ∂L/∂y is given. γ_c and β_c take part in every place of channel c in every sample, x̂_bcl in y_bcl alone:

    ∂L/∂γ_c = Σ_bl g_bcl x̂_bcl         ∂L/∂β_c = Σ_bl g_bcl         h_bcl = ∂L/∂x̂_bcl = g_bcl γ_c

Within a group, a number x_i is in every x̂_j, by three ways: itself, through μ, and through r:

    ∂μ/∂x_i = 1/N
    ∂v/∂x_i = 2 (x_i − μ)/N                        (through μ nothing: Σ_j −2 (x_j − μ)/N = 0)
    ∂r/∂x_i = −½ (v + ε)^(−3/2) ∂v/∂x_i = −r² x̂_i/N
    ∂x̂_j/∂x_i = r (δ_ij − 1/N) + (x_j − μ) ∂r/∂x_i = r (δ_ij − 1/N − x̂_j x̂_i/N)

    ∂L/∂x_i = Σ_j h_j ∂x̂_j/∂x_i = r (h_i − Σ_j h_j/N − x̂_i Σ_j h_j x̂_j/N)

x̂ and r are computed again in `backward`; that is cheap, and so the second derivative sees all of x.

Source: Wu and He, "Group normalization" (2018).
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.init import ones_, zeros_
from netwright.layers.own import own
from netwright.layers.precision import wide

Cache = tuple[Tensor, Tensor | None, Tensor | None, int, float]


def standardised(x: Tensor, groups: int, eps: float) -> tuple[Tensor, Tensor]:
    """x (B, C, …) → x̂ (B, G, N) and r (B, G, 1), in float32 at least."""
    parts = wide(x.reshape(len(x), groups, math.prod(x.shape[1:]) // groups))
    centred = parts - parts.mean(-1, keepdim=True)
    r = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
    return centred * r, r


def forward(x: Tensor, weight: Tensor | None, bias: Tensor | None, groups: int, eps: float) -> tuple[Tensor, Cache]:
    """x (B, C, …), γ and β (C,) or None → y (B, C, …), and what `backward` needs."""
    normal, _ = standardised(x, groups, eps)
    y = normal.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    y = y if weight is None else y * weight.unsqueeze(-1)
    y = y if bias is None else y + bias.unsqueeze(-1)
    return y.reshape(x.shape).to(x.dtype), (x, weight, bias, groups, eps)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (B, C, …) → ∂L/∂x (B, C, …), ∂L/∂γ and ∂L/∂β (C,)."""
    x, weight, bias, groups, eps = cache
    normal, r = standardised(x, groups, eps)
    g = grad_output.reshape(*x.shape[:2], math.prod(x.shape[2:])).to(r.dtype)  # (B, C, L)
    h = (g if weight is None else g * weight.unsqueeze(-1)).reshape(normal.shape)
    along = normal * (h * normal).mean(-1, keepdim=True)
    grad_x = r * (h - h.mean(-1, keepdim=True) - along)
    grad_weight = None if weight is None else (g * normal.reshape(g.shape)).sum((0, 2)).to(weight.dtype)
    grad_bias = None if bias is None else g.sum((0, 2)).to(bias.dtype)
    return grad_x.reshape(x.shape).to(x.dtype), grad_weight, grad_bias, None, None


class GroupNormFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor | None, bias: Tensor | None, groups: int, eps: float) -> Tensor:
        """The output alone."""
        return own(forward(x, weight, bias, groups, eps)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, weight, bias, ctx.groups, ctx.eps = inputs
        ctx.save_for_backward(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.groups, ctx.eps))


class GroupNorm(nn.Module):
    """torch.nn.GroupNorm, by hand: x (B, num_channels, …) → the same shape.

    γ starts at 1, β at 0. Raises InputError where the groups do not divide the channels, or for another number of them.

    >>> GroupNorm(1, 2)(torch.tensor([[1.0, 3.0]])).round()
    tensor([[-1.,  1.]], grad_fn=<RoundBackward0>)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise InputError(
                "The channels can't be parted into equal groups.",
                got=f"{num_channels} channels, {num_groups} groups",
                wanted="a number of groups that divides the channels",
                fix=f"Give a divisor of {num_channels} as num_groups.",
            )
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(num_channels, **new)) if affine else None
        self.bias = nn.Parameter(torch.empty(num_channels, **new)) if affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """γ = 1, β = 0."""
        if self.weight is not None:
            ones_(self.weight)
        if self.bias is not None:
            zeros_(self.bias)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        if input.dim() < 2 or input.shape[1] != self.num_channels:
            raise InputError(
                "The input does not have this layer's channels.",
                got=f"an input of shape {tuple(input.shape)}",
                wanted=f"(batch, {self.num_channels}, …)",
                fix="Give the input's second size as num_channels, or an input with a batch axis in front.",
            )
        return input, self.weight, self.bias, self.num_groups, self.eps

    def forward(self, input: Tensor) -> Tensor:
        """(B, num_channels, …) → the same shape."""
        return GroupNormFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The options."""
        options = f"eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"
        return f"{self.num_groups}, {self.num_channels}, {options}"
