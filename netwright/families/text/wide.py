"""The wide branch: one weight for every n-gram and class, fitted to the optimum.

Logistic (or ridge) regression on TF-IDF is what a text network must beat, and on few rows hardly any does (Wang and
Manning 2012). There is one best answer, found by L-BFGS (Liu and Nocedal 1989), and it takes seconds.

What it says of a training row must be what it would say of a new one, so that other networks can learn what it lacks.
So besides the fit of all rows there are K, each without the rows of one side (stacking: Wolpert 1992).

B rows, M n-grams of a row, G n-grams kept, F flat values of the other columns, O outputs, K sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from netwright.families.flat import FlatTable
from netwright.tasks import Supervised

PENALTIES = (100.0, 10.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""L2 penalties tried, on the sum of the losses of all rows, from strong to weak."""
ENOUGH = 1.0
"""Standard errors of the least loss of rows unseen, within which a stronger penalty is as good, and so preferred: the
one-standard-error rule (Breiman et al. 1984)."""
SIDES, FEW_SIDES, MANY_ROWS = 5, 2, 100_000
"""Parts that are left out in turn; and of very many rows, where half of them are enough."""
ROUNDS = 25
"""Iterations for each penalty."""
CHOICE_ROWS = 10_000
"""Rows the penalty is chosen on at most; the final fits see all."""
MOST_WEIGHTS = 24_000_000
"""Weights of sides that are fitted at once."""
LARGEST = 50_000_000
"""Weights of the branch at most, by default: where there are very many outputs it sees fewer n-grams."""
WORK = 1.5e9
"""N-grams times iterations of a last fit, more or less, so that it ends in a minute or two."""


