"""Positions as rotations: how much a query meets a key depends on how far apart they stand, and on nothing else.

RoFormer, Su et al. 2021. As in GPT-NeoX the first half of a head's numbers is paired with the second.

B rows, H heads, T positions, E numbers a head (even).
"""

import torch
from torch import Tensor

BASE = 10_000.0
"""The slowest pair turns once in about 2π times as many positions."""


def turns(first: int, length: int, size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine (length, size / 2) of the angles at positions first, first + 1, …; of the kind of `like`."""
    kind = torch.promote_types(like.dtype, torch.float32)  # in half precision far positions would fall together
    rates = BASE ** (-torch.arange(0, size, 2, device=like.device, dtype=kind) / size)
    angles = torch.arange(first, first + length, device=like.device, dtype=kind)[:, None] * rates
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Queries or keys (B, H, T, E), each pair of numbers turned by the angle of its position (T, E / 2)."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], -1)
