import numpy as np
import pytest
import torch

from netwright.families.forecast.intervals import Intervals, observed_quantiles
from tests.families.forecast.made import QUANTILES


def draws(count: int, spread: float = 1.0, seed: int = 0) -> torch.Tensor:
    return spread * torch.randn(count, 3, 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_quantiles_are_those_of_numpy(count: int):
    values = draws(count)
    values[torch.rand(values.shape, generator=torch.Generator().manual_seed(1)) < 0.3] = float("nan")
    values[0] = 1.0
    found = observed_quantiles(values, QUANTILES)
    assert np.allclose(found, np.moveaxis(np.nanquantile(values.numpy(), QUANTILES, axis=0), 0, -1), atol=1e-5)


def test_quantiles_of_nothing_are_zero():
    assert not observed_quantiles(torch.full((4, 2), float("nan")), QUANTILES).any()
    assert not observed_quantiles(torch.zeros(0, 2), QUANTILES).any()


def intervals(training: torch.Tensor, held: torch.Tensor, *, spread: torch.Tensor | None = None) -> Intervals:
    made = Intervals(3, 2, QUANTILES)
    ones = [torch.ones(len(x), 1, 2) for x in (training, held)]
    made.fit((training, ones[0] if spread is None else spread), (held, ones[1] if spread is None else spread))
    return made


def test_four_fifths_lie_between_the_outer_two():
    made = intervals(draws(1000), draws(300, seed=1))
    truth, bands = draws(2000, seed=2), made(torch.zeros(2000, 3, 2), torch.randn(2000, 9, 2))
    inside = (bands[..., 0] <= truth) & (truth <= bands[..., 2])
    assert abs(float(inside.float().mean()) - 0.8) < 0.03


def test_the_middle_is_the_forecast_and_none_crosses():
    made = intervals(draws(9) + 5, draws(3) + 5)
    bands = made(torch.ones(4, 3, 2), torch.randn(4, 9, 2))
    assert (bands[..., 1] == 1).all() and (bands.diff(dim=-1) >= 0).all()


def test_larger_errors_on_validation_windows_widen_it_up_to_a_bound():
    calm, wild, wilder = (float(intervals(draws(500), draws(50, s)).offsets[..., 2].mean()) for s in (1, 1.6, 50))
    assert 1.4 * calm < wild < 1.8 * calm
    assert wilder < 6 * calm, "one wild stretch is not all there is"


def test_errors_in_proportion_to_the_spread_are_found():
    spread = torch.rand(500, 1, 2, generator=torch.Generator().manual_seed(3)) * 5 + 0.1
    assert float(intervals(draws(500) * spread, draws(500, seed=1) * spread, spread=spread).power) == 1.0
    assert float(intervals(draws(500), draws(500, seed=1), spread=spread).power) == 0.0


def test_no_windows_and_nothing_observed():
    empty = torch.zeros(0, 3, 2)
    assert not intervals(empty, empty).offsets.any()
    nothing = torch.full((5, 3, 2), float("nan"))
    assert not intervals(nothing, nothing).offsets.any()
    assert intervals(draws(50), empty).offsets[..., 2].all()
