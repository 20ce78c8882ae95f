"""The wide branch: one weight for every n-gram and class, fitted to the optimum.

Logistic (or ridge) regression on TF-IDF is what a text network must beat, and on few rows hardly any does (Wang and
Manning 2012). There is one best answer, found by L-BFGS (Liu and Nocedal 1989), and it takes seconds.

B rows, M n-grams of a row, G n-grams kept, F flat values of the other columns, O outputs, K sides: fits side by side.
"""

from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from netwright.families.flat import FlatTable
from netwright.tasks import Supervised

PENALTIES = (100.0, 10.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""L2 penalties tried, on the sum of the losses of all rows, from strong to weak."""
NEARLY = 0.5
"""Standard errors of the least loss on held rows, within which a stronger penalty is as good, and so preferred: the
one-standard-error rule (Breiman et al. 1984), halved."""
USUAL = 0.3
"""The penalty where no row is held to choose one by."""
ROUNDS = 25
"""Iterations for each."""
CHOICE_ROWS = 10_000
"""Rows the penalty is chosen on at most; the final fit sees all."""
MOST_WEIGHTS = 24_000_000
"""Weights of sides that are fitted at once."""
LARGEST = 50_000_000
"""Weights of the branch at most: where there are very many outputs it sees fewer n-grams."""
WORK = 1.5e9
"""N-grams times iterations of the last fit, more or less, so that it ends in a minute or two."""


class Wide(nn.Module):
    """(B, O) a sum of the weights of a row's n-grams and its flat values. All zeros until `fit_wide` fits it."""

    def __init__(self, grams: int, flat: int, outputs: int) -> None:
        super().__init__()
        self.weight: Tensor
        self.flat_weight: Tensor
        self.bias: Tensor
        self.size = max(1, min(grams + 1, LARGEST // outputs))
        self.register_buffer("weight", torch.zeros(self.size, outputs))
        self.register_buffer("flat_weight", torch.zeros(flat, outputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, grams: Tensor, weights: Tensor, flat: Tensor) -> Tensor:
        """(B, M) int32, (B, M), (B, F) → (B, O)."""
        found = self.bias + flat @ self.flat_weight
        if not grams.shape[1]:
            return found
        seen = torch.where(grams < self.size, grams, 0).long()  # number 0 has no weight
        return found + (weights[:, None] @ self.weight[seen]).squeeze(1)


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
    """K penalised linear fits of the same rows, side k without the rows where `left_out` (n, K) is true."""

    def __init__(self, task: Supervised, sparse: Sparse, flat: Tensor, target: Tensor, left_out: Tensor) -> None:
        self.task, self.sparse, self.flat, self.target = task, sparse, flat, target
        self.used = (~left_out).to(flat.dtype)
        self.sides, outputs = left_out.shape[1], task.output_size
        shape = (self.sides * outputs,)
        self.parts = [
            torch.zeros(size, *shape, dtype=flat.dtype, device=flat.device) for size in (sparse.size, flat.shape[1], 1)
        ]

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
    fold: Tensor,
    held: tuple[Tensor, Tensor, Tensor],
    truth: Tensor,
    held_fold: Tensor,
    *,
    penalty: float | None = None,
) -> tuple[Tensor, float]:
    """Fit on all rows (n-grams (B, M), their weights (B, M), flat values (B, F)); the penalty is the strongest of those
    whose loss on held rows is nearly the least, where a row of fold k is judged by a fit without fold k.

    Gives what those fits say of the held rows, (b, O), NaN where no fit is without a row's fold, and the penalty.
    """
    size, folds = len(wide.weight), int(held_fold.max()) + 1 if len(held_fold) else 1
    sides = folds if size * task.output_size * folds <= MOST_WEIGHTS else 1
    left_out = fold[:, None] == torch.arange(sides, device=fold.device)
    judged = held_fold < sides
    some = slice(None, None, max(1, len(target) // CHOICE_ROWS))
    sparse, rest = Sparse(inputs[0][some], inputs[1][some], size), Sparse(held[0], held[1], size)
    fit = Fit(task, sparse, inputs[2][some], target[some], left_out[some])
    tried: list[tuple[float, float, Tensor]] = []  # penalty, loss, what is said of held rows
    enough = float("inf")
    if penalty is None and not bool(judged.any()):
        penalty = USUAL
    for candidate in (penalty,) if penalty is not None else PENALTIES:
        fit.to_optimum(candidate)
        outputs = fit.outputs(rest, held[2])
        own = outputs[torch.arange(len(outputs), device=outputs.device), held_fold.clamp(0, sides - 1)]
        losses = task.losses(own, truth)[judged].double()
        loss = float(losses.mean()) if len(losses) else 0.0
        if tried and loss >= min(before for _, before, _ in tried):
            break
        tried.append((candidate, loss, own))
        enough = loss + (NEARLY * float(losses.std()) / len(losses) ** 0.5 if len(losses) > 1 else 0.0)
    chosen, _, unseen = next(of for of in tried if not of[1] > enough)
    unseen[~judged] = float("nan")
    whole = Fit(task, Sparse(inputs[0], inputs[1], size), inputs[2], target, torch.zeros_like(left_out[:, :1]))
    path = [*(before for before, _, _ in tried if before > chosen), chosen, chosen]
    rounds = max(4, min(ROUNDS, int(WORK / max(1, len(whole.sparse.value)) / len(path))))
    for candidate in path:
        whole.to_optimum(candidate, rounds)  # from strong to weak: from nothing at once it takes far longer
    for buffer, part in zip((wide.weight, wide.flat_weight, wide.bias), whole.parts, strict=True):
        buffer.copy_(part.view_as(buffer))
    return unseen, chosen


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
