"""A convolution over images: each answer is a weighted sum of a window of all channels, with the same weights anywhere.

B batch, C channels in, O channels out, H·W places of the image, P·Q places of the answer, (i, j) places of the kernel;
stride s, dilation d, padding p, for rows and columns apart (one letter here).

    y_bopq = b_o + Σ_cij W_ocij x_bchv      where h = sp + di − p and v = sq + dj − p; outside of the image x is 0

The loss L depends on x, W and b through y alone, and g = ∂L/∂y is given. Each gradient is a sum over the answers in
which a number takes part, of g times how that answer changes with the number:

    W_ocij is in all answers of channel o, each time with another x:

        ∂L/∂W_ocij = Σ_bpq g_bopq ∂y_bopq/∂W_ocij = Σ_bpq g_bopq x_bchv         h = sp + di − p, v = sq + dj − p

    so is b_o, and ∂y/∂b_o = 1:

        ∂L/∂b_o = Σ_bpq g_bopq

    x_bchv is in an answer (p, q) once for each place (i, j) at which the window of (p, q) has it:

        ∂L/∂x_bchv = Σ_opq g_bopq ∂y_bopq/∂x_bchv = Σ_o Σ_pqij g_bopq W_ocij    of those with h = sp + di − p, v = …

Seen from g, the last one says: take each g_bopq, and add it to its window of x, weighted by W. A transposed convolution
(`conv_transpose2d.py`) does this going forward, and its gradient is the sum at the top: the two layers are one pair of
sums, `correlate` and `spread`, read in the two directions. With G groups a channel of the answer sees the C/G channels
of its own group only: G convolutions side by side.

A line of places is an image of one row: `conv1d.py` is this file with a kernel of one row.

Source: LeCun and others, "Backpropagation applied to handwritten zip code recognition" (1989).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers.conv_options import check_options, check_padding, described, draw_weights, margins
from netwright.layers.correlation import Margins, Pair, correlate, match, spread
from netwright.layers.precision import keep_precision, precision_of
from netwright.layers.windows import images, several

Cache = tuple[Tensor, Tensor, Pair, Margins, Pair, int]


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, around: Margins, dilation: Pair, groups: int
) -> tuple[Tensor, Cache]:
    """x (…, C, H, W), weight (O, C/G, kh, kw), bias (O,) or None → y (…, O, P, Q), and x, the weight and the options.

    `around` are the zeros left, right, above and below the image.
    """
    y = correlate(images(x), weight, bias, stride, around, dilation, groups)
    return y.reshape(*x.shape[:-3], *y.shape[1:]), (x, weight, stride, around, dilation, groups)


def backward(grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True,) * 3) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, O, P, Q) → ∂L/∂x (…, C, H, W), ∂L/∂W (O, C/G, kh, kw), ∂L/∂b (O,); None for those not needed."""
    x, weight, stride, around, dilation, groups = cache
    options = stride, around, dilation, groups
    g, (kh, kw), (height, width) = images(grad_output), weight.shape[2:], x.shape[-2:]
    grad_x = spread(g, weight, (height, width), *options).reshape(x.shape) if needed[0] else None
    grad_weight = match(g, images(x), (kh, kw), *options) if needed[1] else None
    grad_bias = g.sum((0, 2, 3)) if needed[2] else None
    return grad_x, grad_weight, grad_bias, None, None, None, None


class Conv2dFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, around: Margins, dilation: Pair, groups: int
    ) -> Tensor:
        """The output alone."""
        return forward(x, weight, bias, stride, around, dilation, groups)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        x, weight, _, *ctx.options = inputs
        ctx.save_for_backward(x, weight)
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
    (none) or "same" (P = H). Raises InputError for a `padding_mode` other than "zeros". Weights start uniform in
    ±1/√(in_channels/groups · kh · kw), drawn as torch.nn draws them.

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
        if isinstance(padding, str):
            check_padding(padding, self.stride)
        self.transposed, self.output_padding, self.padding_mode = False, (0, 0), padding_mode
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        draw_weights(self.weight, self.bias)

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
