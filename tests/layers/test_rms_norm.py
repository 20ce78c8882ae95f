import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers.rms_norm import RMSNorm
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples


@settings(max_examples=40)
@given(
    leading=st.lists(st.integers(0, 4), max_size=3),
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=2),
    eps=st.sampled_from([None, 1e-5, 0.1]),
    affine=st.booleans(),
)
def test_beside_torch(leading: list[int], shape: list[int], eps: float | None, affine: bool):
    x = seeded(*leading, *shape) * 3 + 1
    torch.manual_seed(0)
    ours, theirs = (k(shape, eps, affine, dtype=torch.float64) for k in (RMSNorm, nn.RMSNorm))
    for parameter in theirs.parameters():
        nn.init.normal_(parameter)
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@pytest.mark.parametrize("affine", [True, False])
def test_derivatives(affine: bool):
    prove_derivatives(RMSNorm((2, 2), elementwise_affine=affine, dtype=torch.float64), seeded(2, 2, 2))


def test_torch_samples():
    assert prove_samples(RMSNorm, "nn.RMSNorm") >= 2


def test_beside_torch_in_every_other_way():
    for options in ({}, {"elementwise_affine": False}, {"eps": 0.5}):
        ours, theirs = RMSNorm((3, 2), **options), nn.RMSNorm((3, 2), **options)
        assert repr(ours) == repr(theirs) and ours.normalized_shape == theirs.normalized_shape
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    ours, theirs = (k(6, dtype=torch.float64) for k in (RMSNorm, nn.RMSNorm))
    prove(ours, theirs, scattered(seeded(4, 6)))
    prove(ours, theirs, seeded(6, 4).T)
    prove(ours, theirs, torch.cat([torch.full((1, 6), 3.5), seeded(2, 6)]).double())
    prove_handling(lambda **kind: RMSNorm(6, **kind), seeded(3, 6))


def test_a_row_of_nothing():
    ours, theirs = (k(4, eps=1e-5, dtype=torch.float64) for k in (RMSNorm, nn.RMSNorm))
    prove(ours, theirs, torch.zeros(2, 4, dtype=torch.float64))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision(kind: torch.dtype):
    for size, eps in ((300.0, 1e-6), (1e-3, 1e-6), (1e-3, None)):
        x, g = (size * seeded(8, 64)).to(kind), seeded(8, 64, seed=1).to(kind)
        found = []
        for layer in (RMSNorm(64, eps, dtype=kind), nn.RMSNorm(64, eps, dtype=kind)):
            leaf = x.clone().requires_grad_()
            y = layer(leaf)
            found.append((y, *torch.autograd.grad(y, [leaf, *layer.parameters()], g)))
        for mine, other in zip(*found, strict=True):
            assert mine.dtype == kind
            torch.testing.assert_close(mine, other, rtol=0.02, atol=0.02)


def test_errors():
    with pytest.raises(InputError, match="normalized_shape"):
        RMSNorm((3, 4))(torch.zeros(12))


def test_called_by_name():
    layer, x = RMSNorm(3), torch.ones(2, 3)
    assert torch.equal(layer(x=x), nn.RMSNorm(3)(x=x))
