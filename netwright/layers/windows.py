"""Windows that slide over the last two axes of images: how many, their places, their sums, and the sums' way back.

N windows along an axis of L places, each of k places, dilation d apart; stride s from one window to the next.
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import index

import torch
from torch import Tensor

from netwright.core.errors import InputError

Pair = tuple[int, int]


def several(value: int | Iterable[int], count: int) -> tuple[int, ...]:
    """One whole number for each of `count` axes."""
    return tuple(index(n) for n in (value if isinstance(value, Iterable) else (value,) * count))


def check_steps(
    kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...] | str, dilation: tuple[int, ...]
) -> None:
    """Raises InputError for a kernel, stride or dilation of less than 1, and for a padding of less than 0."""
    if min(*kernel, *stride, *dilation) < 1 or not (isinstance(padding, str) or min(padding) >= 0):
        raise InputError(
            "There are no such windows.",
            got=f"kernel_size={kernel}, stride={stride}, padding={padding}, dilation={dilation}",
            wanted="1 or more of each, for the padding 0 or more",
            fix="Set `kernel_size`, `stride` and `dilation` to 1 or more, and `padding` to 0 or more. To cut the "
            "image, slice it before the layer.",
        )


def size_of(x: Tensor) -> Pair:
    """H and W of x (…, H, W). Raises InputError for fewer axes."""
    if x.dim() < 2:
        raise InputError(
            "An image has a height and a width.",
            got=f"a tensor of shape {tuple(x.shape)}",
            wanted="(C, H, W) or (B, C, H, W)",
            fix="Give the image all its axes: x.reshape(channels, height, width).",
        )
    return x.shape[-2], x.shape[-1]


def images(x: Tensor) -> Tensor:
    """x (…, C, H, W) → (B, C, H, W): what stands in front counts as the batch. Raises InputError for fewer axes."""
    if x.dim() < 3:
        raise InputError(
            "An image has channels, height and width (a line of places: channels and length).",
            got=f"a tensor of shape {tuple(x.shape)}",
            wanted="(C, H, W) or (B, C, H, W); for one-dimensional layers (C, L) or (B, C, L)",
            fix="Give the channels an axis of their own: x.unsqueeze(-3) for images, x.unsqueeze(-2) for lines.",
        )
    return x.flatten(0, -4) if x.dim() > 3 else x.unsqueeze(0)


def count_windows(length: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """N. With `ceil_mode` the last window may reach beyond the end, but not begin there.

    Raises InputError where not one fits, or where a window could lie in the padding altogether.
    """
    window = dilation * (kernel - 1) + 1
    room = length + 2 * padding - window
    count = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (count - 1) * stride >= length + padding:
        count -= 1
    if count < 1 or padding > window // 2:
        raise InputError(
            "These windows don't fit the image.",
            got=f"{length} places, kernel_size={kernel}, padding={padding}, dilation={dilation}",
            wanted="a window within the image and its padding, and a padding of half a window at most",
            fix="Give larger images, or a smaller `kernel_size`, `dilation` or `padding`.",
        )
    return count


def padded(x: Tensor, count: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, value: float) -> Tensor:
    """x (…, H, W) with `value` around it, as long as its windows reach together."""
    margins = []
    for axis in (1, 0):
        reach = (count[axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1
        margins += [padding[axis], reach - x.shape[axis - 2] - padding[axis]]
    return torch.constant_pad_nd(x, margins, value) if any(margins) else x


def places(x: Tensor, count: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Iterator[tuple[int, int, Tensor]]:
    """Padded x → for each place (i, j) of the kernel, row by row, what all windows hold there (…, P, Q), as a view."""
    rows, columns = ((n - 1) * s + 1 for n, s in zip(count, stride, strict=True))
    for i in range(0, kernel[0] * dilation[0], dilation[0]):
        for j in range(0, kernel[1] * dilation[1], dilation[1]):
            yield i, j, x[..., i : i + rows : stride[0], j : j + columns : stride[1]]


def window_sums(x: Tensor, count: Pair, kernel: Pair, stride: Pair) -> Tensor:
    """Padded x (…, H, W) → the sum of each window (…, P, Q): over rows first, then over columns."""
    reach = [(n - 1) * s + 1 for n, s in zip(count, stride, strict=True)]
    lines = x[..., : reach[0] : stride[0], :]
    for i in range(1, kernel[0]):
        lines = lines + x[..., i : i + reach[0] : stride[0], :]
    sums = lines[..., : reach[1] : stride[1]]
    for j in range(1, kernel[1]):
        sums = sums + lines[..., j : j + reach[1] : stride[1]]
    return sums


def spread_sums(g: Tensor, size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
    """The way back of `padded` and `window_sums`: g (…, P, Q) → (…, *size), each place the sum of its windows' g."""
    g = overlaid([g] * kernel[1], -1, size[1], stride[1], 1, padding[1])
    return overlaid([g] * kernel[0], -2, size[0], stride[0], 1, padding[0])


def overlaid(parts: Sequence[Tensor], axis: int, length: int, stride: int, dilation: int, before: int) -> Tensor:
    """Windows of k places, laid over one another and added up: k parts with `axis` (N) → one with `axis` (length).

    Part j of window n belongs to place h = sn + dj − `before`. With dj = su + e (e < s) this is place e of the s places
    n + u: for each e a sum of parts, each shifted by its u. `axis` is −1 or −2.
    """
    outer = [0, 0] * (-axis - 1)
    most = dilation * (len(parts) - 1) // stride
    phases = []
    for e in range(stride):
        here = [(j * dilation // stride, part) for j, part in enumerate(parts) if j * dilation % stride == e]
        shifted = [torch.constant_pad_nd(part, [*outer, u, most - u]) for u, part in here]
        phases.append(sum(shifted[1:], start=shifted[0]) if shifted else torch.zeros_like(phases[0]))
    x = torch.stack(phases, axis).flatten(axis - 1, axis) if stride > 1 else phases[0]
    return torch.constant_pad_nd(x, [*outer, -before, length + before - x.shape[axis]])
