"""Validation: the mean over all rows, and figures that are what they are called."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.api.measuring import METRICS, accuracy, mae, metrics_for, rmse, validating
from netwright.core.errors import InputError
from netwright.core.phase import Loss, Phase
from netwright.data.feeds.feed import feed

X = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
Y = X.sum(1, keepdim=True)


def test_accuracy_of_classes():
    output = torch.tensor([[0.1, 0.9], [2.0, 1.0], [0.0, 5.0], [1.0, 0.0]])
    assert accuracy(output, torch.tensor([1, 0, 0, 0])) == 0.75
    assert accuracy(output, torch.tensor([[1], [0], [0], [0]])) == 0.75
    assert accuracy(output, torch.eye(2)[torch.tensor([1, 0, 0, 0])]) == 0.75


def test_accuracy_of_pictures_is_that_of_their_pixels():
    output = torch.zeros(2, 3, 4, 4)
    output[:, 1] = 1.0
    target = torch.ones(2, 4, 4, dtype=torch.int64)
    target[0] = 2
    assert accuracy(output, target) == 0.5


def test_accuracy_of_yes_and_no_knows_probabilities_from_logits():
    target = torch.tensor([1.0, 0.0, 1.0])
    assert accuracy(torch.tensor([0.6, 0.4, 0.3]), target) == pytest.approx(2 / 3)
    assert accuracy(torch.tensor([[2.0], [0.4], [0.3]]), target) == pytest.approx(2 / 3)
    assert accuracy(torch.tensor([[0.6], [0.4], [0.7]]), target.unsqueeze(1)) == 1.0


def test_errors_are_in_the_targets_unit():
    output, target = torch.tensor([[1.0], [5.0]]), torch.tensor([2.0, 2.0])
    assert mae(output, target) == 2.0
    assert rmse(output, target) == pytest.approx(np.sqrt(5.0))


def test_metrics_by_name_list_or_mapping():
    own: Any = {"own": lambda output, target: 1.0}
    assert metrics_for(None) == {} and metrics_for("mae") == {"mae": mae}
    assert metrics_for(["mae", "rmse"]) == {"mae": mae, "rmse": rmse} and metrics_for(own) == own
    for asked in ("auc", ["mae", "auc"]):
        with pytest.raises(InputError, match=r"'auc'[\s\S]*one of accuracy, mae, rmse"):
            metrics_for(asked)
    assert set(METRICS) == {"accuracy", "mae", "rmse"}


def phase_of(module: nn.Module, loss: Any, name: str = "loss") -> Phase:
    return Phase(name=name, loss=loss, optimizer=torch.optim.SGD(module.parameters(), lr=0.1))


def fed(batch_size: int = 4) -> Any:
    return feed((X, Y), batch_size=batch_size, shuffle=False, drop_last=False, device="cpu")


def mse(module: nn.Module, batch: Any, *shared: Any) -> Tensor:
    return nn.functional.mse_loss(module(batch[0]), batch[1])


def test_the_loss_is_the_mean_over_all_rows_however_they_are_cut():
    module = nn.Linear(3, 1)
    exact = mse(module, (X, Y)).item()
    for size in (1, 4, 10):
        loss, figures = validating(fed(size), [phase_of(module, mse)], None, {})(module)
        assert loss.dtype == torch.float64 and loss.item() == pytest.approx(exact, rel=1e-6) and figures == {}


def test_weights_figures_and_metrics():
    module = nn.Linear(3, 1)

    def loss(m: nn.Module, batch: Any) -> Loss:
        mask = batch[1] > 0
        value = (m(batch[0]) * mask).sum() / mask.sum().clamp(min=1)
        return Loss(value=value, weight=mask.sum(), figures={"double": value * 2})

    found, figures = validating(fed(), [phase_of(module, loss)], None, {"mae": mae})(module)
    exact = ((module(X) * (Y > 0)).sum() / (Y > 0).sum()).item()
    assert found.item() == pytest.approx(exact, rel=1e-5)
    assert figures["loss.double"] == pytest.approx(2 * exact, rel=1e-5)
    assert figures["mae"] == pytest.approx(mae(module(X).detach(), Y), rel=1e-6)


def test_phases_share_and_are_told_by_name():
    module, shared = nn.Linear(3, 1), []

    def share(m: nn.Module, batch: Any) -> Tensor:
        shared.append(len(batch[0]))
        return batch[0].mean()

    def second(m: nn.Module, batch: Any, mean: Tensor) -> Tensor:
        return mean + 1

    phases = [phase_of(module, mse, "first"), phase_of(module, second, "second")]
    loss, figures = validating(fed(), phases, share, {})(module)
    assert shared == [4, 4, 2] and loss.item() == pytest.approx(mse(module, (X, Y)).item(), rel=1e-6)
    assert figures == {"second": pytest.approx(float(X.mean()) + 1, rel=1e-6)}


def test_nothing_is_differentiated_and_the_stream_is_as_a_loop_leaves_it():
    module = nn.Linear(3, 1)

    def loss(m: nn.Module, batch: Any) -> Tensor:
        value = mse(m, batch)
        assert not value.requires_grad
        return value

    torch.manual_seed(0)
    validating(fed(), [phase_of(module, loss)], None, {})(module)
    after = torch.rand(1)
    torch.manual_seed(0)
    torch.empty((), dtype=torch.int64).random_()  # what beginning a DataLoader draws
    assert torch.equal(after, torch.rand(1))
