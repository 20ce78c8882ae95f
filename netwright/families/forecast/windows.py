"""A window seen from its own level and in its own spread, so that a level training never had is no problem.

B windows, L steps of the past, H steps of the horizon, T targets.

Sources: NLinear (Zeng et al. 2022; the last value is taken off and given back), RevIN (Kim et al. 2022; mean and
spread). Neither has weights here.
"""

from typing import Literal

import torch
from torch import Tensor

Anchor = Literal["mean", "last"]
LEAST = 1e-2
"""The spread of a window that does not vary, in standard deviations of its series."""


def level_of(past: Tensor, anchor: Anchor) -> Tensor:
    """(B, L, T) → (B, 1, T), the mean of each window or its last value."""
    return past[:, -1:] if anchor == "last" else past.mean(1, keepdim=True)


def spread_of(past: Tensor) -> Tensor:
    """(B, L, T) → (B, 1, T), the standard deviation of each window; `LEAST` at the least."""
    return ((past - past.mean(1, keepdim=True)).square().mean(1, keepdim=True) + LEAST**2).sqrt()


def repeated(past: Tensor, horizon: int, season: int) -> Tensor:
    """(B, L, T) → (B, H, T), the last season again and again; the last value where the window is shorter than one."""
    length = past.shape[1]
    season = season if season <= length else 1
    steps = torch.arange(horizon, device=past.device) % season
    return past[:, length - season + steps]


def channels(x: Tensor) -> Tensor:
    """(B, L, T) → (B·T, L): each target a row of its own."""
    return x.transpose(1, 2).reshape(-1, x.shape[1])


def targets_again(x: Tensor, targets: int) -> Tensor:
    """(B·T, H, …) → (B, H, T, …): what `channels` took apart."""
    return x.unflatten(0, (-1, targets)).transpose(1, 2)
