"""How likely a row is under what a decoder says: in nats, higher is likelier.

B rows, D length of the flat vector.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

LEAST_LOG_SPREAD = math.log(0.01)
"""Bound of a learned spread from below: a column that never varies would be infinitely likely."""


def bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """Σ x·ln p + (1 − x)·ln(1 − p), p the sigmoid of the logits. (B, D), (B, D) → (B,)."""
    return (x * logits - functional.softplus(logits)).sum(1)


def gaussian(x: Tensor, mean: Tensor, log_spread: Tensor) -> Tensor:
    """Σ −½((x − mean)/σ)² − ln σ − ½ ln 2π, σ one for all or one for each column. (B, D), (B, D), (1 or D,) → (B,)."""
    log_spread = log_spread.clamp(min=LEAST_LOG_SPREAD)
    away = (x - mean) * torch.exp(-log_spread)
    return (-0.5 * away.square() - log_spread - 0.5 * math.log(2 * math.pi)).sum(1)


def categorical(x: Tensor, logits: Tensor, places: Sequence[int]) -> Tensor:
    """Σ ln p of the place taken, over blocks of one-hot places side by side. (B, ΣP), (B, ΣP) → (B,)."""
    total = x.new_zeros(len(x))
    for taken, block in zip(x.split(list(places), 1), logits.split(list(places), 1), strict=True):
        total = total + (taken * functional.log_softmax(block, dim=1)).sum(1)
    return total
