"""Principal components beside scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from netwright.families.autoencoder import principal
from netwright.families.autoencoder.principal import Chunks, Principal


def rows_of(rows: int, columns: int) -> torch.Tensor:
    maker = torch.Generator().manual_seed(2)
    scale = 3.0 * 0.7 ** torch.arange(columns)
    return torch.randn(rows, columns, generator=maker) * scale + 5


def fitted(x: torch.Tensor, size: int) -> Principal:
    found = Principal(x.shape[1], size)
    found.fit(Chunks(nn.Identity(), (x,)))
    return found


@pytest.mark.parametrize(("rows", "columns", "exact"), [(1500, 12, 1024), (8, 20, 1024), (30, 40, 35), (60, 50, 20)])
def test_it_is_that_of_scikit_learn(rows: int, columns: int, exact: int, monkeypatch):
    monkeypatch.setattr(principal, "EXACT", exact)
    x = rows_of(rows, columns)
    mine, reference = fitted(x, 4), PCA(4, svd_solver="full").fit(x.double().numpy())
    assert np.allclose(mine.mean, reference.mean_, atol=1e-4)
    turned = np.abs((mine.components.double().numpy() * reference.components_).sum(1))
    assert np.allclose(turned, 1, atol=1e-4)
    again = reference.inverse_transform(reference.transform(x.double().numpy()))
    assert np.allclose(mine.decode(mine.encode(x)), again, atol=2e-3)
    spread = mine.encode(x).std(0, correction=0)
    assert torch.allclose(mine.spread, spread, rtol=1e-3)


def test_more_components_than_there_are():
    x = rows_of(50, 3)
    for size in (3, 5):
        found = fitted(x, size)
        assert torch.allclose(found.decode(found.encode(x)), x, atol=1e-4)
        assert found.encode(x)[:, 3:].abs().sum() == 0
    few = fitted(rows_of(2, 30), 5)
    assert torch.isfinite(few.components).all() and (few.spread > 0).all()


def test_columns_that_never_vary():
    x = torch.cat([rows_of(40, 2), torch.full((40, 3), 7.0)], 1)
    found = fitted(x, 4)
    assert torch.allclose(found.decode(found.encode(x)), x, atol=1e-4) and (found.spread > 0).all()
    same = fitted(torch.ones(10, 3), 2)
    assert torch.allclose(same.decode(same.encode(torch.ones(4, 3))), torch.ones(4, 3))


def test_rows_may_come_in_pieces(monkeypatch):
    x = rows_of(100, 6)
    whole = fitted(x, 3)
    monkeypatch.setattr(principal, "CHUNK", 7)
    assert torch.allclose(fitted(x, 3).components, whole.components, atol=1e-5)
