"""A linear layer and a ReLU in one, beside the two of torch.nn."""

import copy
import pickle

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netwright.layers.fused.linear_relu import LinearReLU
from tests.layers.handling import scattered, torch_compiles
from tests.layers.handling import seeded as numbers
from tests.layers.proof import prove, prove_derivatives, prove_pair

sizes = st.integers(1, 5)


class Two(nn.Linear):
    """torch.nn's layers, one after the other, with the names of the linear one."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


@settings(max_examples=25)
@given(leading=st.lists(st.integers(0, 4), max_size=3), inputs=sizes, outputs=sizes, bias=st.booleans())
def test_beside_torch(leading: list[int], inputs: int, outputs: int, bias: bool):
    x = numbers(*leading, inputs)
    ours, theirs = (kind(inputs, outputs, bias=bias, dtype=torch.float64) for kind in (LinearReLU, Two))
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


def test_far_out():
    for number in (-1000.0, -100.0, 100.0, 1000.0):
        prove(LinearReLU(1, 2), Two(1, 2), torch.full((1, 1), number), exact=1e-5)


def test_derivatives():
    prove_derivatives(LinearReLU(3, 2, dtype=torch.float64), numbers(2, 3))


def test_where_numbers_are_not_neighbours():
    ours, theirs = (kind(3, 2, dtype=torch.float64) for kind in (LinearReLU, Two))
    for x in (numbers(3, 4).T, scattered(numbers(4, 3)), numbers(1, 3).expand(4, 3)):
        prove(ours, theirs, x)


def test_as_modules_go():
    torch.manual_seed(0)
    ours = LinearReLU(7, 5)
    torch.manual_seed(0)
    theirs = nn.Linear(7, 5)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    ours.reset_parameters()
    assert not torch.equal(ours.weight, theirs.weight)
    assert repr(ours) == repr(theirs).replace("Linear", "LinearReLU")
    x = numbers(4, 7).float()
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(other(x), ours(x))
    assert torch.equal(ours(input=x), ours(x))
    assert LinearReLU(7, 5, device="meta")(x.to("meta")).shape == (4, 5)
    torch.testing.assert_close(torch.func.vmap(ours)(x), ours(x))


def test_gradient_of_the_weight_alone():
    ours, theirs, x = LinearReLU(3, 2), Two(3, 2), numbers(4, 3).float()
    theirs.load_state_dict(ours.state_dict())
    ours.bias.requires_grad_(False)
    torch.testing.assert_close(*(torch.autograd.grad(layer(x).sum(), layer.weight) for layer in (ours, theirs)))


def test_the_output_may_be_overwritten():
    layer, x = LinearReLU(3, 2), torch.ones(2, 4, 3)
    assert torch.equal(layer(x).add_(1), layer(x) + 1)


def test_compiled():
    torch._dynamo.reset()
    layer = LinearReLU(3, 2, dtype=torch.float64)
    results = []
    with torch_compiles():
        for call in (layer, torch.compile(layer, fullgraph=True, backend="aot_eager")):
            x = numbers(4, 3).requires_grad_()
            y = call(x)
            results.append((y.detach(), *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
