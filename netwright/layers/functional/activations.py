"""What stands between layers, as functions.

`inplace=True` is accepted and makes no difference: the output is a new tensor, and the input stays as it is.
"""

import torch
from torch import Tensor

from netwright.layers.activations.gelu import GELUFunction, known
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
from netwright.layers.dropout import Dropout


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0)."""
    return ReLUFunction.apply(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """max(x, 0) + a min(x, 0)."""
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
    return SiLUFunction.apply(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(ln(1 + eˣ))."""
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


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each number 0 with probability p, the others larger by 1/(1 − p). Raises InputError for a p that is none."""
    return Dropout(p, inplace).train(training)(input)