def most_grams(grams: int, outputs: int) -> int:
    """How many of these n-grams the branch weighs by default."""
    return max(0, min(grams, LARGEST // outputs - 1))


class Wide(nn.Module):
    """(B, O) a sum of the weights of a row's n-grams and its flat values. All zeros until `fit_wide` fits it.

    N-grams above number `grams` have no weight. Their numbers follow their hashes, so which they are is chance.
    """

    def __init__(self, grams: int, flat: int, outputs: int) -> None:
        super().__init__()
        self.weight: Tensor
        self.flat_weight: Tensor
        self.bias: Tensor
        self.size = grams + 1
        self.register_buffer("weight", torch.zeros(self.size, outputs))
        self.register_buffer("flat_weight", torch.zeros(flat, outputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, grams: Tensor, weights: Tensor, flat: Tensor) -> Tensor:
        """(B, M) int32, (B, M), (B, F) → (B, O)."""
        return weighed(grams, weights, self.weight) + flat @ self.flat_weight + self.bias


def weighed(grams: Tensor, weights: Tensor, table: Tensor, first: Tensor | int = 0) -> Tensor:
    """(B, O) the sum over n-grams (B, M) int32 and their weights (B, M) of the rows of a table (G, O).

    Number 0 is no n-gram, nor is one the table does not have. The table of row i begins at `first` of a longer one.
    """
    if not grams.shape[1]:
        return weights.new_zeros(len(grams), table.shape[-1])
    size = table.shape[-2]
    seen = torch.where(grams < size, grams, 0).long() + first  # number 0 has no weight
    return (weights[:, None] @ table.flatten(0, -2)[seen]).squeeze(1)


@dataclass(frozen=True)
class Sides:
    """K fits, each without the rows of one side; and the penalty they were fitted with."""

    weight: Tensor
    """(K, G, O)."""
    flat_weight: Tensor
    """(K, F, O)."""
    bias: Tensor
    """(K, O)."""
    penalty: float

    def __call__(self, grams: Tensor, weights: Tensor, flat: Tensor) -> Tensor:
        """(B, O) what the fit says of each row that has not seen it, nor any row with the same n-grams."""
        side = side_of(grams, len(self.weight))
        said = weighed(grams, weights, self.weight, (side * self.weight.shape[1])[:, None])
        return said + (flat[:, None] @ self.flat_weight[side]).squeeze(1) + self.bias[side]


def side_of(grams: Tensor, sides: int) -> Tensor:
    """(B,) the side of each row. Numbers of n-grams follow their hashes, so their sum is as good as drawn, and it is
    the same wherever the row is met again.
    """
    return grams.sum(1) % sides


class Sparse:
    """The n-grams of n rows without padding, by row and by n-gram, for products with a dense matrix both ways."""

    def __init__(self, grams: Tensor, weights: Tensor, size: int) -> None:
        self.rows, self.size = len(grams), size
        row, place = torch.nonzero((grams > 0) & (grams < size), as_tuple=True)
        self.column, self.value = grams[row, place].long(), weights[row, place]
        self.starts = torch.searchsorted(row, torch.arange(self.rows, device=row.device))
        order = self.column.argsort(stable=True)
        self.row_by_column, self.value_by_column = row[order], self.value[order]
        self.column_starts = torch.searchsorted(self.column[order], torch.arange(size, device=row.device))

    def times(self, dense: Tensor) -> Tensor:
        """(G, C) → (n, C)."""
        return _bags(self.column, dense, self.starts, self.value)

    def transposed_times(self, dense: Tensor) -> Tensor:
        """(n, C) → (G, C)."""
        return _bags(self.row_by_column, dense, self.column_starts, self.value_by_column)


def _bags(index: Tensor, dense: Tensor, starts: Tensor, value: Tensor) -> Tensor:
    if not len(index):
        return dense.new_zeros(len(starts), dense.shape[1])
    return embedding_bag(index, dense.contiguous(), starts, mode="sum", per_sample_weights=value.to(dense.dtype))


class Fit:
    """K penalised linear fits of the same rows, side k without the rows where `left_out` (n, K) is true.

    They begin at zero, or all at the parts (…, O) of `start`.
    """

    def __init__(
        self,
        task: Supervised,
        sparse: Sparse,
        flat: Tensor,
        target: Tensor,
        left_out: Tensor,
        start: Sequence[Tensor] | None = None,
    ) -> None:
        self.task, self.sparse, self.flat, self.target, self.left_out = task, sparse, flat, target, left_out
        self.used = (~left_out).to(flat.dtype)
        self.sides, outputs = left_out.shape[1], task.output_size
        sizes = (sparse.size, flat.shape[1], 1)
        start = [flat.new_zeros(size, outputs) for size in sizes] if start is None else start
        self.parts = [part.repeat(1, self.sides) for part in start]

    def by_side(self) -> list[Tensor]:
        """The weights of n-grams, of flat values and the biases, (K, …, O)."""
        return [part.unflatten(1, (self.sides, -1)).transpose(0, 1) for part in self.parts]

    def outputs(self, sparse: Sparse, flat: Tensor) -> Tensor:
        """(n, K, O) for rows of any kind."""
        weight, flat_weight, bias = self.parts
        return (sparse.times(weight) + flat @ flat_weight + bias).unflatten(1, (self.sides, -1))

    def to_optimum(self, penalty: float, rounds: int = ROUNDS) -> None:
        """Lower the sum of losses + penalty·|W|²/2, over the rows, from where the weights stand."""
        weights = sum(part.numel() for part in self.parts)
        optimizer = torch.optim.LBFGS(
            self.parts,
            max_iter=rounds,
            history_size=max(2, min(8, 4 * MOST_WEIGHTS // max(1, weights))),
            line_search_fn="strong_wolfe",
            tolerance_change=1e-7,
        )
        rows = float(self.used[:, 0].sum().clamp(min=1))

        def closure() -> Tensor:
            outputs = self.outputs(self.sparse, self.flat).requires_grad_()
            with torch.enable_grad():
                losses = self.task.losses(outputs, self.target)
                loss = (losses * self.used).sum() / rows
            (slope,) = torch.autograd.grad(loss, outputs)
            slope = slope.flatten(1)
            weight, flat_weight, bias = self.parts
            weight.grad = self.sparse.transposed_times(slope) + penalty / rows * weight
            flat_weight.grad = self.flat.T @ slope + penalty / rows * flat_weight
            bias.grad = slope.sum(0, keepdim=True)
            return loss.detach() + penalty / rows / 2 * (weight.square().sum() + flat_weight.square().sum())

        with torch.no_grad():
            optimizer.step(closure)


@torch.no_grad()
def fit_wide(
    wide: Wide,
    task: Supervised,
    inputs: tuple[Tensor, Tensor, Tensor],
    target: Tensor,
    *,
    penalty: float | None = None,
    alone: bool = False,
) -> Sides | None:
    """Fit on all rows (n-grams (B, M), their weights (B, M), flat values (B, F)), and once without each side; of
    all rows `alone` there is nothing to give back.

    The penalty is the strongest of those whose loss on rows unseen is nearly the least.
    """
    size, rows = len(wide.weight), len(target)
    count = SIDES if rows < MANY_ROWS else FEW_SIDES
    at_once = max(1, min(count, MOST_WEIGHTS // (size * task.output_size)))
    side, stride = side_of(inputs[0], count), max(1, rows // CHOICE_ROWS)

    def fit_of(left_out: Tensor, start: Sequence[Tensor] | None = None, stride: int = 1) -> Fit:
        grams, weights, flat = (x[::stride] for x in inputs)
        return Fit(task, Sparse(grams, weights, size), flat, target[::stride], left_out[::stride], start)

    judged = _left_out(side, 0, 1 if alone else at_once)
    penalty, found = _chosen(fit_of(judged, stride=stride), penalty)
    whole = fit_of(_left_out(side, -1, 0), [part.mean(0) for part in found])
    rounds = max(4, min(ROUNDS, int(WORK / max(1, len(whole.sparse.value)) / 4)))
    whole.to_optimum(penalty, rounds)
    for buffer, part in zip((wide.weight, wide.flat_weight, wide.bias), whole.parts, strict=True):
        buffer.copy_(part.view_as(buffer))
    if alone:
        return None
    if stride > 1 or at_once < count:  # begun anew: a start that has seen the rows left out would not forget them
        groups = []
        for first in range(0, count, at_once):
            fit = fit_of(_left_out(side, first, min(first + at_once, count)))
            for candidate in _path(penalty):
                fit.to_optimum(candidate, rounds)
            groups.append(fit.by_side())
        found = [torch.cat(parts) for parts in zip(*groups, strict=True)]
    weight, flat_weight, bias = (part.contiguous() for part in found)
    return Sides(weight, flat_weight, bias[:, 0], penalty)


def _path(penalty: float) -> tuple[float, ...]:
    """From strong to this: from nothing at once it takes far longer."""
    return *(stronger for stronger in PENALTIES if stronger > penalty), penalty


def _left_out(side: Tensor, first: int, last: int) -> Tensor:
    """(B, K) which rows are of each of these sides."""
    return side[:, None] == torch.arange(first, last, device=side.device)


def _chosen(fit: Fit, penalty: float | None) -> tuple[float, list[Tensor]]:
    """The penalty, judged on rows that sides leave out; and what was fitted with it, (K, …, O)."""
    row, side = fit.left_out.nonzero(as_tuple=True)
    tried: list[tuple[float, float, list[Tensor]]] = []  # penalty, loss, parts
    enough = float("inf")
    for candidate in PENALTIES if penalty is None else _path(penalty):
        fit.to_optimum(candidate)
        parts = [part.clone() for part in fit.by_side()]
        if penalty is not None:
            tried = [(candidate, 0.0, parts)]
            continue
        losses = fit.task.losses(fit.outputs(fit.sparse, fit.flat)[row, side], fit.target[row]).double()
        loss = float(losses.mean()) if len(losses) else 0.0
        if tried and loss >= tried[-1][1]:
            break
        tried.append((candidate, loss, parts))
        enough = loss + (ENOUGH * float(losses.std()) / len(losses) ** 0.5 if len(losses) > 1 else 0.0)
        tried = [one for one in tried if not one[1] > enough]
    return tried[0][0], tried[0][2]


def flat_size(numbers: int, cardinalities: tuple[int, ...]) -> int:
    """F of these columns."""
    return FlatTable.size(numbers, cardinalities)


class TextLinear(nn.Module):
    """The wide branch alone: what a text network is compared with.

    `forward(tokens (B, T), grams (B, M), weights (B, M), numbers (B, N), categories (B, C))` gives (B, O); it does not
    look at the tokens.
    """

    def __init__(
        self, grams: int, number_count: int, cardinalities: tuple[int, ...], outputs: int, layers: ModuleType = nn
    ) -> None:
        super().__init__()
        self.table = FlatTable(number_count, cardinalities, layers.Identity())
        self.wide = Wide(grams, flat_size(number_count, cardinalities), outputs)

    def forward(self, tokens: Tensor, grams: Tensor, weights: Tensor, numbers: Tensor, categories: Tensor) -> Tensor:
        """(B, O)."""
        return self.wide(grams, weights, self.table(numbers, categories))
