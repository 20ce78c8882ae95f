"""The layers as functions of tensors, by torch.nn.functional's names and arguments."""

from collections.abc import Sequence

import torch
from torch import Tensor

from netwright.layers.activations.gelu import GELUFunction, known
from netwright.layers.activations.inplace import refuse_inplace
from netwright.layers.activations.leaky_relu import LeakyReLUFunction
from netwright.layers.activations.log_softmax import LogSoftmaxFunction
from netwright.layers.activations.mish import MishFunction
from netwright.layers.activations.relu import ReLUFunction
from netwright.layers.activations.sigmoid import SigmoidFunction
from netwright.layers.activations.silu import SiLUFunction
from netwright.layers.activations.smooth_step import SmoothStepFunction
from netwright.layers.activations.softmax import SoftmaxFunction, chosen_dim
from netwright.layers.activations.softplus import SoftplusFunction
from netwright.layers.activations.tanh import TanhFunction
from netwright.layers.attention import scaled_dot_product_attention
from netwright.layers.batch_norm import BatchNormFunction
from netwright.layers.layer_norm import LayerNormFunction
from netwright.layers.linear import LinearFunction
from netwright.layers.precision import wide_type
from netwright.layers.rms_norm import RMSNormFunction
from netwright.layers.running import follow

__all__ = [
    "batch_norm",
    "gelu",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_step",
    "softmax",
    "softplus",
    "tanh",
]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Weighted sums plus a bias: (…, I), (O, I), (O,) → (…, O)."""
    return LinearFunction.apply(input, weight, bias)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0)."""
    refuse_inplace(inplace)
    return ReLUFunction.apply(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """max(x, 0) + a min(x, 0)."""
    refuse_inplace(inplace)
    return LeakyReLUFunction.apply(input, negative_slope)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e⁻ˣ)."""
    return SigmoidFunction.apply(input)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return TanhFunction.apply(input)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x Φ(x), or with approximate="tanh" a curve close to it. Raises InputError for another form."""
    return GELUFunction.apply(input, known(approximate))


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x σ(x)."""
    refuse_inplace(inplace)
    return SiLUFunction.apply(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(ln(1 + eˣ))."""
    refuse_inplace(inplace)
    return MishFunction.apply(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """ln(1 + e^(βx)) / β, and x where βx is above the threshold."""
    return SoftplusFunction.apply(input, beta, threshold)


def smooth_step(input: Tensor, clamp: bool = True) -> Tensor:
    """x³(6x² − 15x + 10), flat outside [0, 1] unless `clamp=False`. torch.nn.functional has none."""
    return SmoothStepFunction.apply(input, clamp)


def softmax(input: Tensor, dim: int | None = None, *, dtype: torch.dtype | None = None) -> Tensor:
    """Shares along `dim` that sum to 1, computed in `dtype` if given."""
    input = input if dtype is None else input.to(dtype)
    return SoftmaxFunction.apply(input, chosen_dim(input, dim))


def log_softmax(input: Tensor, dim: int | None = None, *, dtype: torch.dtype | None = None) -> Tensor:
    """The logarithms of the shares along `dim`, computed in `dtype` if given."""
    input = input if dtype is None else input.to(dtype)
    return LogSoftmaxFunction.apply(input, chosen_dim(input, dim))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each row, the axes `normalized_shape`, with mean 0 and variance 1, scaled and shifted."""
    return LayerNormFunction.apply(input, weight, bias, len(normalized_shape), eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Each row, the axes `normalized_shape`, with a mean square of 1, scaled."""
    eps = torch.finfo(wide_type(input.dtype)).eps if eps is None else eps
    return RMSNormFunction.apply(input, weight, len(normalized_shape), eps)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel with mean 0 and variance 1: the batch's in training, where the running ones follow them."""
    if not training:
        return BatchNormFunction.apply(input, weight, bias, running_mean, running_var, eps)
    y, mean, var = BatchNormFunction.apply(input, weight, bias, None, None, eps)
    if running_mean is not None and running_var is not None:
        follow(running_mean, running_var, mean, var, y.numel() // len(mean), momentum)
    return y
