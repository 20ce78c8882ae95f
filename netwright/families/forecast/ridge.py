"""Ridge regression from the last L values to the next H, for any number of windows in little memory.

Only XᵀX (L, L) and XᵀY (L, H) are kept, in float64, summed chunk by chunk; the squared error of any weights on other
windows follows from their sums alone, so that trying a penalty costs nothing that grows with the windows.

n rows (a window of one target each), L steps of the past, H steps of the horizon, P penalties.

Source: An Analysis of Linear Time Series Forecasting Models (Toner and Darlow 2024).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PENALTIES = tuple(torch.logspace(-6, 3, 13, dtype=torch.float64).tolist())
"""L2 penalties tried, in units of the mean eigenvalue of XᵀX."""


@dataclass(frozen=True)
class Sums:
    """What is kept of rows X (n, L), Y (n, H): XᵀX (L, L), XᵀY (L, H), the squares of Y summed (H,), and n."""

    gram: Tensor
    cross: Tensor
    energy: Tensor
    count: int

    @staticmethod
    def of(chunks: Iterable[tuple[Tensor, Tensor]], length: int, horizon: int) -> "Sums":
        """The sums over chunks of rows."""
        gram = torch.zeros(length, length, dtype=torch.float64)
        cross = torch.zeros(length, horizon, dtype=torch.float64)
        energy, count = torch.zeros(horizon, dtype=torch.float64), 0
        for x, y in chunks:
            x, y = x.double().cpu(), y.double().cpu()
            gram.addmm_(x.T, x)
            cross.addmm_(x.T, y)
            energy += y.square().sum(0)
            count += len(x)
        return Sums(gram, cross, energy, count)

    def __add__(self, other: "Sums") -> "Sums":
        """The sums of both."""
        return Sums(
            self.gram + other.gram, self.cross + other.cross, self.energy + other.energy, self.count + other.count
        )

    def without_last(self) -> "Sums":
        """The sums where the last column of X is zero, which then has no weight."""
        gram, cross = self.gram.clone(), self.cross.clone()
        gram[-1], gram[:, -1], cross[-1] = 0, 0, 0
        return Sums(gram, cross, self.energy, self.count)


def weights_for(sums: Sums, penalties: Sequence[float]) -> Iterable[Tensor]:
    """For each penalty the weights (L, H) that minimise ‖Y − XW‖² + penalty·(mean eigenvalue)·‖W‖²."""
    values, directions = torch.linalg.eigh(sums.gram)
    values = values.clamp(min=0)
    turned = directions.T @ sums.cross
    unit = float(values.mean()) or 1.0
    for penalty in penalties:
        yield directions @ (turned / (values + max(penalty * unit, 1e-12 * unit)).unsqueeze(1))


def squared_error(weights: Tensor, sums: Sums) -> Tensor:
    """(H,) the squared errors of weights (L, H), summed over the rows that the sums are of."""
    fitted = (weights * (sums.gram @ weights)).sum(0)
    return (sums.energy - 2 * (weights * sums.cross).sum(0) + fitted).clamp(min=0)


def totals_of(fitted: Sums, held: Sums, penalties: Sequence[float] = PENALTIES) -> Tensor:
    """(2, P) squared errors on held rows, summed over H: of weights without the last column of X, and with it.

    One decomposition serves both, because the last column borders the others' sums (its weight follows from their Schur
    complement), and in its basis a penalty costs what L² numbers do, whatever H is.
    """
    values, directions = torch.linalg.eigh(fitted.gram[:-1, :-1])
    values = values.clamp(min=0)
    own, theirs = directions.T @ fitted.cross[:-1], directions.T @ held.cross[:-1]  # (L, H)
    gram = directions.T @ held.gram[:-1, :-1] @ directions
    border, held_border = directions.T @ fitted.gram[:-1, -1], directions.T @ held.gram[:-1, -1]
    along, together = (own * theirs).sum(1), gram * (own @ own.T)
    sizes = fitted.gram.diagonal()
    found = torch.empty(2, len(penalties), dtype=torch.float64)
    for i, penalty in enumerate(penalties):
        for more, total in enumerate((sizes[:-1].sum(), sizes.sum())):
            ridge = max(penalty, 1e-12) * (float(total) / len(sizes) or 1.0)
            shrunk = 1 / (values + ridge)
            linear, square = shrunk @ along, shrunk @ together @ shrunk
            if more:  # W = D·own − pull·lastᵀ, D the shrunk ones, and below it the row `last`
                pull = shrunk * border
                last = (fitted.cross[-1] - pull @ own) / (fitted.gram[-1, -1] + ridge - border @ pull)  # (H,)
                size, mixed = last @ last, shrunk * (own @ last)
                linear = linear - pull @ (theirs @ last) + held.cross[-1] @ last
                square = square - 2 * (gram @ pull) @ mixed + size * (pull @ gram @ pull)
                square = square + 2 * held_border @ (mixed - size * pull) + held.gram[-1, -1] * size
            found[more, i] = held.energy.sum() - 2 * linear + square
    return found.clamp(min=0)


def errors_of(training: Sums, held: Sums, penalties: Sequence[float] = PENALTIES) -> Tensor:
    """(P, H) squared errors on held rows of the weights fitted on training rows, for each penalty."""
    return torch.stack([squared_error(weights, held) for weights in weights_for(training, penalties)])
