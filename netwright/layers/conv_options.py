"""What the modules of the convolutions share: their options, their text."""

from torch import nn

from netwright.core.errors import InputError


def check_options(in_channels: int, out_channels: int, groups: int, padding_mode: str) -> None:
    """Raises InputError where the channels don't part into groups, or where more than zeros would pad."""
    if groups < 1 or in_channels % groups or out_channels % groups:
        raise InputError(
            "The channels can't be parted into this many groups.",
            got=f"in_channels={in_channels}, out_channels={out_channels}, groups={groups}",
            wanted="both divisible by `groups`, which is 1 or more",
            fix="Set `groups` to a divisor of both, such as 1.",
        )
    if padding_mode != "zeros":
        raise InputError(
            "These convolutions pad with zeros only.",
            got=f"padding_mode={padding_mode!r}",
            wanted='padding_mode="zeros"',
            fix="Leave `padding_mode` out, and pad the input before the layer, with torch.nn.ReflectionPad2d or the "
            "like, at padding=0.",
        )


def check_padding(padding: str, stride: tuple[int, ...]) -> None:
    """Raises InputError for a padding by an unknown name, or "same" where windows are left out."""
    if padding not in ("same", "valid") or (padding == "same" and any(s != 1 for s in stride)):
        raise InputError(
            "There is no such padding.",
            got=f"padding={padding!r}, stride={stride}",
            wanted='numbers, "valid" (none), or "same" at stride=1',
            fix="Give `padding` as a number, or set stride=1.",
        )


def margins(padding: tuple[int, ...] | str, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """The zeros before and after, the last axis first; for "same" as many in all as the answer would be smaller by."""
    around = []
    for axis in reversed(range(len(kernel))):
        total = dilation[axis] * (kernel[axis] - 1) if padding == "same" else 0
        before, after = total // 2, total - total // 2
        around += [before, after] if isinstance(padding, str) else [padding[axis], padding[axis]]
    return tuple(around)


def described(layer: nn.Module, axes: int) -> str:
    """The sizes, and the options that are not at their defaults, of a convolution over 1 or 2 axes."""
    zeros, ones = (0,) * axes, (1,) * axes
    text = f"{layer.in_channels}, {layer.out_channels}, kernel_size={layer.kernel_size}, stride={layer.stride}"
    usual = {"padding": zeros, "dilation": ones, "output_padding": zeros, "groups": 1}
    text += "".join(f", {n}={getattr(layer, n)}" for n, value in usual.items() if getattr(layer, n) != value)
    return text if layer.bias is not None else f"{text}, bias=False"
