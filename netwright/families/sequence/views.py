"""Other ways to look at a sequence: normalised on its own, its changes, its simple statistics.

B sequences, T steps, C channels. Everything is of the steps that are no padding.
"""

from collections.abc import Callable

import torch
from torch import Tensor

SMALL = 1e-3
"""Added to a sequence's own spread, in units of the spread of training: one that hardly changes is not blown up."""
AT_ONCE = 2**23
"""Values that are looked at together, more or less, so that long sequences take no more memory than short ones."""
STATISTICS = ("mean", "spread", "least", "most", "first", "last", "slope", "change", "memory")
"""Of each channel."""


def in_parts(ask: Callable[[Tensor, Tensor], Tensor], x: Tensor, lengths: Tensor) -> Tensor:
    """What `ask` gives for values (B, T, C) and lengths (B,), asked for some sequences at a time."""
    step = max(1, AT_ONCE // max(1, x.shape[1] * x.shape[2]))
    if len(x) <= step:
        return ask(x, lengths)
    return torch.cat([ask(*part) for part in zip(x.split(step), lengths.split(step), strict=True)])


def inside(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, 1) true where there is no padding."""
    return (torch.arange(x.shape[1], device=x.device) < lengths.to(x.device)[:, None])[:, :, None]


def mean_of(x: Tensor, keep: Tensor) -> Tensor:
    """(B, 1, C) mean over the steps kept, zero where there are none."""
    return x.masked_fill(~keep, 0.0).sum(1, keepdim=True) / keep.sum(1, keepdim=True).clamp(min=1)


def normalised(x: Tensor, lengths: Tensor) -> Tensor:
    """Each channel of each sequence with mean 0 and spread 1 of its own, zero in padding."""
    keep = inside(x, lengths)
    centred = (x - mean_of(x, keep)).masked_fill(~keep, 0.0)
    return centred / (mean_of(centred.square(), keep).sqrt() + SMALL)


def changes(x: Tensor, lengths: Tensor) -> Tensor:
    """Each step less the one before; zero at the first, and in padding."""
    return torch.diff(x, dim=1, prepend=x[:, :1]).masked_fill(~inside(x, lengths), 0.0)


def statistics(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, 9·C + 1): the `STATISTICS` of each channel, and the logarithm of the length.

    Slope is the covariance with time over its spread; change the mean absolute difference of neighbours; memory the
    correlation of neighbours.
    """
    if not x.shape[1]:
        x = x.new_zeros(len(x), 1, x.shape[2])
    keep, count = inside(x, lengths), lengths.to(x.device).clamp(min=1)[:, None]
    empty = (lengths.to(x.device) < 1)[:, None]
    x = x.masked_fill(~keep, 0.0)
    mean = mean_of(x, keep)
    centred = (x - mean).masked_fill(~keep, 0.0)
    power = mean_of(centred.square(), keep).squeeze(1)
    least = x.masked_fill(~keep, torch.inf).amin(1).masked_fill(empty, 0.0)
    most = x.masked_fill(~keep, -torch.inf).amax(1).masked_fill(empty, 0.0)
    last = x.gather(1, (count - 1)[:, :, None].expand(-1, 1, x.shape[2])).squeeze(1)
    time = (torch.arange(x.shape[1], device=x.device)[None, :, None] - (count[:, :, None] - 1) / 2).to(x.dtype)
    spread = mean_of(time.square().expand_as(keep), keep).sqrt().squeeze(1) + SMALL
    slope = mean_of(time * centred, keep).squeeze(1) / spread
    change = mean_of(changes(x, lengths).abs(), keep).squeeze(1)
    memory = (centred[:, 1:] * centred[:, :-1]).sum(1) / count / (power + SMALL)
    parts = [mean.squeeze(1), power.sqrt(), least, most, x[:, 0], last, slope, change, memory]
    return torch.cat([*parts, count.to(x.dtype).log()], 1)


def statistics_size(channels: int) -> int:
    """How many `statistics` there are."""
    return len(STATISTICS) * channels + 1
