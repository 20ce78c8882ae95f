import numpy as np
import torch
from sklearn.linear_model import Ridge

from netwright.families.forecast.ridge import PENALTIES, Sums, errors_of, squared_error, totals_of, weights_for


def rows(count: int = 60, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 8, generator=draw, dtype=torch.float64)
    return x, x @ torch.randn(8, 3, generator=draw, dtype=torch.float64) + torch.randn(
        count, 3, generator=draw, dtype=torch.float64
    )


def test_weights_are_those_of_scikit_learn():
    x, y = rows()
    sums = Sums.of([(x, y)], 8, 3)
    unit = float(torch.linalg.eigvalsh(x.T @ x).mean())
    for penalty, weights in zip((0.01, 1.0, 10.0), weights_for(sums, (0.01, 1.0, 10.0)), strict=True):
        twin = Ridge(alpha=penalty * unit, fit_intercept=False).fit(x.numpy(), y.numpy())
        assert np.allclose(weights.T, twin.coef_)


def test_sums_of_chunks_are_the_sums():
    x, y = rows()
    whole, parts = Sums.of([(x, y)], 8, 3), Sums.of([(x[:10], y[:10])], 8, 3) + Sums.of([(x[10:], y[10:])], 8, 3)
    assert torch.allclose(whole.gram, parts.gram) and torch.allclose(whole.cross, parts.cross)
    assert torch.allclose(whole.energy, parts.energy) and whole.count == parts.count == 60


def test_errors_from_sums_are_those_of_the_rows():
    (x, y), (other_x, other_y) = rows(), rows(seed=1)
    held, fitted = Sums.of([(other_x, other_y)], 8, 3), Sums.of([(x, y)], 8, 3)
    weights = next(iter(weights_for(fitted, (0.1,))))
    assert torch.allclose(squared_error(weights, held), (other_y - other_x @ weights).square().sum(0))
    assert errors_of(fitted, held).shape == (len(PENALTIES), 3)


def test_windows_that_say_nothing_give_zeros():
    sums = Sums.of([(torch.zeros(5, 8), torch.randn(5, 3))], 8, 3)
    assert not next(iter(weights_for(sums, (0.1,)))).any()


def test_total_errors_of_a_decomposition_are_those_of_the_weights():
    fitted, held = Sums.of([rows()], 8, 3), Sums.of([rows(seed=1)], 8, 3)
    wanted = [errors_of(fitted.without_last(), held).sum(1), errors_of(fitted, held).sum(1)]
    assert torch.allclose(totals_of(fitted, held), torch.stack(wanted))
    few = Sums.of([rows(4)], 8, 3)  # fewer rows than weights
    assert torch.allclose(totals_of(few, held)[1], errors_of(few, held).sum(1), rtol=1e-5)
