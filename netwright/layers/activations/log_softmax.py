"""Log-softmax: the logarithm of the shares a row of numbers stands for.

K numbers in a row (along one axis), every row on its own.

    y_k = ln (e^x_k / Σ_j e^x_j) = x_k − ln Σ_j e^x_j

Taking the logarithm of a finished softmax would lose everything where a share is too small to be written: there stands
ln 0. In this form it is only a subtraction. As in softmax, the largest x of the row is first taken from all of them, so
nothing overflows, and the sum holds e⁰ = 1, so the logarithm is of something ≥ 1.

With S = Σ_j e^x_j, ∂ ln S/∂x_i = e^x_i / S = e^y_i, so ∂y_k/∂x_i = [k = i] − e^y_i. The loss feels x_i through all the
outputs of the row, with g = ∂L/∂y:

    ∂L/∂x_i = Σ_k g_k ([k = i] − e^y_i) = g_i − e^y_i Σ_k g_k

The output alone gives the derivative, and the input can be forgotten.

Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.activations.softmax import chosen_dim

Cache = tuple[Tensor, int]


def forward(x: Tensor, dim: int) -> tuple[Tensor, Cache]:
    """x (…, K, …), K along `dim` → y of the same shape, and y and `dim` to be kept for `backward`."""
    if x.numel() == 0:
        y = x.clone()  # a row of nothing has no largest
    else:
        below = x - x.amax(dim, keepdim=True)
        y = below - torch.log(torch.exp(below).sum(dim, keepdim=True))
    return y, (y, dim)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, K, …) → ∂L/∂x (…, K, …)."""
    y, dim = cache
    return grad_output - torch.exp(y) * grad_output.sum(dim, keepdim=True), None


class LogSoftmaxFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, dim: int) -> Tensor:
        """The output alone."""
        return forward(x, dim)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        _, ctx.dim = inputs
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.dim))


class LogSoftmax(nn.Module):
    """torch.nn.LogSoftmax, by hand: (…) → (…), each row along `dim` the logarithms of shares.

    Without `dim` the axis is PyTorch's choice, 0 for inputs of 0, 1 or 3 axes, else 1. Better name it: -1 is the last.

    >>> LogSoftmax(-1)(torch.zeros(2, 4))[0]
    tensor([-1.3863, -1.3863, -1.3863, -1.3863])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, chosen_dim(input, self.dim)

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return LogSoftmaxFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"
