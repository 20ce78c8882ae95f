"""Dropout: in training each number is set to 0 with probability p, and the others grow by 1/(1 − p) to make up for it.

k_i = 1 where a number is kept (probability 1 − p), 0 where it is dropped.

    y_i = x_i k_i / (1 − p)          the mean of y_i over all draws is x_i (1 − p)/(1 − p) = x_i

so that in evaluation, where nothing is dropped, y = x is right as it stands. k does not depend on x. With g = ∂L/∂y:

    ∂L/∂x_i = g_i ∂y_i/∂x_i = g_i k_i / (1 − p)         the same numbers are kept on the way back

k is drawn by the module, outside of the pair: the pair is then a function of its arguments, which can be called again.

Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural networks
from overfitting" (2014).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError

Cache = tuple[Tensor | None, float]


def forward(x: Tensor, kept: Tensor | None, scale: float) -> tuple[Tensor, Cache]:
    """x, the k of each number (None where all are kept) and 1/(1 − p) → y, and what `backward` needs."""
    return (x if kept is None else x * kept * scale), (kept, scale)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y → ∂L/∂x."""
    kept, scale = cache
    return (grad_output if kept is None else grad_output * kept * scale), None, None


class DropoutFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, kept: Tensor, scale: float) -> Tensor:
        """The output alone."""
        return forward(x, kept, scale)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        _, kept, ctx.scale = inputs
        ctx.save_for_backward(kept)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (ctx.saved_tensors[0], ctx.scale))


class Dropout(nn.Module):
    """torch.nn.Dropout, by hand: x of any shape → the same shape. On the CPU the same seed drops the same numbers.

    `p` is the probability to be dropped. In evaluation, and with p = 0, x itself is handed on. `inplace=True`
    is accepted and makes no difference: the input stays as it is. Raises InputError for a `p` that is no probability.

    >>> Dropout(0.5).eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise InputError(
                "Numbers are dropped with a probability.",
                got=f"p={p}",
                wanted="a number from 0 to 1",
                fix="Give the share of numbers to be dropped as p, for instance p=0.1.",
            )
        self.p, self.inplace = p, inplace

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with: k is drawn here."""
        if not self.training or self.p == 0 or input.numel() == 0:
            return input, None, 1.0
        if self.p == 1:
            return input, torch.zeros_like(input, dtype=torch.bool), 0.0
        return input, torch.empty_like(input, dtype=torch.bool).bernoulli_(1 - self.p), 1 / (1 - self.p)

    def forward(self, input: Tensor) -> Tensor:
        """Any shape → the same shape."""
        input, kept, scale = self.arguments(input)
        return input if kept is None else DropoutFunction.apply(input, kept, scale)

    def extra_repr(self) -> str:
        """The options."""
        return f"p={self.p}, inplace={self.inplace}"
