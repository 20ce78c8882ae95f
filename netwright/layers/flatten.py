"""Flatten: some neighbouring axes laid out as one, the last of them running fastest.

With axes of N₁ … Nₙ places, counted from 0,

    y_(i₁N₂…Nₙ + … + iₙ₋₁Nₙ + iₙ) = x_i₁…iₙ

No number changes: each y is one x, with ∂y/∂x = 1. So the gradient of an x is that of its y, and with the loss L and
g = ∂L/∂y given,

    ∂L/∂x_i₁…iₙ = g_(i₁N₂…Nₙ + … + iₙ)          g, in the shape of x
"""

from typing import Any

from torch import Tensor, nn
from torch.autograd import Function

Cache = tuple[tuple[int, ...]]


def forward(x: Tensor, start: int, end: int) -> tuple[Tensor, Cache]:
    """x (…), axes `start` to `end` → y with one axis for these; the shape of x is kept."""
    return x.flatten(start, end), (tuple(x.shape),)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y → ∂L/∂x, of the shape of x."""
    return grad_output.reshape(cache[0]), None, None


class FlattenFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, start: int, end: int) -> Tensor:
        """The output alone: a view of x, which costs nothing; autograd refuses to write into it."""
        return forward(x, start, end)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        ctx.shape = tuple(inputs[0].shape)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        (grad_output,) = grad_outputs
        return backward(grad_output, (ctx.shape,))


class Flatten(nn.Module):
    """torch.nn.Flatten, by hand: x (B, …) → (B, everything else), or other axes from `start_dim` to `end_dim`.

    >>> import torch
    >>> Flatten()(torch.zeros(5, 3, 4, 4)).shape
    torch.Size([5, 48])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, self.start_dim, self.end_dim

    def forward(self, input: Tensor) -> Tensor:
        """The axes from `start_dim` to `end_dim` as one."""
        return FlattenFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
