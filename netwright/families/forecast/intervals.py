"""How far off a point forecast may be: quantiles of its errors, for each step of the horizon.

N or B windows, H steps of the horizon, T targets, Q quantiles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.families.forecast.windows import spread_of

POWERS = (0.0, 0.5, 1.0)
"""How the error may grow with the spread of the window: not at all, with its root, in proportion."""
POOLED = 100
"""Errors a quantile is taken of, at least: those of neighbouring steps are joined until there are so many."""
WIDEST = 2.0
"""Errors on training windows are enlarged by at most this much to be as large as those on validation windows."""


class Intervals(nn.Module):
    """Quantiles around a point forecast. The forecast itself is the middle one, always."""

    def __init__(self, horizon: int, targets: int, quantiles: Sequence[float]) -> None:
        super().__init__()
        self.quantiles, self.middle = tuple(quantiles), quantiles.index(0.5)
        self.offsets: Tensor
        self.power: Tensor
        self.register_buffer("offsets", torch.zeros(horizon, targets, len(quantiles)))
        self.register_buffer("power", torch.zeros(()))

    def forward(self, point: Tensor, past: Tensor) -> Tensor:
        """point (B, H, T), past (B, L, T) → (B, H, T, Q)."""
        return point.unsqueeze(-1) + self.offsets * (spread_of(past) ** self.power).unsqueeze(-1)

    @torch.no_grad()
    def fit(self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor]) -> None:
        """Measure the offsets on errors (N, H, T), NaN where not observed, beside spreads (N, 1, T).

        Errors on training windows are made as large as those on validation windows. The power is that by which
        validation errors are told best.
        """
        (errors, spreads), (held, held_spreads) = training, validation
        ratio = _size(held) / _size(errors).clamp(min=1e-12) if len(held) else torch.ones(())
        errors = errors * ratio.clamp(1.0, WIDEST).to(errors)
        losses = []
        for power in POWERS:
            offsets = self._offsets(errors / spreads**power)
            losses.append(_pinball(held, offsets * (held_spreads**power).unsqueeze(-1), self.quantiles))
        power = POWERS[int(torch.stack(losses).argmin())] if len(held) else 0.0
        every, wide = torch.cat([errors, held]), torch.cat([spreads, held_spreads])
        self.offsets.copy_(self._offsets(every / wide**power))
        self.power.fill_(power)

    def _offsets(self, errors: Tensor) -> Tensor:
        """(N, H, T) → (H, T, Q), below zero for the quantiles below 0.5, above for those above."""
        found = observed_quantiles(_pooled(errors), self.quantiles)
        levels = torch.tensor(self.quantiles, device=errors.device)
        found = torch.where(levels < 0.5, found.clamp(max=0), torch.where(levels > 0.5, found.clamp(min=0), 0.0))
        return found.sort(-1).values


def observed_quantiles(values: Tensor, levels: Sequence[float]) -> Tensor:
    """(N, …) → (…, Q), quantiles over N of what is not NaN, between neighbours in proportion; 0 of nothing."""
    if not len(values):
        return values.new_zeros((*values.shape[1:], len(levels)))
    ordered = values.sort(0).values.nan_to_num(0.0)  # NaN is sorted behind everything
    last = (~values.isnan()).sum(0).clamp(min=1) - 1
    found = []
    for level in levels:
        place = level * last.to(values.dtype)
        low = place.floor().long()
        high = torch.minimum(low + 1, last)
        below, above = (ordered.gather(0, at.unsqueeze(0))[0] for at in (low, high))
        found.append(below + (place - low) * (above - below))
    return torch.stack(found, -1)


def _pooled(errors: Tensor) -> Tensor:
    """(N, H, T) → (N·W, H, T): beside those of a step the errors of its neighbours, where N is small."""
    count, horizon, _ = errors.shape
    reach = min(horizon, POOLED // max(1, count) // 2)
    if reach < 1 or not count:
        return errors
    around = torch.arange(horizon).unsqueeze(0) + torch.arange(-reach, reach + 1).unsqueeze(1)  # (W, H)
    return errors[:, around.clamp(0, horizon - 1).to(errors.device)].flatten(0, 1)


def _size(errors: Tensor) -> Tensor:
    """() the median absolute error of what was observed."""
    return errors.abs().nanmedian().nan_to_num(0.0)


def _pinball(errors: Tensor, offsets: Tensor, levels: Sequence[float]) -> Tensor:
    """() the mean pinball loss of offsets (N, H, T, Q) for errors (N, H, T)."""
    rest = errors.unsqueeze(-1) - offsets
    q = torch.tensor(levels, dtype=rest.dtype, device=rest.device)
    return torch.maximum(q * rest, (q - 1) * rest).nanmean()
