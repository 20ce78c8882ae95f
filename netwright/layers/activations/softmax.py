"""Softmax: a row of numbers becomes a row of shares, each above 0, which sum to 1.

K numbers in a row (along one axis), every row on its own.

    y_k = e^x_k / Σ_j e^x_j

The same number taken from every x_k changes nothing, since it stands above and below. So the largest is taken: then no
exponential is above 1 and nothing overflows. It is a constant to the derivative, as the result doesn't depend on it.

Every output depends on every input of its row. With S = Σ_j e^x_j, ∂S/∂x_i = e^x_i; by the rule for quotients

    ∂y_k/∂x_i = [k = i] e^x_k / S − e^x_k e^x_i / S² = y_k ([k = i] − y_i)

and the loss feels x_i through all the outputs of the row, with g = ∂L/∂y:

    ∂L/∂x_i = Σ_k g_k y_k ([k = i] − y_i) = y_i (g_i − Σ_k g_k y_k)

The matrix of K × K slopes is never written out: one sum for each row is enough. The output alone gives the derivative:
no exponential is taken a second time, and the input can be forgotten.

Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

Cache = tuple[Tensor, int]


def forward(x: Tensor, dim: int) -> tuple[Tensor, Cache]:
    """x (…, K, …), K along `dim` → y of the same shape, and y and `dim` to be kept for `backward`."""
    if x.numel() == 0:
        y = x.clone()  # a row of nothing has no largest
    else:
        e = torch.exp(x - x.amax(dim, keepdim=True))
        y = e / e.sum(dim, keepdim=True)
    return y, (y, dim)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, K, …) → ∂L/∂x (…, K, …)."""
    y, dim = cache
    share = grad_output * y
    return share - y * share.sum(dim, keepdim=True), None


class SoftmaxFunction(Function):
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


def chosen_dim(x: Tensor, dim: int | None) -> int:
    """`dim`, or for None the one PyTorch takes: 0 for inputs of 0, 1 or 3 axes, else 1."""
    if dim is not None:
        return dim
    return 0 if x.dim() in (0, 1, 3) else 1


class Softmax(nn.Module):
    """torch.nn.Softmax, by hand: (…) → (…), each row along `dim` summing to 1.

    Without `dim` the axis is PyTorch's choice, 0 for inputs of 0, 1 or 3 axes, else 1. Better name it: -1 is the last.

    >>> Softmax(-1)(torch.zeros(2, 4))[0]
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, chosen_dim(input, self.dim)

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…)."""
        return SoftmaxFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"
