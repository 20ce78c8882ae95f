"""The same numbers as the network anybody would write."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from netwright.core.errors import InputError
from netwright.families.mlp import ACTIVATIONS, MLP, make_activation

ACTS = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "gelu": nn.GELU, "silu": nn.SiLU, "mish": nn.Mish, "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid}  # fmt: skip


@pytest.mark.parametrize("activation", ACTS)
@pytest.mark.parametrize("hidden", [[], [5], [7, 3, 4]])
def test_it_is_the_sequential_of_the_tutorials(activation: str, hidden: list):
    torch.manual_seed(3)
    ours = MLP(6, hidden, 2, activation=activation, dropout=0.3)
    torch.manual_seed(3)
    sizes = [6, *hidden, 2]
    linear = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    steps = [step for layer in linear[:-1] for step in (layer, ACTS[activation](), nn.Dropout(0.3))]
    theirs = nn.Sequential(*steps, linear[-1])
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    x = torch.randn(9, 6)
    outputs = []
    for network in (ours, theirs):
        torch.manual_seed(5)
        output = network(x)
        output.square().mean().backward()
        outputs.append(output)
    assert torch.equal(*outputs)
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert torch.equal(ours.eval()(x), theirs.eval()(x))


def test_every_activation_is_tested():
    assert set(ACTS) == set(ACTIVATIONS)


def test_an_activation_of_ones_own_and_any_leading_shape():
    class Twice(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    network = MLP(3, [4], 1, activation=Twice())
    x = torch.randn(2, 5, 3)
    assert network(x).shape == (2, 5, 1)
    assert torch.allclose(network(x), network.layers[1](2 * network.layers[0](x)))


def test_layers_may_come_from_elsewhere():
    class Wide(nn.Linear):
        pass

    class Shelf:
        Linear, Dropout, ReLU = Wide, nn.Dropout, nn.ReLU

    assert all(isinstance(layer, Wide) for layer in MLP(3, [4], 1, layers=Shelf).layers)  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", [(0, [4], 1), (3, [0], 1), (3, [4, -2], 1), (3, [], 0)])
def test_a_size_below_one_is_refused(sizes: tuple):
    with pytest.raises(InputError, match="size of one or more") as error:
        MLP(*sizes)
    assert str(min(sizes[0], *sizes[1], sizes[2])) in error.value.got


def test_an_unknown_activation_is_refused():
    with pytest.raises(InputError, match="no activation called 'swish'") as error:
        MLP(3, [4], 1, activation="swish")
    assert "silu" in error.value.wanted
    assert isinstance(make_activation("gelu"), nn.GELU)
