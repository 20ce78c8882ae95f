import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from netwright.layers.linear import Linear
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

sizes = st.integers(0, 6)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@given(leading=st.lists(st.integers(0, 4), max_size=3), inputs=sizes, outputs=sizes, bias=st.booleans())
def test_beside_torch(leading: list[int], inputs: int, outputs: int, bias: bool):
    x = torch.randn(*leading, inputs, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours, theirs = (kind(inputs, outputs, bias=bias, dtype=torch.float64) for kind in (Linear, nn.Linear))
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


def test_derivatives():
    prove_derivatives(Linear(3, 2, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64))


def test_starts_where_torch_starts():
    for inputs in (1, 3, 7, 100):
        torch.manual_seed(0)
        ours = Linear(inputs, 5)
        torch.manual_seed(0)
        theirs = nn.Linear(inputs, 5)
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert repr(ours) == repr(theirs)


def test_torch_samples():
    assert prove_samples(Linear, "nn.Linear") >= 3


def test_written_into_afterwards():
    x = torch.randn(4, 3, requires_grad=True)
    ours, theirs = Linear(3, 2), nn.Linear(3, 2)
    prove(nn.Sequential(ours, nn.ReLU(inplace=True)), nn.Sequential(theirs, nn.ReLU(inplace=True)), x, exact=1e-5)
