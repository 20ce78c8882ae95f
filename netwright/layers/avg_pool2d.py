"""Average pooling: the mean of each window, channel by channel.

Small letters count, from 0, what capitals say the number of: b of B images, c of C channels, row h of H and column v of
W of the image, window p of P and q of Q along rows and columns, place (i, j) of a window. Stride s and margin m
(`padding`: rows of zeros before the first one) for rows and columns apart; one letter here.

    y_bcpq = 1/N_pq Σ_ij x_bchv                 with h = sp + i − m and v = sq + j − m; outside of the image x is 0

N_pq is how many places a window has; or how many of them lie in the image, or what `divisor_override` says. A window
that reaches beyond the padding (with `ceil_mode`) does not count what is there. No x changes N.

x_bchv is in y_bcpq once, divided by N_pq, if there are i and j with h = sp + i − m and v = sq + j − m: then
∂y_bcpq/∂x_bchv = 1/N_pq, else 0. By the chain rule, with the loss L and g = ∂L/∂y given,

    ∂L/∂x_bchv = Σ_pq g_bcpq ∂y_bcpq/∂x_bchv = Σ_pq g_bcpq / N_pq       over the windows (p, q) that x_bchv is in

Source: LeCun and others, "Gradient-based learning applied to document recognition" (1998), its subsampling layers.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.precision import wide
from netwright.layers.windows import (
    Pair,
    check_steps,
    count_windows,
    padded,
    several,
    size_of,
    spread_sums,
    window_sums,
)

Cache = tuple[Pair, Pair, Pair, Pair, bool, bool, int | None]


def forward(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, ceil_mode: bool, with_padding: bool, divisor: int | None
) -> tuple[Tensor, Cache]:
    """x (…, H, W) → y (…, P, Q), and (H, W) and the options to be kept."""
    cache = size_of(x), kernel, stride, padding, ceil_mode, with_padding, divisor
    count = counts(size_of(x), kernel, stride, padding, ceil_mode)
    sums = window_sums(padded(wide(x), count, kernel, stride, padding, (1, 1), 0.0), count, kernel, stride)
    return (sums / divisors(sums, cache)).to(x.dtype), cache


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, P, Q) → ∂L/∂x (…, H, W)."""
    size, kernel, stride, padding, *_ = cache
    g = wide(grad_output) / divisors(grad_output, cache)
    grad_x = spread_sums(g, size, kernel, stride, padding).to(grad_output.dtype)
    return grad_x, None, None, None, None, None, None


def counts(size: Pair, kernel: Pair, stride: Pair, padding: Pair, ceil_mode: bool) -> Pair:
    """P and Q."""
    axes = zip(size, kernel, stride, padding, strict=True)
    rows, columns = (count_windows(n, k, s, p, 1, ceil_mode) for n, k, s, p in axes)
    return rows, columns


def divisors(like: Tensor, cache: Cache) -> Tensor | int:
    """N (P, Q), or one number where all are the same; `like` (…, P, Q) tells the device."""
    size, kernel, stride, padding, _, with_padding, divisor = cache
    if divisor is not None:
        return divisor
    rows = places_counted(like, -2, size[0], kernel[0], stride[0], padding[0], with_padding)
    columns = places_counted(like, -1, size[1], kernel[1], stride[1], padding[1], with_padding)
    return rows * columns


def places_counted(
    like: Tensor, axis: int, length: int, kernel: int, stride: int, padding: int, with_padding: bool
) -> Tensor | int:
    """How many places of each window along an axis count: (P, 1) or (Q,), or one number where all do."""
    count, margin = like.shape[axis], padding if with_padding else 0
    if margin == padding and (count - 1) * stride + kernel <= length + 2 * padding:
        return kernel
    starts = torch.arange(count, device=like.device) * stride - padding
    counted = (starts + kernel).clamp(max=length + margin) - starts.clamp(min=-margin)
    return counted if axis == -1 else counted[:, None]


class AvgPool2dFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, *options: Any) -> Tensor:
        """The output alone."""
        return forward(x, *options)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, *options = inputs
        ctx.cache = (tuple(x.shape[-2:]), *options)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        (grad_output,) = grad_outputs
        return backward(grad_output, ctx.cache)


class AvgPool2d(nn.Module):
    """torch.nn.AvgPool2d, by hand: x (…, H, W) → (…, P, Q).

    P = ⌊(H + 2 padding − kernel_size) / stride⌋ + 1, or rounded up with `ceil_mode`; the stride is the kernel's size
    unless given.

    >>> AvgPool2d(2)(torch.arange(16.0).reshape(1, 4, 4))
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """

    def __init__(
        self,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override
        kernel, steps, margin = self.sizes()
        check_steps(kernel, steps, margin, (1, 1))

    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """Kernel, stride and padding, each for both axes."""
        return several(self.kernel_size, 2), several(self.stride, 2), several(self.padding, 2)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, *self.sizes(), self.ceil_mode, self.count_include_pad, self.divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """(…, H, W) → (…, P, Q)."""
        return AvgPool2dFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
