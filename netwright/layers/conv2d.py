"""A convolution over images: each answer is a weighted sum of a window of all channels, with the same weights anywhere.

Small letters count, from 0, what capitals say the number of: b of B images, c of C channels in, o of O channels out,
row h of H and column v of W of the image, row p of P and column q of Q of the answer, row i and column j of the kernel
w; the bias is b_o. Stride s, dilation d and margin m (`padding`: rows of zeros before the first one) may differ for
rows and columns; here one letter stands for both. The loss is L.

    y_bopq = b_o + Σ_cij w_ocij x_bchv      with h = sp + di − m and v = sq + dj − m; outside of the image x is 0    (*)

L depends on x, w and b through y alone, and g = ∂L/∂y is given. So, by the chain rule, the gradient by any number z is
a sum over all answers, of g times how that answer changes with z:

    ∂L/∂z = Σ_bopq g_bopq ∂y_bopq/∂z

    z = w_ocij is in the answers of channel o only, in each of them once, times the x that (*) names:

        ∂y_bopq/∂w_ocij = x_bchv        ∂L/∂w_ocij = Σ_bpq g_bopq x_bchv        with h = sp + di − m, v = sq + dj − m

    z = b_o is in the answers of channel o only, times 1:

        ∂L/∂b_o = Σ_bpq g_bopq

    z = x_bchv is in the answers of image b, of every channel o. At (p, q) it is multiplied by w_ocij if (*) leads from
    there to (h, v) for some (i, j), which can be one pair only; else it is not in that window:

        ∂y_bopq/∂x_bchv = w_ocij        if h = sp + di − m and v = sq + dj − m, else 0

        ∂L/∂x_bchv = Σ_o Σ_pqij g_bopq w_ocij       over all (p, q, i, j) with h = sp + di − m and v = sq + dj − m

Seen from g, the last one says: take each g_bopq, and add it to its window of x, weighted by w. A transposed convolution
(`conv_transpose2d.py`) does this going forward, and its gradient is the sum at the top: the two layers are one pair of
sums, `correlate` and `spread` (`correlation.py`), read in the two directions. With G groups a channel of the answer
sees the C/G channels of its own group only: G convolutions side by side.

A line of places is an image of one row: `conv1d.py` is this file with a kernel of one row.

Source: LeCun and others, "Backpropagation applied to handwritten zip code recognition" (1989).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.conv_options import check_options, check_padding, described, margins
from netwright.layers.correlation import Margins, Pair, correlate, match, spread
from netwright.layers.init import draw_layer
from netwright.layers.own import own
from netwright.layers.precision import keep_precision, precision_of
from netwright.layers.windows import check_steps, images, several

Cache = tuple[Tensor, Tensor, bool, Pair, Margins, Pair, int]


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, around: Margins, dilation: Pair, groups: int
) -> tuple[Tensor, Cache]:
    """x (…, C, H, W), weight (O, C/G, kh, kw), bias (O,) or None → y (…, O, P, Q), and what is kept.

    `around` are the zeros left, right, above and below the image. Kept are x, the weight, whether there is a bias, and
    the options.
    """
    y = correlate(images(x), weight, bias, stride, around, dilation, groups)
    cache = x, weight, bias is not None, stride, around, dilation, groups
    return y.reshape(*x.shape[:-3], *y.shape[1:]), cache


def backward(grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True,) * 3) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, O, P, Q) → ∂L/∂x (…, C, H, W), ∂L/∂w (O, C/G, kh, kw), ∂L/∂b (O,); None for those not needed."""
    x, weight, has_bias, stride, around, dilation, groups = cache
    options = stride, around, dilation, groups
    g, (kh, kw), (height, width) = images(grad_output), weight.shape[2:], x.shape[-2:]
    grad_x = spread(g, weight, (height, width), *options).reshape(x.shape) if needed[0] else None
    grad_weight = match(g, images(x), (kh, kw), *options) if needed[1] else None
    grad_bias = g.sum((0, 2, 3)) if needed[2] and has_bias else None
    return grad_x, grad_weight, grad_bias, None, None, None, None


class Conv2dFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, around: Margins, dilation: Pair, groups: int
    ) -> Tensor:
        """The output alone."""
        return own(forward(x, weight, bias, stride, around, dilation, groups)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, weight, bias, *options = inputs
        ctx.save_for_backward(x, weight)
        ctx.options = (bias is not None, *options)
        keep_precision(ctx, inputs[0])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        (grad_output,) = grad_outputs
        with precision_of(ctx):
            return backward(grad_output, (*ctx.saved_tensors, *ctx.options), ctx.needs_input_grad)


class Conv2d(nn.Module):
    """torch.nn.Conv2d, by hand: x (…, in_channels, H, W) → (…, out_channels, P, Q).

    P = ⌊(H + 2 padding − dilation (kernel_size − 1) − 1) / stride⌋ + 1. Padding is a number, one for each axis, "valid"
    (none) or "same" (P = H). Raises InputError for a `padding_mode` other than "zeros", and for sizes
    and steps below 1. Weights start uniform in ±1/√(in_channels/groups · kh · kw), drawn as torch.nn draws them.

    >>> Conv2d(3, 8, 5, stride=2)(torch.zeros(10, 3, 32, 32)).shape
    torch.Size([10, 8, 14, 14])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair | str = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_options(in_channels, out_channels, groups, padding_mode)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (several(n, 2) for n in (kernel_size, stride, dilation))
        self.padding = padding if isinstance(padding, str) else several(padding, 2)
        check_steps(self.kernel_size, self.stride, self.padding, self.dilation)
        if isinstance(padding, str):
            check_padding(padding, self.stride)
        self.transposed, self.output_padding, self.padding_mode = False, (0, 0), padding_mode
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        draw_layer(self.weight, self.bias)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        around = margins(self.padding, self.kernel_size, self.dilation)
        return input, self.weight, self.bias, self.stride, around, self.dilation, self.groups

    def forward(self, input: Tensor) -> Tensor:
        """(…, in_channels, H, W) → (…, out_channels, P, Q)."""
        return Conv2dFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The sizes, and the options that are not at their defaults."""
        return described(self, 2)
