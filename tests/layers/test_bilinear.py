import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers import bilinear
from netwright.layers.bilinear import Bilinear
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

sizes = st.integers(1, 4)


@settings(max_examples=40)
@given(leading=st.lists(st.integers(0, 3), max_size=2), first=sizes, second=sizes, outputs=sizes, bias=st.booleans())
def test_beside_torch(leading: list[int], first: int, second: int, outputs: int, bias: bool):
    u, v = seeded(*leading, first), seeded(*leading, second, seed=1)
    ours, theirs = (k(first, second, outputs, bias, dtype=torch.float64) for k in (Bilinear, nn.Bilinear))
    prove(ours, theirs, u, v)
    prove_pair(ours, u, v)
    prove(ours.float(), theirs.float(), u.float(), v.float(), exact=1e-5)


def test_derivatives():
    prove_derivatives(Bilinear(2, 3, 2, dtype=torch.float64), seeded(2, 2), seeded(2, 3, seed=1))


def test_torch_samples():
    assert prove_samples(Bilinear, "nn.Bilinear") >= 3


def test_beside_torch_in_every_other_way():
    for options in ({}, {"bias": False}):
        found = []
        for kind in (Bilinear, nn.Bilinear):
            torch.manual_seed(0)
            found.append(kind(3, 4, 2, **options))
        ours, theirs = found
        assert repr(ours) == repr(theirs)
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    ours, theirs = (k(3, 4, 2, dtype=torch.float64) for k in (Bilinear, nn.Bilinear))
    prove(ours, theirs, scattered(seeded(5, 3)), seeded(4, 5).T)
    prove_handling(lambda **kind: Bilinear(3, 4, 2, **kind), seeded(5, 3), seeded(5, 4, seed=1))


def test_what_is_not_needed_is_not_reckoned():
    layer = Bilinear(3, 4, 2, dtype=torch.float64)
    output, cache = bilinear.forward(*layer.arguments(seeded(5, 3), seeded(5, 4)))
    everything = bilinear.backward(output, cache)
    for i, gradient in enumerate(everything):
        found = bilinear.backward(output, cache, tuple(i == j for j in range(4)))
        assert torch.equal(found[i], gradient)
    assert bilinear.backward(output, cache, (False, False, False, True))[:3] == (None, None, None)


def test_errors():
    with pytest.raises(InputError, match="in1_features"):
        Bilinear(0, 4, 2)
    layer = Bilinear(3, 4, 2)
    for first, second in (((5, 4), (5, 3)), ((5, 3), (6, 4)), ((5, 3), (1, 4))):
        with pytest.raises(InputError, match="in2_features"):
            layer(torch.zeros(first), torch.zeros(second))
