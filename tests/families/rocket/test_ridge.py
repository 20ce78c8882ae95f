"""What a row gets when left out is what a fit without it would give."""

import pytest
import torch

from netwright.families.rocket.ridge import PENALTIES, fit_ridge


@pytest.mark.parametrize(("rows", "features"), [(30, 6), (15, 40)])
@pytest.mark.parametrize("weighted", [False, True])
def test_leave_one_out_is_exact(rows: int, features: int, weighted: bool, monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(0)
    x = torch.randn(rows, features, dtype=torch.float64)
    y = x[:, :2] @ torch.randn(2, 3, dtype=torch.float64) + 0.3 * torch.randn(rows, 3, dtype=torch.float64)
    weights = torch.rand(rows, dtype=torch.float64) + 0.2 if weighted else torch.ones(rows, dtype=torch.float64)
    weights = weights * rows / weights.sum()
    monkeypatch.setattr("netwright.families.rocket.ridge.PENALTIES", PENALTIES[8:9])
    found = fit_ridge(x, y, weights if weighted else None)
    centred = (x - (weights[:, None] * x).sum(0) / rows) * weights.sqrt()[:, None]
    values = torch.linalg.eigvalsh(centred.T @ centred)
    penalty = float(PENALTIES[8] * values.sum() / min(rows, features)) + 1e-12

    def by_hand(kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted ridge with an intercept that is not shrunk."""
        w = weights[kept][:, None]
        x_mean, y_mean = (w * x[kept]).sum(0) / w.sum(), (w * y[kept]).sum(0) / w.sum()
        z = x[kept] - x_mean
        weight = torch.linalg.solve(z.T @ (w * z) + penalty * torch.eye(features), z.T @ (w * (y[kept] - y_mean)))
        return weight.T, y_mean - weight.T @ x_mean

    weight, bias = by_hand(torch.arange(rows))
    torch.testing.assert_close(found.weight, weight, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(found.bias, bias, rtol=1e-6, atol=1e-8)
    for row in (0, 7, rows - 1):
        weight, bias = by_hand(torch.tensor([i for i in range(rows) if i != row]))
        torch.testing.assert_close(found.left_out[row], weight @ x[row] + bias, rtol=1e-6, atol=1e-8)
    cut = rows // 3
    parts = [(x[i : i + 4], y[i : i + 4], weights[i : i + 4] if weighted else None) for i in range(cut, rows, 4)]
    summed = fit_ridge(x[:cut], y[:cut], weights[:cut] if weighted else None, parts)
    if rows > features:
        torch.testing.assert_close(summed.weight, found.weight)
        torch.testing.assert_close(summed.bias, found.bias)
        torch.testing.assert_close(summed.left_out, found.left_out[:cut])
    error = (weights[:, None] * (y - found.left_out).square()).mean()
    assert found.error == pytest.approx(float(error))
