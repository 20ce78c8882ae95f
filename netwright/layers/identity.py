"""A layer that changes nothing: it stands where a layer could be.

    y = x,  so with g = ∂L/∂y:   ∂L/∂x = g

There is no Function: autograd has nothing to learn, and the module hands x itself on.
"""

from typing import Any

from torch import Tensor, nn


def forward(x: Tensor) -> tuple[Tensor, tuple[()]]:
    """x → y = x, and nothing to keep."""
    return x, ()


def backward(grad_output: Tensor, cache: tuple[()]) -> tuple[Tensor]:
    """∂L/∂y → ∂L/∂x, the same."""
    return (grad_output,)


class Identity(nn.Module):
    """torch.nn.Identity, by hand: whatever comes is handed on. Arguments are taken, and do nothing.

    >>> Identity(54, unused=True)(3)
    3
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def arguments(self, input: Tensor) -> tuple[Tensor]:
        """What the pair is called with."""
        return (input,)

    def forward(self, input: Tensor) -> Tensor:
        """Anything → the same thing."""
        return input
