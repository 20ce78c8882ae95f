import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers.dropout import Dropout
from tests.layers.handling import scattered, seeded, torch_compiles
from tests.layers.proof import prove, prove_derivatives, prove_pair


@settings(max_examples=40)
@given(
    shape=st.lists(st.integers(0, 5), max_size=3),
    p=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    training=st.booleans(),
)
def test_beside_torch(shape: list[int], p: float, training: bool):
    x = seeded(*shape)
    ours, theirs = (k(p).train(training) for k in (Dropout, nn.Dropout))
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours, theirs, x.float(), exact=1e-5)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16])
def test_the_same_numbers_are_dropped(kind: torch.dtype):
    for x in (torch.ones(50, 40), torch.ones(40, 50).T, scattered(torch.ones(30, 20))):
        found = []
        for layer in (Dropout(0.3), nn.Dropout(0.3)):
            torch.manual_seed(7)
            found.append([layer(x.to(kind)), layer(x.to(kind)), torch.rand(1)])
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_derivatives():
    prove_derivatives(Dropout(0.5), seeded(3, 4))


def test_nothing_is_dropped_without_training():
    x = seeded(3, 4)
    assert Dropout(0.5).eval()(x) is x and Dropout(0.0)(x) is x


def test_mapped_and_compiled():
    layer, x = Dropout(0.5), torch.ones(200, 30)
    for randomness in ("different", "same"):
        y = torch.func.vmap(layer, randomness=randomness)(x)
        assert set(y.unique().tolist()) == {0.0, 2.0} and torch.equal(y[0], y[1]) == (randomness == "same")
    torch._dynamo.reset()
    with torch_compiles():
        y = torch.compile(layer, fullgraph=True, backend="aot_eager")(x.requires_grad_())
    (grad,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(grad, y.detach()) and float(y.detach().mean()) == pytest.approx(1.0, abs=0.05)


def test_in_place_is_taken_and_overwrites_nothing():
    x, ours = seeded(30, 20), Dropout(0.3, inplace=True)
    before, found = x.clone(), []
    for layer in (ours, nn.Dropout(0.3)):
        torch.manual_seed(7)
        found.append(layer(x))
    torch.testing.assert_close(*found)
    assert torch.equal(x, before) and repr(ours) == repr(nn.Dropout(0.3, inplace=True))


@pytest.mark.parametrize("p", [1.5, -0.1])
def test_errors(p: float):
    with pytest.raises(InputError, match="p="):
        Dropout(p)
