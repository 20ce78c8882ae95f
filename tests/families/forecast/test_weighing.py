import pytest
import torch

from netwright.families.forecast.weighing import candidates, grouped, weights_of
from tests.families.forecast.made import QUANTILES


def forecasts(*errors: float, count: int = 400, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Forecasts (M, N, H, T, Q) that are off by so much, and the target."""
    draw = torch.Generator().manual_seed(seed)
    target = torch.randn(count, 3, 2, generator=draw)
    made = [target + error * torch.randn(target.shape, generator=draw) for error in errors]
    return torch.stack([x.unsqueeze(-1).expand(*x.shape, 3) for x in made]), target


def loss(weights: torch.Tensor, made: torch.Tensor, target: torch.Tensor) -> float:
    return float(grouped(torch.tensordot(weights, made, 1), target, QUANTILES, 1))


def test_candidates_are_shares():
    tried = candidates(3)
    assert len(tried) == 66 and torch.allclose(tried.sum(1), torch.ones(66)) and tried[0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("errors", [(1.0, 0.5, 0.5), (1.0, 0.1, 1.0), (1.0, 1.0, 0.2), (0.3, 1.0, 1.0)])
@pytest.mark.parametrize("stretches", [0, 4, 100])
def test_it_is_no_worse_than_the_best_of_them(errors: tuple[float, ...], stretches: int):
    made, target = forecasts(*errors)
    found = weights_of(made, target, QUANTILES, doubt=0.5, stretches=stretches)
    best = min(loss(row, made, target) for row in torch.eye(3))
    assert loss(found, made, target) <= best * (1 + 0.1 / (1 + stretches)) + 1e-6
    assert float(found.sum()) == pytest.approx(1)


def test_what_is_hardly_better_earns_nothing():
    made, target = forecasts(1.0, 1.0, 1.0, count=40)
    made[1:] = made[:1] * torch.tensor([0.999, 0.998]).view(2, 1, 1, 1, 1)
    assert weights_of(made, target, QUANTILES, doubt=0.5, stretches=0).tolist() == [1, 0, 0]


def test_what_was_not_observed_counts_nowhere():
    made, target = forecasts(1.0, 0.1, 1.0)
    target[::2], target[1, 0] = float("nan"), float("nan")
    found = weights_of(made, target, QUANTILES, doubt=0.5, stretches=50)
    assert found[1] > 0.8
    nothing = weights_of(made, torch.full_like(target, float("nan")), QUANTILES, doubt=0.5, stretches=50)
    assert nothing.tolist() == [1, 0, 0]
