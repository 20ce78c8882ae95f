"""How much to trust each of several forecasts, found on windows that none was fitted on.

M forecasts, N windows, H steps of the horizon, T targets, Q quantiles, C candidate weights.
"""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

PARTS = 10
"""Weights tried are multiples of one in so many."""
NUMBERS = 1_000_000
"""Numbers of one forecast that weights are compared on at most."""
GROUPS = 10
"""Stretches of time by whose differences a gain is told from chance, at most."""
FEW = 0.2
"""Share of the loss that is doubted where all windows overlap."""


def candidates(members: int) -> Tensor:
    """(C, M) all weights that are multiples of 1/`PARTS` and add up to 1, the first forecast's first."""
    rows = [row for row in product(range(PARTS, -1, -1), repeat=members) if sum(row) == PARTS]
    return torch.tensor(rows, dtype=torch.float32) / PARTS


def weights_of(
    forecasts: Tensor, target: Tensor, quantiles: Sequence[float], *, doubt: float, stretches: int
) -> Tensor:
    """(M,) the weights of forecasts (M, N, H, T, Q) for a target (N, H, T), NaN where not observed.

    Those of the least pinball loss; but where the first forecast, which is the simplest, is no worse than that by more
    than `doubt` standard errors, it gets all the weight, and the clearer it is worse the less it is preferred.
    `stretches` says how many of the windows have nothing in common: windows overlap, and thousands of them may be one
    lucky year. Where they are few, `FEW` of the loss is doubted too.
    """
    tried = candidates(len(forecasts)).to(forecasts)
    groups = max(1, min(GROUPS, stretches))
    losses = torch.stack([grouped(torch.tensordot(row, forecasts, 1), target, quantiles, groups) for row in tried])
    best = losses[losses.mean(1).argmin()]  # (G,)
    gap = losses - best
    unsure = gap.std(1, correction=1) / gap.shape[1] ** 0.5 if gap.shape[1] > 1 else torch.zeros_like(gap[:, 0])
    allowed = doubt * (unsure + FEW * best.mean() / (1 + stretches))
    alone = gap[0].mean().clamp(min=1e-12)  # candidate 0 is the first forecast alone
    allowed = allowed * (allowed[0] / alone).clamp(max=1) ** 2
    good = gap.mean(1) <= allowed + 1e-9
    cost = gap.mean(1) / best.mean().clamp(min=1e-12)
    return tried[int(torch.where(good, tried[:, 0] - 1e-2 * cost, -torch.inf).argmax())]


def grouped(forecast: Tensor, target: Tensor, quantiles: Sequence[float], groups: int) -> Tensor:
    """(G,) the mean pinball loss of (N, H, T, Q) in each of so many stretches of windows, of those with any target."""
    error = target.unsqueeze(-1) - forecast
    q = torch.tensor(quantiles, dtype=error.dtype, device=error.device)
    losses = torch.maximum(q * error, (q - 1) * error).flatten(1).nanmean(1)  # (N,)
    losses = losses[~losses.isnan()]
    if not len(losses):
        return torch.zeros(1)
    return torch.stack([part.mean() for part in losses.tensor_split(min(groups, len(losses)))])
