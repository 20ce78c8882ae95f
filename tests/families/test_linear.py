"""Closed forms and optima against scikit-learn, and leave-one-out against leaving out."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.families import linear
from netwright.families.flat import FlatTable
from netwright.families.linear import PENALTIES, LinearConfig, LinearRegression, fit_ridge, prepare
from netwright.tasks import Classification, MultiLabel, Regression, Task

TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")
SHAPES = [(40, 5, 1), (40, 5, 3), (12, 30, 2), (20, 20, 1), (30, 1, 1)]


def problem(rows: int, features: int, targets: int, seed: int = 0, noise: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, features, dtype=torch.float64, generator=generator) * 2 + 1
    weight = torch.randn(features, targets, dtype=torch.float64, generator=generator)
    return x, x @ weight + 3 + noise * torch.randn(rows, targets, dtype=torch.float64, generator=generator)


def strength(x: Tensor, penalty: float) -> float:
    """The penalty in scikit-learn's unit."""
    return penalty * float(((x - x.mean(0)) ** 2).sum()) / x.shape[1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("penalty", [1e-4, 1e-2, 1.0, 100.0])
def test_ridge_is_sklearns(shape: tuple, penalty: float):
    x, y = problem(*shape)
    weight, bias, used = fit_ridge(x, y, torch.tensor([penalty], dtype=torch.float64))
    theirs = Ridge(alpha=strength(x, penalty)).fit(x.numpy(), y.numpy())
    assert used == penalty
    assert np.allclose(weight.numpy(), theirs.coef_.reshape(weight.shape), atol=1e-6)
    assert np.allclose(bias.numpy(), theirs.intercept_, atol=1e-6)


def left_out(x: np.ndarray, y: np.ndarray, alpha: float) -> float:
    """The squared error of each row under a ridge fitted, from the start, on all the others."""
    total = 0.0
    for row in range(len(x)):
        rest = np.arange(len(x)) != row
        x_mean, y_mean = x[rest].mean(0), y[rest].mean(0)
        centred = x[rest] - x_mean
        weight = np.linalg.solve(centred.T @ centred + alpha * np.eye(x.shape[1]), centred.T @ (y[rest] - y_mean))
        total += float((((x[row] - x_mean) @ weight + y_mean - y[row]) ** 2).sum())
    return total


@pytest.mark.parametrize("shape", [(15, 4, 1), (15, 4, 2), (8, 12, 1), (10, 10, 2)])
@pytest.mark.parametrize("noise", [0.01, 1.0, 20.0])
def test_the_penalty_is_that_of_leaving_each_row_out(shape: tuple, noise: float):
    for seed in range(3):
        x, y = problem(*shape, seed=seed, noise=noise)
        errors = [left_out(x.numpy(), y.numpy(), strength(x, penalty)) for penalty in PENALTIES.tolist()]
        _, _, chosen = fit_ridge(x, y)
        place = int(torch.argmin((PENALTIES - chosen).abs()))
        assert errors[place] == pytest.approx(min(errors), rel=1e-6)


def test_many_rows_are_taken_in_pieces(monkeypatch: pytest.MonkeyPatch):
    x, y = problem(101, 6, 2, noise=5.0)
    whole = fit_ridge(x, y)
    monkeypatch.setattr(linear, "CHUNK", 17)
    pieces = fit_ridge(x, y)
    assert torch.equal(whole[0], pieces[0]) and whole[2] == pieces[2]


@pytest.mark.parametrize("column", [0.0, 7.0])
def test_constant_and_repeated_columns_do_no_harm(column: float):
    x, y = problem(30, 3, 1)
    x = torch.cat([x, x[:, :1], torch.full((30, 1), column, dtype=torch.float64)], 1)
    weight, bias, _ = fit_ridge(x, y)
    assert torch.isfinite(weight).all() and torch.isfinite(bias).all()
    assert float((x @ weight.T + bias - y).square().mean()) < 3
    weight, bias, _ = fit_ridge(torch.full((5, 2), column, dtype=torch.float64), y[:5])
    assert torch.allclose(weight, torch.zeros(1, 2, dtype=torch.float64)) and bias == pytest.approx(float(y[:5].mean()))


def fitted(task: Task, x: Tensor, target: np.ndarray, fold: Tensor | None = None, **config) -> LinearRegression:
    module = FlatTable(x.shape[1], [], LinearRegression(x.shape[1], task.output_size)).double()
    fold = torch.full((len(x),), -1) if fold is None else fold
    batch = Batch(inputs=(x, torch.zeros(len(x), 0, dtype=torch.long)), target=torch.from_numpy(target), fold=fold)
    prepare(module, LinearConfig(**config), task, batch, batch)
    body = module.body
    assert isinstance(body, LinearRegression)
    return body


def classes(rows: int, count: int, seed: int = 0) -> tuple[Tensor, np.ndarray]:
    x, score = problem(rows, 4, count, seed, noise=4.0)
    return x, np.array(list("abcde"))[score.argmax(1).numpy()]


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("penalty", [0.1, 10.0, 100.0])
@pytest.mark.parametrize("balanced", [False, True])
def test_logistic_is_sklearns_optimum(count: int, penalty: float, balanced: bool):
    x, y = classes(120, count)
    task = Classification.fit({"y": y}, {"y": TEXT}, np.arange(len(y)), balanced=balanced)
    body = fitted(task, x, task.encode({"y": y}), penalty=penalty)
    both = 2 if count == 2 else 1  # two logits share what scikit-learn's one bears alone
    theirs = LogisticRegression(
        C=both / (len(x) * 1e-3 * penalty), tol=1e-9, max_iter=5000, class_weight="balanced" if balanced else None
    ).fit(x.numpy(), y)
    shares = task.predictions(body(x).detach())
    assert np.allclose(shares, theirs.predict_proba(x.numpy()), atol=1e-4)


def test_labels_are_logistic_regressions_each():
    x, score = problem(120, 4, 2, noise=3.0)
    values = {"a": (score[:, 0] > 3).numpy(), "b": (score[:, 1] > 4).numpy()}
    task = MultiLabel.fit(values, dict.fromkeys(values, TEXT), np.arange(120))
    shares = task.predictions(fitted(task, x, task.encode(values), penalty=10.0)(x).detach())
    for i, y in enumerate(values.values()):
        theirs = LogisticRegression(C=1 / (2 * 120 * 1e-2), tol=1e-9, max_iter=5000).fit(x.numpy(), y)
        assert np.allclose(shares[:, i], theirs.predict_proba(x.numpy())[:, 1], atol=1e-4)


def test_the_penalty_is_chosen_on_rows_that_did_not_fit():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 40, dtype=torch.float64, generator=generator)
    y = np.where(torch.rand(60, generator=generator).numpy() < 0.5, "a", "b")
    task = Classification.fit({"y": y}, {"y": TEXT}, np.arange(60))
    target = task.encode({"y": y})
    held = fitted(task, x, target, fold=torch.arange(60) % 4)
    own = fitted(task, x, target)
    assert held.linear.weight.abs().max() < 0.5 * own.linear.weight.abs().max(), "noise is shrunk away"


