"""Noise is taken out."""

import pytest
import torch

from tests.families.autoencoder.made import DATA, Made


@pytest.mark.parametrize("data", DATA)
def test_it_begins_no_worse_than_the_simple_way(data: str):
    made = Made("denoising", data)
    x = made.module.flat(*made.batch.inputs)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    noised = made.module.flat.bounded(x + made.module.noise_level * noise)
    start = made.module.flat.bounded(made.module.cleaned_linear(noised))
    with torch.no_grad():
        assert torch.allclose(made.module.cleaned(noised), start, atol=1e-5)
        with torch.enable_grad():
            made.step(60)
        assert (made.module.cleaned(noised) - x).square().mean() < (start - x).square().mean()


def test_noise_is_as_strong_as_told_and_changes_categories():
    made = Made("denoising", "table")
    x = made.module.flat(*made.batch.inputs)
    noised = made.module.noised(made.batch, 0.5, torch.Generator().manual_seed(0))
    away = (noised - x)[:, :6] / made.module.spread[:6]
    assert abs(away.std() - 0.5) < 0.05
    blocks = noised[:, 6:].split(made.module.flat.places, 1)
    assert all(torch.equal(block.sum(1), torch.ones(len(x))) for block in blocks)
    changed = (noised[:, 6:] != x[:, 6:]).any(1).float().mean()
    assert 0 < changed < 0.4


def test_the_linear_filter_is_the_best_for_its_noise():
    made = Made("denoising", "grey")
    x = made.module.flat(*made.training.inputs)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    noised = x + made.module.noise_level * noise
    best = (made.module.cleaned_linear(noised) - x).square().mean()
    share = made.module.principal
    assert best < (noised - x).square().mean()
    assert best < (share.decode(share.encode(noised)) - x).square().mean()
