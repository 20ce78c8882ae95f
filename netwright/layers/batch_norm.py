"""Batch normalisation: each channel is brought to mean 0 and variance 1 over the batch, then scaled and shifted.

B samples, C channels, L places of a channel (all further axes together); a channel has N = B·L numbers x_i.

    μ = Σ_i x_i / N      v = Σ_i (x_i − μ)² / N      r = 1/√(v + ε)      x̂_i = (x_i − μ) r      y_i = γ x̂_i + β

In evaluation μ and v are not the batch's but the running ones, which training gathers: m ← m + momentum (μ − m).

g = ∂L/∂y is given. γ and β take part in every y_i of their channel, x̂_i in y_i alone:

    ∂L/∂γ = Σ_i g_i x̂_i          ∂L/∂β = Σ_i g_i          h_i = ∂L/∂x̂_i = g_i γ

v takes part in every x̂_i through r, and ∂r/∂v = −½ (v + ε)^(−3/2) = −½ r³; μ in every x̂_i, with ∂x̂_i/∂μ = −r:

    ∂L/∂v = Σ_i h_i (x_i − μ) (−½ r³) = −½ r² γ Σ_i g_i x̂_i = −½ r² γ ∂L/∂γ
    ∂L/∂μ = −r Σ_i h_i                                       = −r γ ∂L/∂β

In evaluation that is all, and ∂L/∂x_i = r h_i. In training x_i takes part in three numbers: x̂_i, v with
∂v/∂x_i = 2 (x_i − μ)/N (through the μ in it nothing: Σ_j −2 (x_j − μ)/N = 0), and μ with ∂μ/∂x_i = 1/N:

    ∂L/∂x_i = r h_i + ∂L/∂v · 2 (x_i − μ)/N + ∂L/∂μ · 1/N

The batch's μ and v are outputs, for the running ones to be gathered from and for `backward`; so ∂L/∂μ and ∂L/∂v have a
second part, that which comes from outside: it is added.

Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
shift" (2015).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.precision import wide
from netwright.layers.running import check, describe, equip, forget, known, remember, restart

Cache = tuple[Tensor, Tensor | None, Tensor | None, Tensor, Tensor, float]
Outputs = Tensor | tuple[Tensor, Tensor, Tensor]


def lifted(channel: Tensor, x: Tensor) -> Tensor:
    """(C,) → (C, 1, …), so that it stands beside the channels of x (B, C, …)."""
    return channel.reshape(-1, *[1] * (x.dim() - 2))


def amount(x: Tensor) -> int:
    """N, of x (B, C, …); 1 where there is nothing."""
    return max(1, x.numel() // max(1, x.shape[1]))


def forward(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor | None, var: Tensor | None, eps: float
) -> tuple[Outputs, Cache]:
    """x (B, C, …), γ and β (C,) or None, μ and v (C,) or None → y (B, C, …), with μ and v (C,) where they are None.

    Reckoned with in float32 at least.
    """
    gathered = mean is None or var is None
    numbers = wide(x)
    if mean is None or var is None:
        over = (0, *range(2, x.dim()))
        mean = numbers.sum(over) / amount(x)
        var = (numbers - lifted(mean, x)).square().sum(over) / amount(x)
    r = (wide(var) + eps).rsqrt()
    y = (numbers - lifted(wide(mean), x)) * lifted(r if weight is None else r * weight, x)
    y = (y if bias is None else y + lifted(bias, x)).to(x.dtype)
    return (y, mean, var) if gathered else y, (x, weight, bias, mean, var, eps)


def backward(grad_output: Tensor | tuple[Tensor, ...], cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (B, C, …), with ∂L/∂μ and ∂L/∂v (C,) where those are outputs → a gradient for each argument."""
    x, weight, bias, mean, var, eps = cache
    g = grad_output[0] if isinstance(grad_output, tuple) else grad_output
    over, r = (0, *range(2, x.dim())), (wide(var) + eps).rsqrt()
    g, centred = g.to(r.dtype), wide(x) - lifted(wide(mean), x)
    grad_bias, grad_weight = g.sum(over), (g * centred).sum(over) * r
    slope = r if weight is None else r * weight  # r γ
    grad_mean, grad_var = -slope * grad_bias, -0.5 * r * slope * grad_weight
    grad_x = g * lifted(slope, x)
    if isinstance(grad_output, tuple):
        grad_mean, grad_var = grad_mean + grad_output[1], grad_var + grad_output[2]
        grad_x = grad_x + centred * lifted(grad_var * (2 / amount(x)), x) + lifted(grad_mean / amount(x), x)
    grad_weight = None if weight is None else grad_weight.to(weight.dtype)
    grad_bias = None if bias is None else grad_bias.to(bias.dtype)
    given = (None, None) if isinstance(grad_output, tuple) else (grad_mean.to(mean.dtype), grad_var.to(var.dtype))
    return grad_x.to(x.dtype), grad_weight, grad_bias, *given, None


class BatchNormFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*arguments: Any) -> Outputs:
        """The outputs alone."""
        return forward(*arguments)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Outputs) -> None:
        """Keep what `backward` needs."""
        x, weight, bias, mean, var, ctx.eps = inputs
        ctx.gathered = isinstance(output, tuple)
        ctx.save_for_backward(x, weight, bias, *(output[1:] if isinstance(output, tuple) else (mean, var)))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        passed = grad_outputs if ctx.gathered else grad_outputs[0]
        return backward(passed, (*ctx.saved_tensors, ctx.eps))


class BatchNorm1d(nn.Module):
    """torch.nn.BatchNorm1d, by hand: x (B, num_features) or (B, num_features, L) → the same shape.

    γ starts at 1, β at 0. `momentum` None makes the running numbers the plain mean over all batches. Raises InputError
    for an input of another shape, and in training for one with a single number for each channel.

    >>> BatchNorm1d(1, affine=False)(torch.tensor([[1.0], [3.0]])).flatten().round()
    tensor([-1.,  1.])
    """

    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        equip(self, bias, device, dtype)

    def reset_running_stats(self) -> None:
        """Forget all batches: mean 0, variance 1."""
        forget(self)

    def reset_parameters(self) -> None:
        """Forget all batches, γ = 1, β = 0."""
        restart(self)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        check(self, input, (2, 3))
        return input, self.weight, self.bias, *known(self), self.eps

    def answer(self, outputs: Outputs) -> Tensor:
        """From the pair's outputs to y; in training the batch's mean and variance are remembered."""
        return outputs if isinstance(outputs, Tensor) else remember(self, *outputs)

    def forward(self, input: Tensor) -> Tensor:
        """(B, num_features) or (B, num_features, L) → the same shape."""
        return self.answer(BatchNormFunction.apply(*self.arguments(input)))

    def extra_repr(self) -> str:
        """The options."""
        return describe(self)


class BatchNorm2d(nn.Module):
    """torch.nn.BatchNorm2d, by hand: x (B, num_features, height, width) → the same shape.

    γ starts at 1, β at 0. `momentum` None makes the running numbers the plain mean over all batches. Raises InputError
    for an input of another shape, and in training for one with a single number for each channel.

    >>> BatchNorm2d(1, affine=False)(torch.tensor([[[[1.0, 3.0]]]])).flatten().round()
    tensor([-1.,  1.])
    """

    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        equip(self, bias, device, dtype)

    def reset_running_stats(self) -> None:
        """Forget all batches: mean 0, variance 1."""
        forget(self)

    def reset_parameters(self) -> None:
        """Forget all batches, γ = 1, β = 0."""
        restart(self)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        check(self, input, (4,))
        return input, self.weight, self.bias, *known(self), self.eps

    def answer(self, outputs: Outputs) -> Tensor:
        """From the pair's outputs to y; in training the batch's mean and variance are remembered."""
        return outputs if isinstance(outputs, Tensor) else remember(self, *outputs)

    def forward(self, input: Tensor) -> Tensor:
        """(B, num_features, height, width) → the same shape."""
        return self.answer(BatchNormFunction.apply(*self.arguments(input)))

    def extra_repr(self) -> str:
        """The options."""
        return describe(self)
