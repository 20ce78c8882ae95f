"""A linear map from the last values to the next ones, the same for every target and series, fitted in closed form.

B windows, L steps of the past, H steps of the horizon, T targets, K numbers known ahead, n rows of a regression.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.families.forecast.ridge import PENALTIES, Sums, errors_of, weights_for
from netwright.families.forecast.windows import Anchor, channels, level_of, repeated, spread_of

CHUNK_NUMBERS = 4_000_000
"""Numbers that are turned into float64 at once."""
WORK = 3e10
"""Multiplications that a fit takes at most."""
KNOWN_ROWS = 400_000
"""Steps that the effect of what is known ahead is measured on at most."""
WORTH = 0.99
"""What is known ahead is used where it brings the squared error of validation windows below this share."""
HELD_WEIGHT = 2.0
"""How much validation windows count beside each of the two stretches of training windows."""
ANCHORS: tuple[Anchor, ...] = ("last", "mean")


class LinearMap(nn.Module):
    """ŷ = level + (x − level) W + spread d + (z_ahead − mean z_past) V, x (B, L, T) a target's window, z known ahead.

    `forward(past (B, L, T), ahead (B, L + H, K))` gives (B, H, T). The level is the window's mean or its last value;
    the drift d (H,) is in units of its spread. So a series moved and scaled gets its forecast moved and scaled.
    """

    def __init__(self, window: int, horizon: int, targets: int, known: int, season: int = 1) -> None:
        super().__init__()
        self.season = season
        self.weight = nn.Parameter(torch.zeros(horizon, window), requires_grad=False)
        self.drift = nn.Parameter(torch.zeros(horizon, 1), requires_grad=False)
        self.known = nn.Parameter(torch.zeros(targets, known), requires_grad=False)
        self.from_last: Tensor
        self.penalty: Tensor
        self.register_buffer("penalty", torch.zeros((), dtype=torch.float64))
        self.drifts: Tensor
        self.register_buffer("from_last", torch.ones((), dtype=torch.bool))
        self.register_buffer("drifts", torch.zeros((), dtype=torch.bool))

    def forward(self, past: Tensor, ahead: Tensor) -> Tensor:
        """(B, L, T) and (B, L + H, K) → (B, H, T)."""
        level = torch.where(self.from_last, level_of(past, "last"), level_of(past, "mean"))
        point = level + self.weight @ (past - level) + self.drift * spread_of(past)
        return point + changes(ahead, past.shape[1]) @ self.known.T if self.known.shape[1] else point

    @torch.no_grad()
    def fit(self, training: Batch, validation: Batch, *, penalty: float | None = None) -> None:
        """The weights of the anchor and penalty that do best on windows they were not fitted on; zeros without windows.

        Where a part of a horizon was not observed, the seasonal naive stands in for it; a target of which less than
        half was observed is left out.
        """
        grid = PENALTIES if penalty is None else (penalty,)
        training, validation = self._bounded(training), self._bounded(validation)
        best, units, chosen = torch.inf, [], None
        for anchor in ANCHORS:
            every = [self._sums(part, anchor) for part in (*_stretches(training), validation)]
            for drifts in (False, True):
                first, gap, last, held = every if drifts else [sums.without_last() for sums in every]
                whole = first + gap + last
                trials = [(first, last), (last, first), (whole, held)]
                units = units or [float(tried.energy.sum()) for _, tried in trials]
                errors = _relative(trials, units, grid)
                if float(errors.min()) < best:
                    best = float(errors.min())
                    self.from_last.fill_(anchor == "last")
                    self.drifts.fill_(drifts)
                    self.penalty.fill_(grid[int(errors.argmin())])
                    chosen = whole
        assert chosen is not None
        self._solve(chosen)
        if self.known.shape[1]:
            self._fit_known(training, validation)

    @torch.no_grad()
    def refit(self, training: Batch, validation: Batch) -> None:
        """The weights on all windows, of the anchor and penalty found: the last ones are those most like the next."""
        anchor: Anchor = "last" if self.from_last else "mean"
        sums = self._sums(self._bounded(training), anchor) + self._sums(self._bounded(validation), anchor)
        self._solve(sums if self.drifts else sums.without_last())

    def _bounded(self, batch: Batch) -> Batch:
        """As many of the windows, spread evenly, as take seconds."""
        horizon, length = self.weight.shape
        rows = spread_over(len(batch), max(100, int(WORK / (self.known.shape[0] * length * (length + horizon)))))
        return batch if len(rows) == len(batch) else _taken(batch, rows)

    def _solve(self, sums: Sums) -> None:
        if sums.count:
            (weights,) = weights_for(sums, (float(self.penalty),))
            self.weight.copy_(weights[:-1].T)
            self.drift.copy_(weights[-1:].T)

    def _sums(self, batch: Batch, anchor: Anchor) -> Sums:
        horizon, length = self.weight.shape
        return Sums.of(_rows(batch, anchor, self.season, self.known.shape[0]), length + 1, horizon)

    def _fit_known(self, training: Batch, validation: Batch) -> None:
        """What is known ahead tells of the errors that are left, where that holds on validation windows."""
        self.known.zero_()
        targets, known = self.known.shape
        sums, held = (Sums.of(self._left(batch), known, targets) for batch in (training, validation))
        errors = errors_of(sums, held)
        useful = errors.min(0).values < WORTH * held.energy
        for target in torch.nonzero(useful).flatten().tolist():
            (weights,) = weights_for(sums, (PENALTIES[int(errors[:, target].argmin())],))
            self.known[target] = weights[:, target]

    def _left(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
        """Changes of what is known ahead (n, K) and the errors of the map without it (n, T); 0 where not observed."""
        horizon, targets = self.weight.shape[0], self.known.shape[0]
        rows = spread_over(len(batch), max(1, KNOWN_ROWS // horizon))
        for part in rows.split(max(1, CHUNK_NUMBERS // (batch.inputs[0][0].numel() + 1))):
            past, ahead = (x[part] for x in batch.inputs)
            errors = batch.target[part] - self(past[..., :targets], ahead)
            yield changes(ahead, past.shape[1]).flatten(0, 1), errors.nan_to_num(0.0).flatten(0, 1)


def changes(ahead: Tensor, length: int) -> Tensor:
    """(B, L + H, K) → (B, H, K), what is known ahead less its mean over the window."""
    return ahead[:, length:] - ahead[:, :length].mean(1, keepdim=True)


def spread_over(count: int, most: int) -> Tensor:
    """(n,) at most so many of the positions 0 … count − 1, evenly."""
    return torch.linspace(0, max(count - 1, 0), min(count, most)).long()


def _stretches(batch: Batch) -> tuple[Batch, Batch, Batch]:
    """The first two fifths of the windows, the fifth between, the last two fifths."""
    ends = [0, 2 * len(batch) // 5, len(batch) - 2 * len(batch) // 5, len(batch)]
    first, gap, last = (_taken(batch, slice(a, b)) for a, b in pairwise(ends))
    return first, gap, last


def _taken(batch: Batch, rows: Tensor | slice) -> Batch:
    return Batch(inputs=tuple(x[rows] for x in batch.inputs), target=batch.target[rows], fold=batch.fold[rows])


def _relative(trials: Sequence[tuple[Sums, Sums]], units: Sequence[float], grid: Sequence[float]) -> Tensor:
    """(P,) the errors of each penalty where fitted on the first sums and tried on the second, in these units.

    The unit is the error of repeating the last value, so that a stretch of large moves counts as any other.
    """
    total = torch.zeros(len(grid), dtype=torch.float64)
    for (fitted, tried), unit, weight in zip(trials, units, (1.0, 1.0, HELD_WEIGHT), strict=True):
        if fitted.count and tried.count:
            total += weight * errors_of(fitted, tried, grid).sum(1) / max(unit, 1e-12)
    return total


def _rows(batch: Batch, anchor: Anchor, season: int, targets: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Chunks of windows (n, L), their spread behind them, and what follows (n, H), less their level."""
    horizon = batch.target.shape[1]
    size = batch.inputs[0].shape[1] + horizon
    for part in torch.arange(len(batch)).split(max(1, CHUNK_NUMBERS // (size * targets))):
        past, target = batch.inputs[0][part][..., :targets], batch.target[part]
        level, seen = level_of(past, anchor), ~target.isnan()
        filled = torch.where(seen, target, repeated(past, horizon, season))
        enough = channels(seen).float().mean(1) >= 0.5
        x = torch.cat([past - level, spread_of(past)], 1)
        yield channels(x)[enough], channels(filled - level)[enough]
