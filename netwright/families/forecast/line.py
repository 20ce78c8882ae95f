"""A linear map from the last values to the next ones, the same for every target and series, fitted in closed form.

B windows, L steps of the past, H steps of the horizon, T targets, K numbers known ahead, n rows of a regression.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.families.forecast.ridge import PENALTIES, Sums, errors_of, totals_of, weights_for
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
SHARED, CHUNK = 1000, 250
"""Windows that are compared with the naive forecast at most, and at once."""
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
            first, gap, last, held = (self._sums(part, anchor) for part in (*_stretches(training), validation))
            whole = first + gap + last
            trials = [(first, last), (last, first), (whole, held)]
            units = units or [float(tried.energy.sum()) for _, tried in trials]
            for drifts, errors in zip((False, True), _relative(trials, units, grid), strict=True):
                if float(errors.min()) < best:
                    best = float(errors.min())
                    self.from_last.fill_(anchor == "last")
                    self.drifts.fill_(drifts)
                    self.penalty.fill_(grid[int(errors.argmin())])
                    chosen = whole if drifts else whole.without_last()
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

    @torch.no_grad()
    def beside_naive(self, training: Batch, validation: Batch) -> float:
        """The greatest share of the seasonal naive's absolute error that the map has where it was not fitted.

        Looked at are the validation windows, and either stretch of the training windows with weights of the other, of
        the anchor and penalty found. Infinite where any of them has no window.
        """
        anchor: Anchor = "last" if self.from_last else "mean"
        first, _, last = _stretches(self._bounded(training))
        shares = [self._share(validation)]
        for fitted, tried in ((first, last), (last, first)):
            other = LinearMap(self.weight.shape[1], self.weight.shape[0], self.known.shape[0], 0, self.season)
            other.load_state_dict(self.state_dict() | {"known": other.known})
            other.to(self.weight.device)
            sums = other._sums(fitted, anchor)
            other._solve(sums if self.drifts else sums.without_last())
            shares.append(other._share(tried) if sums.count else torch.inf)
        return max(shares)

    def _share(self, batch: Batch) -> float:
        """The absolute error on some of the windows over that of the seasonal naive; infinite without any."""
        horizon, targets = self.weight.shape[0], self.known.shape[0]
        own = naive = 0.0
        for rows in spread_over(len(batch), SHARED).split(CHUNK):
            past, ahead, target = batch.inputs[0][rows][..., :targets], batch.inputs[1][rows], batch.target[rows]
            own += float((self(past, ahead) - target).abs().nansum())
            naive += float((repeated(past, horizon, self.season) - target).abs().nansum())
        return own / naive if naive else torch.inf

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
    """(2, P) the errors of each penalty, without a drift and with one, fitted on the first sums, tried on the second.

    The units are the errors of repeating the last value, so that a stretch of large moves counts as any other.
    """
    total = torch.zeros(2, len(grid), dtype=torch.float64)
    for (fitted, tried), unit, weight in zip(trials, units, (1.0, 1.0, HELD_WEIGHT), strict=True):
        if fitted.count and tried.count:
            total += weight * totals_of(fitted, tried, grid) / max(unit, 1e-12)
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
