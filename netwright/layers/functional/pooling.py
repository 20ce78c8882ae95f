"""Windows of images, each made one number, as functions."""

from torch import Tensor

from netwright.layers.adaptive_avg_pool2d import AdaptiveAvgPool2d
from netwright.layers.avg_pool2d import AvgPool2d
from netwright.layers.max_pool2d import MaxPool2d
from netwright.layers.windows import Pair


def max_pool2d(
    input: Tensor,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest number of each window: (…, H, W) → (…, P, Q), and with `return_indices` where each was found."""
    return MaxPool2d(kernel_size, stride, padding, dilation, return_indices, ceil_mode)(input)


def avg_pool2d(
    input: Tensor,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window: (…, H, W) → (…, P, Q)."""
    return AvgPool2d(kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)(input)


def adaptive_avg_pool2d(input: Tensor, output_size: int | tuple[int | None, int | None] | None) -> Tensor:
    """The means of as many windows as `output_size` says: (…, H, W) → (…, P, Q)."""
    return AdaptiveAvgPool2d(output_size)(input)
