"""Linear models: the line through the points, and its twin for classes.

Fitted in closed form, or to the optimum, rather than step by step: there is one best answer, and it takes milliseconds.
n rows, p features, T targets, r = min(n, p).
"""

from types import ModuleType

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.family import Family, Penalty
from netwright.families.flat import FlatTable
from netwright.tasks import Answering, Regression, Supervised, Task

PENALTIES = torch.logspace(-4, 4, 13, dtype=torch.float64)
"""L2 penalties tried, in units of the features' mean variance times rows (ridge) or of the mean loss (logistic)."""
CHOICE_ROWS = 20_000
"""Rows the logistic penalty is chosen on; the final fit sees all."""
CHUNK = 65_536
"""Rows whose leave-one-out errors are computed at once."""


class LinearRegression(nn.Module):
    """y = x Wᵀ + b, as in the first lesson of every tutorial.

    `forward(x (…, input_size))` gives (…, output_size). Trains in any loop; `fit_ridge` gives its best weights at once.
    """

    def __init__(self, input_size: int, output_size: int = 1, *, layers: ModuleType = nn) -> None:
        super().__init__()
        self.linear = layers.Linear(input_size, output_size)

    def forward(self, x: Tensor) -> Tensor:
        """(…, input_size) → (…, output_size)."""
        return self.linear(x)


class LinearConfig(Record):
    """Settings of the linear family."""

    penalty: Penalty | None = None
    """L2 penalty, in the units of `PENALTIES`; None finds it: by leave-one-out (ridge) or on validation rows."""


def fit_ridge(x: Tensor, y: Tensor, penalties: Tensor = PENALTIES) -> tuple[Tensor, Tensor, float]:
    """Weights (T, p), bias (T,), and the penalty of the smallest leave-one-out error. x (n, p), y (n, T), float64.

    With X = U√S Vᵀ centred, the ridge weights are V(S + λ)⁻¹ Vᵀ Xᵀy, and the error of row i when left out is its
    residual over 1 − hᵢ, hᵢ = 1/n + Σⱼ (xᵢ·vⱼ)²/(Sⱼ + λ): exact, without fitting again (Allen 1974).
    """
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    values, directions = _spectrum(x)
    projected = directions.T @ (x.T @ y)
    penalties = penalties.to(x)
    scaled = penalties * values.sum() / max(1, x.shape[1]) + 1e-12
    shrunk = 1 / (values[:, None] + scaled)  # (r, penalties)
    errors = torch.zeros_like(penalties)
    for start in range(0, len(x), CHUNK):
        turned = x[start : start + CHUNK] @ directions
        leverage = 1 / len(x) + turned.square() @ shrunk
        for i in range(len(penalties)):
            residual = y[start : start + CHUNK] - turned @ (shrunk[:, i, None] * projected)
            errors[i] += (residual / (1 - leverage[:, i, None]).clamp(min=1e-6)).square().sum()
    best = int(errors.argmin())
    weight = (directions @ (shrunk[:, best, None] * projected)).T
    return weight, y_mean - weight @ x_mean, float(penalties[best])


def _spectrum(x: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (r,) and eigenvectors (p, r) of XᵀX, by way of XXᵀ where that is smaller."""
    if x.shape[0] >= x.shape[1]:
        values, directions = torch.linalg.eigh(x.T @ x)
        return values.clamp(min=0), directions
    values, left = torch.linalg.eigh(x @ x.T)
    values = values.clamp(min=1e-10 * float(values.max()) + 1e-300)
    return values, x.T @ (left / values.sqrt())


def _fit_logistic(
    linear: nn.Linear, task: Supervised, x: Tensor, target: Tensor, penalty: float, rounds: int = 60
) -> None:
    """Minimise the mean loss + penalty·1e-3·|W|²/2 from where the weights stand (L-BFGS; Liu and Nocedal 1989)."""
    optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=rounds, line_search_fn="strong_wolfe", history_size=10)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = task.losses(linear(x), target).mean() + 0.5e-3 * penalty * linear.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)


def prepare(module: nn.Module, config: Record, task: Task, training: Batch, validation: Batch) -> None:
    """Fit the module: ridge for numbers, penalised logistic for classes and labels."""
    assert isinstance(module, FlatTable) and isinstance(config, LinearConfig) and isinstance(task, Answering)
    body = module.body
    assert isinstance(body, LinearRegression)
    with torch.enable_grad():
        x = module.flat(*training.inputs).double()
        if isinstance(task, Regression):
            grid = PENALTIES if config.penalty is None else torch.tensor([config.penalty], dtype=torch.float64)
            weight, bias, _ = fit_ridge(x, training.target.double(), grid)
        else:
            weight, bias = _logistic(module, config, task, x, training, validation)
    with torch.no_grad():
        body.linear.weight.copy_(weight)
        body.linear.bias.copy_(bias)


def _logistic(
    module: FlatTable, config: LinearConfig, task: Supervised, x: Tensor, training: Batch, validation: Batch
) -> tuple[Tensor, Tensor]:
    """Weights and bias. Where folds divide the training rows, the first of them chooses the penalty."""
    linear = nn.Linear(x.shape[1], task.output_size, dtype=torch.float64, device=x.device)
    for parameter in linear.parameters():
        nn.init.zeros_(parameter)
    penalty = config.penalty
    if penalty is None:
        own = training.fold == 0
        if own.any() and not own.all():
            penalty = _choose_penalty(linear, task, x[~own], training.target[~own], x[own], training.target[own])
        else:
            held = module.flat(*validation.inputs).double()
            penalty = _choose_penalty(linear, task, x, training.target, held, validation.target)
    _fit_logistic(linear, task, x, training.target, penalty, rounds=100)
    return linear.weight.detach(), linear.bias.detach()


def _choose_penalty(linear: nn.Linear, task: Supervised, x: Tensor, y: Tensor, held: Tensor, truth: Tensor) -> float:
    """The penalty whose fit has the least mean loss on held rows, tried from strong to weak."""
    errors = {}
    for candidate in PENALTIES.flip(0)[4::2].tolist():
        _fit_logistic(linear, task, x[:CHOICE_ROWS], y[:CHOICE_ROWS], candidate)
        with torch.no_grad():
            errors[candidate] = float(task.losses(linear(held), truth).mean())
    return min(errors, key=errors.__getitem__)


def build(config: Record, schema: Schema, task: Task, layers: ModuleType) -> nn.Module:
    """A linear model on the flat row."""
    size = FlatTable.size(len(schema.number_features), schema.cardinalities)
    body = LinearRegression(size, task.output_size, layers=layers)
    return FlatTable(len(schema.number_features), schema.cardinalities, body)


FAMILY = Family(
    name="linear",
    phrase="ridge and logistic regression, fitted in closed form or to the optimum",
    config=LinearConfig,
    defaults=lambda rows, folds, schema, task: LinearConfig(),
    build=build,
    prepare=prepare,
)
