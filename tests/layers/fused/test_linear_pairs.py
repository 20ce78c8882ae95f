"""What every linear layer that is one with an activation must stand, beside the two of torch.nn."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netwright.layers.fused.gelu_linear import GELULinear
from netwright.layers.fused.linear_relu import LinearReLU
from netwright.layers.fused.silu_linear import SiLULinear
from tests.layers.proof import prove, prove_derivatives, prove_pair

ACTIVATIONS = {LinearReLU: nn.ReLU(), SiLULinear: nn.SiLU(), GELULinear: nn.GELU()}
KINDS = list(ACTIVATIONS)
every_kind = pytest.mark.parametrize("kind", KINDS)
sizes = st.integers(1, 5)


class Two(nn.Linear):
    """torch.nn's layers, one after the other, with the names of the linear one."""

    kind: type

    def forward(self, x: Tensor) -> Tensor:
        act = ACTIVATIONS[self.kind]
        return act(super().forward(x)) if self.kind is LinearReLU else super().forward(act(x))


def two(kind: type, *args: int, **kwargs: object) -> Two:
    layer = Two(*args, **kwargs)
    layer.kind = kind
    return layer


def numbers(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@every_kind
@settings(max_examples=25)
@given(leading=st.lists(st.integers(0, 4), max_size=3), inputs=sizes, outputs=sizes, bias=st.booleans())
def test_beside_torch(kind: type, leading: list[int], inputs: int, outputs: int, bias: bool):
    x = numbers(*leading, inputs)
    ours = kind(inputs, outputs, bias=bias, dtype=torch.float64)
    theirs = two(kind, inputs, outputs, bias=bias, dtype=torch.float64)
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@every_kind
def test_far_out(kind: type):
    ours, theirs = kind(1, 2), two(kind, 1, 2)
    for number in (-1000.0, -100.0, 100.0, 1000.0):
        prove(ours, theirs, torch.full((1, 1), number), exact=1e-5)


@every_kind
def test_derivatives(kind: type):
    prove_derivatives(kind(3, 2, dtype=torch.float64), numbers(2, 3))


@every_kind
def test_where_numbers_are_not_neighbours(kind: type):
    ours, theirs = (make(3, 2, dtype=torch.float64) for make in (kind, lambda *a, **k: two(kind, *a, **k)))
    for x in (numbers(3, 4).T, numbers(4, 6)[:, ::2], numbers(1, 3).expand(4, 3)):
        prove(ours, theirs, x)


@every_kind
def test_as_modules_go(kind: type):
    torch.manual_seed(0)
    ours = kind(7, 5)
    torch.manual_seed(0)
    theirs = nn.Linear(7, 5)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    ours.reset_parameters()
    assert not torch.equal(ours.weight, theirs.weight)
    assert repr(ours) == repr(theirs).replace("Linear", kind.__name__)
    x = numbers(4, 7).float()
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(other(x), ours(x))
    assert torch.equal(ours(input=x), ours(x))
    assert kind(7, 5, device="meta")(x.to("meta")).shape == (4, 5)
    torch.testing.assert_close(torch.func.vmap(ours)(x), ours(x))


@every_kind
def test_gradient_of_the_weight_alone(kind: type):
    ours, x = kind(3, 2), numbers(4, 3).float()
    ours.bias.requires_grad_(False)
    (mine,) = torch.autograd.grad(ours(x).sum(), ours.weight)
    other = two(kind, 3, 2)
    other.load_state_dict(ours.state_dict())
    torch.testing.assert_close(mine, *torch.autograd.grad(other(x).sum(), other.weight))


@pytest.mark.parametrize("kind", [SiLULinear, GELULinear])
def test_keeps_half(kind: type):
    """Of what stands between two linear layers one tensor is kept; torch.nn keeps two."""

    def kept(layer: nn.Module) -> int:
        z, found = numbers(4, 3).float().requires_grad_() * 1, set()
        weights = {p.data_ptr() for p in layer.parameters()}
        with torch.autograd.graph.saved_tensors_hooks(lambda t: found.add(t.data_ptr()), lambda t: t):
            layer(z)
        return len(found - weights)

    assert (kept(kind(3, 2)), kept(two(kind, 3, 2))) == (1, 2)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@every_kind
def test_compiled(kind: type):
    torch._dynamo.reset()
    layer = kind(3, 2, dtype=torch.float64)
    results = []
    for call in (layer, torch.compile(layer, fullgraph=True, backend="aot_eager")):
        x = numbers(4, 3).requires_grad_()
        y = call(x)
        results.append((y.detach(), *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
