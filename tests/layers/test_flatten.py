import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.layers.flatten import Flatten
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.proof import prove, prove_derivatives, prove_pair


@settings(max_examples=30)
@given(shape=st.lists(st.integers(0, 3), min_size=1, max_size=4), axes=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_beside_torch(shape: list[int], axes: tuple[int, int]):
    start, end = sorted(min(a, len(shape) - 1) for a in axes)
    ours, theirs = Flatten(start, end - len(shape)), nn.Flatten(start, end - len(shape))
    prove(ours, theirs, seeded(*shape))
    prove_pair(ours, seeded(*shape))
    prove(ours, theirs, seeded(*shape).float(), exact=1e-5)


def test_derivatives():
    prove_derivatives(Flatten(), seeded(2, 2, 2))


def test_other_forms():
    ours, theirs = Flatten(0, 1), nn.Flatten(0, 1)
    assert repr(ours) == repr(theirs)
    prove(ours, theirs, scattered(seeded(2, 2, 5)))
    prove(Flatten(), nn.Flatten(), seeded(2, 3, 4).transpose(1, 2))
    prove_handling(lambda **kind: Flatten(), seeded(3, 2, 2))
    assert Flatten()(torch.zeros(2, 3, dtype=torch.int64)).dtype == torch.int64


def test_nobody_writes_into_what_is_a_view_of_the_input():
    with pytest.raises(RuntimeError, match="view"):
        nn.Sequential(Flatten(), nn.ReLU(inplace=True))(seeded(2, 3, 4).requires_grad_())
