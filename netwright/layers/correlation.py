"""The three sums that a convolution, its gradients, and the convolution that goes the other way are made of.

B batch, C channels in, O channels out, H·W places of the image x, P·Q places of the answer; kh·kw places (i, j) of the
kernel w; stride s, dilation d, margin m (zeros before the first row or column), G groups; g has the answer's shape.
Window (p, q) has the image's place (h, v) at its place (i, j) if

    h = sp + di − m        v = sq + dj − m                                                                      (*)

    correlate   y_bopq = Σ_cij w_ocij x_bchv            every answer reads its window of x
    match       w_ocij = Σ_bpq x_bchv g_bopq            how far g and the image, shifted by (i, j), go together
    spread      x_bchv = Σ_opqij g_bopq w_ocij          every g is written back over its window; of all that obey (*)

One and the same product w·x·g is summed, each time over all that is not in the answer: so each is the gradient of the
others, and their own gradients are found among them again.

How they become matrix products: columns of whole windows would copy x kh·kw times (Chellapilla, Puri and Simard, "High
performance convolutional neural networks for document processing", 2006). `strips` copies it kw times: it lays the kw
columns of the windows over one another, but leaves the rows in one line. There all windows' i-th rows are one stretch,
and kh products, one with the weights of each row, are added up.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from netwright.core.errors import InputError
from netwright.layers.windows import Pair, overlaid

Margins = tuple[int, int, int, int]  # zeros left, right, above and below; fewer than none cuts


def steps(length: int, kernel: int, stride: int, dilation: int) -> int:
    """How many windows fit into `length` places."""
    return (length - dilation * (kernel - 1) - 1) // stride + 1


def answer_size(image: Pair, kernel: Pair, stride: Pair, margins: Margins, dilation: Pair) -> Pair:
    """P and Q. Raises InputError where not one window fits."""
    left, right, above, below = margins
    height, width = image[0] + above + below, image[1] + left + right
    size = steps(height, kernel[0], stride[0], dilation[0]), steps(width, kernel[1], stride[1], dilation[1])
    if min(size) < 1:
        raise InputError(
            "The kernel is larger than the image.",
            got=f"{height} by {width} places, padding included",
            wanted=f"{dilation[0] * (kernel[0] - 1) + 1} by {dilation[1] * (kernel[1] - 1) + 1} places or more",
            fix="Give larger images, more `padding`, or a smaller `kernel_size` or `dilation`.",
        )
    return size


def check_channels(got: int, wanted: int) -> None:
    """Raises InputError where the image has other channels than the kernel reads."""
    if got != wanted:
        raise InputError(
            "The image has another number of channels than the kernel reads.",
            got=f"{got} channels, in the third axis from the end (for lines in the second)",
            wanted=f"{wanted}",
            fix=f"Give images of {wanted} channels, or build the layer with in_channels={got}.",
        )


def strips(
    x: Tensor, kernel: Pair, stride: Pair, margins: Margins, dilation: Pair, groups: int
) -> tuple[list[Tensor], Pair]:
    """x (B, C, H, W) → for each row of the kernel what meets it, (B·G, C/G·kw, P·Q), and (P, Q)."""
    (kh, kw), (sh, sw), (dh, dw), (batch, channels, height, width) = kernel, stride, dilation, x.shape
    left, right, above, _ = margins
    p, q = answer_size((height, width), kernel, stride, margins, dilation)
    lines = p + (kh - 1) * dh // sh  # groups of `stride` rows: a window's rows stand in the same place of their groups
    x = torch.constant_pad_nd(x, [left, right, above, lines * sh - height - above])
    x = x.unfold(3, (kw - 1) * dw + 1, sw)[..., ::dw].reshape(batch, channels, lines, sh, q, kw)
    x = x.permute(0, 1, 5, 3, 2, 4).reshape(batch * groups, channels // groups * kw, sh, lines * q)
    starts = ((i * dh % sh, i * dh // sh * q) for i in range(kh))
    return [x[:, :, phase, start : start + p * q] for phase, start in starts], (p, q)


def weight_rows(weight: Tensor, batch: int, groups: int) -> Iterator[Tensor]:
    """weight (O, C/G, kh, kw) → kh times (B·G, O/G, C/G·kw)."""
    outputs, inputs, kh, kw = weight.shape
    for i in range(kh):
        row = weight[:, :, i].reshape(groups, outputs // groups, inputs * kw)
        yield row.expand(batch, -1, -1, -1).reshape(batch * groups, outputs // groups, inputs * kw)


def correlate(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, margins: Margins, dilation: Pair, groups: int
) -> Tensor:
    """x (B, C, H, W), weight (O, C/G, kh, kw), bias (O,) → (B, O, P, Q)."""
    batch, outputs, (kh, kw) = len(x), len(weight), weight.shape[2:]
    check_channels(x.shape[1], weight.shape[1] * groups)
    rows, (p, q) = strips(x, (kh, kw), stride, margins, dilation, groups)
    (first, row), *others = zip(weight_rows(weight, batch, groups), rows, strict=True)
    if bias is None:
        y = torch.bmm(first, row)
    else:
        start = bias.reshape(groups, -1, 1).expand(batch, -1, -1, p * q).flatten(0, 1)
        y = torch.baddbmm(start, first, row)
    for weights, row in others:
        y = torch.baddbmm(y, weights, row)
    return y.reshape(batch, outputs, p, q)


def match(grad: Tensor, x: Tensor, kernel: Pair, stride: Pair, margins: Margins, dilation: Pair, groups: int) -> Tensor:
    """grad (B, O, P, Q), x (B, C, H, W) → (O, C/G, kh, kw)."""
    batch, outputs, p, q = grad.shape
    rows, _ = strips(x, kernel, stride, margins, dilation, groups)
    if torch.compiler.is_compiling() and max(stride) > 1:
        # Inductor keeps a transposed slice for backward as a tensor of its own; at another image size it then still
        # expects the strides of the first one. What is whole here has the same strides there. At stride 1 it does
        # well, and the copies would cost time.
        rows = [row.contiguous() for row in rows]
    g = grad.reshape(batch * groups, outputs // groups, p * q)
    sizes = batch, outputs, x.shape[1] // groups, kernel[1]
    products = [(g @ row.transpose(1, 2)).reshape(sizes).sum(0) for row in rows]
    return torch.stack(products, 2)


def spread(
    grad: Tensor, weight: Tensor, size: Pair, stride: Pair, margins: Margins, dilation: Pair, groups: int
) -> Tensor:
    """grad (B, O, P, Q), weight (O, C/G, kh, kw) → (B, C, *size).

    In two ways: kh·kw windows lie over one another at stride 1, which are many copies to add; at larger strides few do,
    and the other way would multiply with zeros.
    """
    check_channels(grad.shape[1], len(weight))
    way = gathered if stride == (1, 1) else added
    return way(grad, weight, size, stride, margins, dilation, groups)


def gathered(
    grad: Tensor, weight: Tensor, size: Pair, stride: Pair, margins: Margins, dilation: Pair, groups: int
) -> Tensor:
    """`spread` at stride 1: with p = h − di + m, x reads a window of g too, with the kernel back to front."""
    outputs, inputs, kh, kw = weight.shape
    weight = weight.reshape(groups, outputs // groups, inputs, kh, kw).transpose(1, 2).flip(3, 4)
    weight = weight.reshape(groups * inputs, outputs // groups, kh, kw)
    (height, width), (left, _, above, _) = size, margins
    more = dilation[0] * (kh - 1), dilation[1] * (kw - 1)
    around = more[1] - left, width + left - grad.shape[3], more[0] - above, height + above - grad.shape[2]
    return correlate(grad, weight, None, stride, around, dilation, groups)


def added(
    grad: Tensor, weight: Tensor, size: Pair, stride: Pair, margins: Margins, dilation: Pair, groups: int
) -> Tensor:
    """`spread` at any stride: each g times the whole kernel, laid over one another."""
    (batch, outputs, p, q), (_, inputs, kh, kw) = grad.shape, weight.shape
    kernel = weight.reshape(groups, outputs // groups, inputs * kh * kw).transpose(1, 2)
    kernel = kernel.expand(batch, -1, -1, -1).reshape(batch * groups, inputs * kh * kw, outputs // groups)
    windows = torch.bmm(kernel, grad.reshape(batch * groups, outputs // groups, p * q))
    windows = windows.reshape(batch, groups * inputs, kh, kw, p, q)
    lines = overlaid(windows.unbind(2), -2, size[0], stride[0], dilation[0], margins[2])
    return overlaid(lines.unbind(2), -1, size[1], stride[1], dilation[1], margins[0])
