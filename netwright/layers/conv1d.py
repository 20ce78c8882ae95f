"""A convolution along a line: each answer is a weighted sum of a stretch of it, with the same weights everywhere.

Small letters count, from 0, what capitals say the number of: b of B lines, c of C channels in, o of O channels out,
place h of H of the line, place p of P of the answer, and place i of the kernel w; the bias is b_o. Stride s, dilation
d, margin m (`padding`: zeros before the first place). The loss is L.

    y_bop = b_o + Σ_ci w_oci x_bch          with h = sp + di − m; outside of the line x is 0

L depends on x, w and b through y alone, and g = ∂L/∂y is given. Each gradient is a sum over the answers in which a
number takes part, of g times how that answer changes with the number, that is, what it is multiplied by:

    ∂L/∂w_oci = Σ_bp g_bop x_bch            w_oci is in all answers of channel o, times x at h = sp + di − m
    ∂L/∂b_o   = Σ_bp g_bop                  so is b_o, times 1
    ∂L/∂x_bch = Σ_o Σ_pi g_bop w_oci        x_bch is in those answers p that have an i with h = sp + di − m

For three weights, s = d = 1 and one channel the last is g_{h+m} w_0 + g_{h+m−1} w_1 + g_{h+m−2} w_2: the line g read
with the kernel back to front. `conv2d.py` takes the same steps at more length; a line is an image of one row, and the
sums are those of that file.

Source: Waibel and others, "Phoneme recognition using time-delay neural networks" (1989).
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.layers import conv2d
from netwright.layers.conv_options import check_options, check_padding, described, margins
from netwright.layers.correlation import Pair
from netwright.layers.init import draw_layer
from netwright.layers.own import own
from netwright.layers.precision import keep_precision, precision_of
from netwright.layers.windows import check_steps, several

Cache = tuple[Tensor, Tensor, bool, int, Pair, int, int]


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, around: Pair, dilation: int, groups: int
) -> tuple[Tensor, Cache]:
    """x (…, C, H), weight (O, C/G, k), bias (O,) or None → y (…, O, P), and what is kept.

    `around` are the zeros before and after the line. Kept are x, the weight, whether there is a bias, and the options.
    """
    image, kernel, (before, after) = x.unsqueeze(-2), weight.unsqueeze(-2), around
    y, _ = conv2d.forward(image, kernel, bias, (1, stride), (before, after, 0, 0), (1, dilation), groups)
    return y.squeeze(-2), (x, weight, bias is not None, stride, around, dilation, groups)


def backward(grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True,) * 3) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, O, P) → ∂L/∂x (…, C, H), ∂L/∂w (O, C/G, k), ∂L/∂b (O,); None for those not needed."""
    x, weight, has_bias, stride, (before, after), dilation, groups = cache
    image, kernel = x.unsqueeze(-2), weight.unsqueeze(-2)
    cache_2d = (image, kernel, has_bias, (1, stride), (before, after, 0, 0), (1, dilation), groups)
    grad_x, grad_weight, grad_bias, *_ = conv2d.backward(grad_output.unsqueeze(-2), cache_2d, needed)
    grad_x = None if grad_x is None else grad_x.squeeze(-2)
    grad_weight = None if grad_weight is None else grad_weight.squeeze(-2)
    return grad_x, grad_weight, grad_bias, None, None, None, None


class Conv1dFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, around: Pair, dilation: int, groups: int
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


class Conv1d(nn.Module):
    """torch.nn.Conv1d, by hand: x (…, in_channels, H) → (…, out_channels, P).

    P = ⌊(H + 2 padding − dilation (kernel_size − 1) − 1) / stride⌋ + 1. Padding is a number, "valid" (none) or "same"
    (P = H). Raises InputError for a `padding_mode` other than "zeros", and for sizes
    and steps below 1. Weights start uniform in ±1/√(in_channels/groups · k), drawn as torch.nn draws them.

    >>> Conv1d(3, 8, 5, padding="same")(torch.zeros(10, 3, 32)).shape
    torch.Size([10, 8, 32])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Iterable[int],
        stride: int | Iterable[int] = 1,
        padding: int | Iterable[int] | str = 0,
        dilation: int | Iterable[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_options(in_channels, out_channels, groups, padding_mode)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (several(n, 1) for n in (kernel_size, stride, dilation))
        self.padding = padding if isinstance(padding, str) else several(padding, 1)
        check_steps(self.kernel_size, self.stride, self.padding, self.dilation)
        if isinstance(padding, str):
            check_padding(padding, self.stride)
        self.transposed, self.output_padding, self.padding_mode = False, (0,), padding_mode
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
        return input, self.weight, self.bias, self.stride[0], around, self.dilation[0], self.groups

    def forward(self, input: Tensor) -> Tensor:
        """(…, in_channels, H) → (…, out_channels, P)."""
        return Conv1dFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The sizes, and the options that are not at their defaults."""
        return described(self, 1)
