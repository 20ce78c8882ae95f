import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers.group_norm import GroupNorm
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples


@settings(max_examples=40)
@given(
    rows=st.integers(0, 4),
    groups=st.integers(1, 3),
    each=st.integers(1, 3),
    places=st.lists(st.integers(1, 4), max_size=2),
    eps=st.sampled_from([1e-5, 0.1]),
    affine=st.booleans(),
    bias=st.booleans(),
)
def test_beside_torch(rows: int, groups: int, each: int, places: list[int], eps: float, affine: bool, bias: bool):
    x = seeded(rows, groups * each, *places) * 3 + 1
    torch.manual_seed(0)
    options = {"eps": eps, "affine": affine, "bias": bias, "dtype": torch.float64}
    ours, theirs = (k(groups, groups * each, **options) for k in (GroupNorm, nn.GroupNorm))
    for parameter in theirs.parameters():
        nn.init.normal_(parameter)
    if rows * each * math.prod(places) != 1:  # torch.nn refuses a single number, where ours gives its β
        prove(ours, theirs, x)
    prove_pair(ours, x)
    if each * math.prod(places) > 2:  # of one or two numbers the gradient is 0 but for rounding, which 1/√ε makes large
        prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@pytest.mark.parametrize("options", [{}, {"affine": False}, {"bias": False}])
def test_derivatives(options: dict[str, bool]):
    prove_derivatives(GroupNorm(2, 4, dtype=torch.float64, **options), seeded(2, 4, 2))


def test_torch_samples():
    assert prove_samples(GroupNorm, "nn.GroupNorm") >= 3


def test_beside_torch_in_every_other_way():
    for options in ({}, {"affine": False}, {"bias": False}, {"eps": 0.5}):
        ours, theirs = GroupNorm(2, 4, **options), nn.GroupNorm(2, 4, **options)
        assert repr(ours) == repr(theirs)
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    ours, theirs = (k(2, 4, dtype=torch.float64) for k in (GroupNorm, nn.GroupNorm))
    prove(ours, theirs, scattered(seeded(3, 4, 5)))
    prove(ours, theirs, seeded(3, 5, 4).transpose(1, 2))
    prove(ours, theirs, torch.cat([torch.full((1, 4, 2), 3.5), seeded(2, 4, 2)]).double())  # no variance
    prove_handling(lambda **kind: GroupNorm(2, 4, **kind), seeded(3, 4, 2))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision(kind: torch.dtype):
    x, g = (300 * seeded(3, 8, 9) + 100).to(kind), seeded(3, 8, 9, seed=1).to(kind)
    found = []
    for layer in (GroupNorm(2, 8, dtype=kind), nn.GroupNorm(2, 8, dtype=kind)):
        leaf = x.clone().requires_grad_()
        y = layer(leaf)
        found.append((y, *torch.autograd.grad(y, [leaf, *layer.parameters()], g)))
    for mine, other in zip(*found, strict=True):
        assert mine.dtype == kind
        torch.testing.assert_close(mine, other, rtol=0.02, atol=0.04)


def test_errors():
    with pytest.raises(InputError, match="num_groups"):
        GroupNorm(3, 4)
    for shape in ((5, 3, 2), (4,)):
        with pytest.raises(InputError, match="num_channels"):
            GroupNorm(2, 4)(torch.zeros(shape))