def test_classes_that_a_line_separates_have_finite_weights():
    x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    y = np.where(x[:, 0].numpy() > 0, "a", "b")
    task = Classification.fit({"y": y}, {"y": TEXT}, np.arange(40))
    body = fitted(task, x, task.encode({"y": y}))
    assert (
        torch.isfinite(body.linear.weight).all()
        and (task.predictions(body(x).detach()).argmax(1) == task.encode({"y": y})).all()
    )


def test_regression_is_fitted_in_standard_deviations():
    x, y = problem(50, 3, 2, noise=0.0)
    values = {"a": y[:, 0].numpy() * 1e6, "b": y[:, 1].numpy()}
    task = Regression.fit(values, dict.fromkeys(values, NUMBER), np.arange(50))
    body = fitted(task, x, task.encode(values), penalty=1e-9)
    assert np.allclose(task.predictions(body(x).detach()), task.truth(values), rtol=1e-3, atol=1e-2)


def test_the_module_is_a_linear_layer():
    torch.manual_seed(0)
    ours = LinearRegression(3, 2)
    torch.manual_seed(0)
    theirs = nn.Linear(3, 2)
    x = torch.randn(2, 5, 3)
    assert torch.equal(ours(x), theirs(x)) and LinearRegression(3)(x).shape == (2, 5, 1)
