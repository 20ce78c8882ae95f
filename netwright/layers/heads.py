"""The parts of attention's inputs: heads side by side, and keys behind the others. Numbers are moved, none is changed.

B rows, T positions of one of queries, keys or values, S keys, D numbers in each, H heads, E = D / H numbers a head.
"""

from typing import Any

import torch
from torch import Tensor

from netwright.layers.masks import summed_to


def thirds(packed: Tensor | None, *separate: Tensor | None) -> tuple[Any, ...]:
    """What belongs to queries, to keys and to values: three of one tensor's rows each, or those given apart."""
    if packed is not None:
        return packed.chunk(3)
    return separate or (None, None, None)


def apart(x: Tensor, heads: int, batch_first: bool) -> Tensor:
    """(B, T, D), (T, B, D) or (T, D) → (B, H, T, E) or (H, T, E), one after the other in memory."""
    return x.unflatten(-1, (heads, x.shape[-1] // heads)).movedim(-3 if batch_first else 0, -2).contiguous()


def together(x: Tensor, batch_first: bool) -> Tensor:
    """(B, H, T, E) or (H, T, E) → (B, T, D), (T, B, D) or (T, D)."""
    return x.movedim(-2, -3 if batch_first else 0).flatten(-2)


def followed(x: Tensor, bias: Tensor | None, zero: bool) -> Tensor:
    """Keys or values (…, H, S, E) with the learned one (1, 1, D) and the one of zeros behind them, where there are."""
    *front, _, size = x.shape
    behind = [] if bias is None else [bias.reshape(-1, 1, size).expand(*front, 1, size)]
    behind += [x.new_zeros(*front, 1, size)] if zero else []
    return torch.cat([x, *behind], -2) if behind else x


def unfollowed(grad: Tensor, bias: Tensor | None, zero: bool) -> tuple[Tensor, Tensor | None]:
    """The gradient of what `followed` gives → that of the keys or values, and that of the learned one (1, 1, D)."""
    count = grad.shape[-2] - (bias is not None) - zero
    if bias is None:
        return grad[..., :count, :], None
    own = grad[..., count : count + 1, :]
    return grad[..., :count, :], summed_to(own, own.shape[-3:]).reshape(1, 1, -1)
