"""A transposed convolution: each place of the image is written over its window of the answer, weighted, and added up.

Small letters count, from 0, what capitals say the number of: b of B images, c of C channels in, o of O channels out,
row p of P and column q of Q of the image, row h of H and column v of W of the answer, row i and column j of the kernel
w; the bias is b_o. Stride s, dilation d and margin m (`padding`: rows of the answer that are cut off before its first
one) may differ for rows and columns; here one letter stands for both. The loss is L. What row p of the image writes
with row i of the kernel goes to row sp + di − m of the answer:

    y_bohv = b_o + Σ_c Σ_pqij x_bcpq w_coij     over all (p, q, i, j) with h = sp + di − m and v = sq + dj − m       (*)

This is what a convolution does going backward (`conv2d.py`): the same sum, with x in the place of its ∂L/∂y, and y in
that of its ∂L/∂x. So forward here is the gradient there. Now g = ∂L/∂y is given, and L depends on x, w and b through y
alone. Each gradient is a sum over the answers in which a number takes part, of g times what it is multiplied by there:

    x_bcpq is, for each o, i and j, in the one answer that (*) names, times w_coij; the convolution of g with w:

        ∂L/∂x_bcpq = Σ_o Σ_ij g_bohv w_coij       with h = sp + di − m and v = sq + dj − m; outside of the answer g is 0

    w_coij is, for each b, p and q, in the one answer that (*) names, times x_bcpq; the ∂L/∂w of that convolution:

        ∂L/∂w_coij = Σ_bpq g_bohv x_bcpq            with the same h and v

    b_o is in all answers of channel o, times 1:

        ∂L/∂b_o = Σ_bhv g_bohv

A convolution of stride s makes the same P of s different heights H: `output_padding` or `output_size` says which one is
meant. Rows that no window reaches hold b_o alone.

Source: Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional networks" (2010).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.conv_options import check_options, described
from netwright.layers.correlation import Margins, Pair, correlate, match, spread
from netwright.layers.init import draw_layer
from netwright.layers.own import own
from netwright.layers.precision import keep_precision, precision_of
from netwright.layers.windows import check_steps, images, several

Cache = tuple[Tensor, Tensor, bool, Pair, Pair, Pair, Pair, int]


def forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Tensor, Cache]:
    """x (…, C, P, Q), weight (C, O/G, kh, kw), bias (O,) or None, size (H, W) → y (…, O, H, W), and what is kept.

    That is x, the weight, whether there is a bias, and the options.
    """
    around = margins(x, weight, size, stride, padding, dilation)
    y = spread(images(x), weight, size, stride, around, dilation, groups)
    y = y if bias is None else y + bias[:, None, None]
    cache = x, weight, bias is not None, size, stride, padding, dilation, groups
    return y.reshape(*x.shape[:-3], *y.shape[1:]), cache


def backward(grad_output: Tensor, cache: Cache, needed: tuple[bool, ...] = (True,) * 3) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, O, H, W) → ∂L/∂x (…, C, P, Q), ∂L/∂w (C, O/G, kh, kw), ∂L/∂b (O,); None for those not needed."""
    x, weight, has_bias, size, stride, padding, dilation, groups = cache
    g, (kh, kw), around = images(grad_output), weight.shape[2:], margins(x, weight, size, stride, padding, dilation)
    grad_x = correlate(g, weight, None, stride, around, dilation, groups).reshape(x.shape) if needed[0] else None
    grad_weight = match(images(x), g, (kh, kw), stride, around, dilation, groups) if needed[1] else None
    grad_bias = g.sum((0, 2, 3)) if needed[2] and has_bias else None
    return grad_x, grad_weight, grad_bias, None, None, None, None, None


def margins(x: Tensor, weight: Tensor, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Margins:
    """What the windows reach beyond the answer on each side; less than nothing where they don't reach its end."""
    axes = zip(x.shape[-2:], stride, dilation, weight.shape[2:], strict=True)
    reach = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in axes]
    (above, left), (height, width) = padding, size
    return left, reach[1] - width - left, above, reach[0] - height - above


class ConvTranspose2dFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, *options: Any) -> Tensor:
        """The output alone."""
        return own(forward(x, weight, bias, *options)[0])

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


class ConvTranspose2d(nn.Module):
    """torch.nn.ConvTranspose2d, by hand: x (…, in_channels, P, Q) → (…, out_channels, H, W).

    H = (P − 1) stride − 2 padding + dilation (kernel_size − 1) + output_padding + 1, or what `output_size` says when it
    is called. Raises InputError for a `padding_mode` other than "zeros", and for sizes that no image gives. Weights
    start uniform in ±1/√(out_channels/groups · kh · kw), drawn as torch.nn draws them.

    >>> ConvTranspose2d(3, 8, 4, stride=2, padding=1)(torch.zeros(10, 3, 16, 16)).shape
    torch.Size([10, 8, 32, 32])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        output_padding: int | Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Pair = 1,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_options(in_channels, out_channels, groups, padding_mode)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (several(n, 2) for n in (kernel_size, stride, dilation))
        self.padding, self.output_padding = several(padding, 2), several(output_padding, 2)
        self.transposed, self.padding_mode = True, padding_mode
        check_steps(self.kernel_size, self.stride, self.padding, self.dilation)
        if any(not 0 <= o < max(s, d) for o, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True)):
            raise InputError(
                "Rows are added at the end only as many as one step of the window leaves open.",
                got=f"output_padding={self.output_padding}",
                wanted=f"0 or more, less than the stride {self.stride} or the dilation {self.dilation}",
                fix="Give an `output_padding` of 0 or more below these, or pad the answer after the layer.",
            )
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        draw_layer(self.weight, self.bias)

    def size(self, x: Tensor, output_size: Sequence[int] | None) -> Pair:
        """H and W. Raises InputError for an `output_size` that is not among those whose convolution has x's size."""
        options = zip(x.shape[-2:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in options]
        wanted = [n + o for n, o in zip(least, self.output_padding, strict=True)]
        height, width = wanted if output_size is None else tuple(output_size)[-2:]
        extra = height - least[0], width - least[1]
        if output_size is not None and not all(0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            raise InputError(
                "No image of this size has a convolution of the input's size.",
                got=f"output_size={(height, width)}",
                wanted=" by ".join(f"{n} to {n + s - 1}" for n, s in zip(least, self.stride, strict=True)),
                fix="Give such an `output_size`, or leave it out.",
            )
        return height, width

    def arguments(self, input: Tensor, output_size: Sequence[int] | None = None) -> tuple:
        """What the pair is called with."""
        size = self.size(input, output_size)
        return input, self.weight, self.bias, size, self.stride, self.padding, self.dilation, self.groups

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """(…, in_channels, P, Q) → (…, out_channels, H, W)."""
        return ConvTranspose2dFunction.apply(*self.arguments(input, output_size))

    def extra_repr(self) -> str:
        """The sizes, and the options that are not at their defaults."""
        return described(self, 2)
