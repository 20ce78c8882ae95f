"""Adaptive average pooling: P·Q windows that cover an image of any size H·W, and the mean of each.

Small letters count what capitals say the number of, from 0: b of B images, c of C channels, row h of H and column v of
W of the image, window p of P along rows and q of Q along columns. Window p has the rows (columns alike)

    ⌊pH/P⌋ ≤ h < ⌈(p+1)H/P⌉         N_p of them; neighbours overlap where P does not divide H

    y_bcpq = 1/(N_p N_q) Σ_hv x_bchv            over the rows of p and the columns of q

∂y_bcpq/∂x_bchv is 1/(N_p N_q) if row h is in window p and column v in window q, else 0. By the chain rule, with the
loss L and g = ∂L/∂y given,

    ∂L/∂x_bchv = Σ_pq g_bcpq / (N_p N_q)        over the p that have row h and the q that have column v

Which are these? Row h is in window p if ⌊pH/P⌋ ≤ h and h < ⌈(p+1)H/P⌉. As h is a whole number, the first says
pH/P < h + 1, or p < (h+1)P/H, and the second h < (p+1)H/P, or p + 1 > hP/H. As p is a whole number too,

    ⌊hP/H⌋ ≤ p < ⌈(h+1)P/H⌉

which is the rule above with H and P in each other's place: the way back is the way there, from P to H.

Source: He, Zhang, Ren and Sun, "Spatial pyramid pooling in deep convolutional networks" (2014).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.precision import wide
from netwright.layers.windows import Pair, size_of

Cache = tuple[Pair, Pair]


def forward(x: Tensor, size: Pair) -> tuple[Tensor, Cache]:
    """x (…, H, W), size (P, Q) → y (…, P, Q); (H, W) and (P, Q) are kept."""
    height, width = size_of(x)
    y = cover_sums(wide(x), -2, size[0]) / lengths(x, -2, height, size[0])
    y = cover_sums(y, -1, size[1]) / lengths(x, -1, width, size[1])
    return y.to(x.dtype), ((height, width), size)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, P, Q) → ∂L/∂x (…, H, W)."""
    g, ((height, width), size) = wide(grad_output), cache
    g = cover_sums(g / lengths(g, -1, width, size[1]), -1, width)
    return cover_sums(g / lengths(g, -2, height, size[0]), -2, height).to(grad_output.dtype), None


def bounds(like: Tensor, length: int, windows: int) -> tuple[Tensor, Tensor]:
    """The first place of each window and how many it has (windows,)."""
    window = torch.arange(windows, device=like.device)
    starts = window * length // windows
    return starts, -(-(window + 1) * length // windows) - starts


def lengths(like: Tensor, axis: int, length: int, windows: int) -> Tensor | int:
    """How many places each window has: along an axis, (P, 1) or (Q,), or one number where all have the same."""
    if length % windows == 0:
        return length // windows
    counts = bounds(like, length, windows)[1]
    return counts if axis == -1 else counts[:, None]


def cover_sums(x: Tensor, axis: int, windows: int) -> Tensor:
    """The sum of each of the windows that cover an axis (−1 or −2) of x."""
    length = x.shape[axis]
    if length % windows == 0:
        return x.unflatten(axis, (windows, length // windows)).sum(axis)
    if windows % length == 0:
        return torch.stack([x] * (windows // length), axis).flatten(axis - 1, axis)
    starts, counts = bounds(x, length, windows)
    counts = counts if axis == -1 else counts[:, None]
    sums = x.index_select(axis, starts)
    for step in range(1, -(-length // windows) + 1):  # the longest window has one place more than L / N rounded up
        more = x.index_select(axis, (starts + step).clamp(max=length - 1))
        sums = sums + torch.where(counts > step, more, 0)
    return sums


class AdaptiveAvgPool2dFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, size: Pair) -> Tensor:
        """The output alone."""
        return forward(x, size)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, size = inputs
        ctx.cache = tuple(x.shape[-2:]), size

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        (grad_output,) = grad_outputs
        return backward(grad_output, ctx.cache)


class AdaptiveAvgPool2d(nn.Module):
    """torch.nn.AdaptiveAvgPool2d, by hand: x (…, H, W) → (…, P, Q); a size of None stays as it is.

    Raises InputError where a size is less than 1.

    >>> AdaptiveAvgPool2d((1, None))(torch.arange(6.0).reshape(1, 3, 2))
    tensor([[[2., 3.]]])
    """

    def __init__(self, output_size: int | tuple[int | None, int | None] | None) -> None:
        super().__init__()
        self.output_size = output_size

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        wanted = self.output_size if isinstance(self.output_size, tuple | list) else (self.output_size,) * 2
        size = tuple(n if w is None else w for n, w in zip(size_of(input), wanted, strict=True))
        if min(*size, *input.shape[-2:]) < 1:
            raise InputError(
                "There must be places to average, and windows for the averages.",
                got=f"images of {input.shape[-2]} by {input.shape[-1]} places, output_size={self.output_size}",
                wanted="1 or more of each",
                fix="Set `output_size` to 1 or more, and leave out empty images.",
            )
        return input, size

    def forward(self, input: Tensor) -> Tensor:
        """(…, H, W) → (…, P, Q)."""
        return AdaptiveAvgPool2dFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"
