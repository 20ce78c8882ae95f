"""Sums with weights, as functions: linear, bilinear, convolutions, and a table of vectors."""

from collections.abc import Iterable

from torch import Tensor

from netwright.core.errors import InputError
from netwright.layers.bilinear import BilinearFunction
from netwright.layers.conv1d import Conv1dFunction
from netwright.layers.conv2d import Conv2dFunction
from netwright.layers.conv_options import check_options, check_padding, margins
from netwright.layers.conv_transpose2d import ConvTranspose2dFunction
from netwright.layers.embedding import EmbeddingFunction, counted, refuse
from netwright.layers.linear import LinearFunction
from netwright.layers.windows import several

Sizes = int | Iterable[int]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Weighted sums plus a bias: (…, I), (O, I), (O,) → (…, O)."""
    return LinearFunction.apply(input, weight, bias)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Weighted sums of products: (…, I), (…, J), (O, I, J), (O,) → (…, O). Raises InputError for other shapes."""
    if (*input1.shape, input2.shape[-1]) != (*input2.shape[:-1], *weight.shape[1:]):
        raise InputError(
            "The two inputs do not fit the weight, or each other.",
            got=f"inputs of shapes {tuple(input1.shape)} and {tuple(input2.shape)}, weight {tuple(weight.shape)}",
            wanted="(…, I) and (…, J) with the same axes in front, and a weight (O, I, J)",
            fix="Give input1 and input2 the same rows, and a weight of the sizes of their last axes.",
        )
    return BilinearFunction.apply(input1, input2, weight, bias)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of a table: whole numbers (…), (V, E) → (…, E). Raises InputError for max_norm and sparse."""
    refuse(max_norm, sparse)
    return EmbeddingFunction.apply(input, weight, counted(padding_idx, len(weight)), scale_grad_by_freq)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Weighted sums of windows of lines: (…, C, L), (O, C/G, k), (O,) → (…, O, P). Raises InputError for misfits."""
    (s,), around, (d,) = options(weight, stride, padding, dilation, groups)
    return Conv1dFunction.apply(input, weight, bias, s, around, d, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Weighted sums of windows of images: (…, C, H, W), (O, C/G, kh, kw), (O,) → (…, O, P, Q).

    Raises InputError for groups that don't part the channels, and a padding by an unknown name.
    """
    return Conv2dFunction.apply(input, weight, bias, *options(weight, stride, padding, dilation, groups), groups)


def options(
    weight: Tensor, stride: Sizes, padding: Sizes | str, dilation: Sizes, groups: int
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """A convolution's strides, the zeros around its images, and its dilations."""
    kernel = tuple(weight.shape[2:])
    steps, gaps = several(stride, len(kernel)), several(dilation, len(kernel))
    check_options(weight.shape[1] * groups, len(weight), groups, "zeros")
    if isinstance(padding, str):
        check_padding(padding, steps)
    return steps, margins(padding if isinstance(padding, str) else several(padding, len(kernel)), kernel, gaps), gaps


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Each place written over its window: (…, C, P, Q), (C, O/G, kh, kw), (O,) → (…, O, H, W).

    Raises InputError for groups that don't part the channels, and for an `output_padding` of a step or more.
    """
    steps, cut, more, gaps = (several(n, 2) for n in (stride, padding, output_padding, dilation))
    check_options(len(weight), weight.shape[1] * groups, groups, "zeros")
    if any(o >= max(s, d) for o, s, d in zip(more, steps, gaps, strict=True)):
        raise InputError(
            "More rows are added at the end than one step of the window leaves open.",
            got=f"output_padding={more}",
            wanted=f"less than the stride {steps} or the dilation {gaps}",
            fix="Give a smaller `output_padding`, or pad the answer.",
        )
    axes = zip(input.shape[-2:], steps, cut, gaps, weight.shape[2:], more, strict=True)
    size = tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 + o for n, s, p, d, k, o in axes)
    return ConvTranspose2dFunction.apply(input, weight, bias, size, steps, cut, gaps, groups)
