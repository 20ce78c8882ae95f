import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.layers.gru import GRU
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

sizes = st.integers(1, 4)


class Pair(nn.Module):
    """The two functions of gru.py, called with what they are given."""

    __module__ = "netwright.layers.gru"

    def arguments(self, *given: torch.Tensor | None) -> tuple:
        return given


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25)
@given(sizes, st.integers(0, 3), sizes, sizes, st.integers(1, 2), st.booleans(), st.booleans(), st.booleans())
def test_beside_torch(
    steps: int, rows: int, inputs: int, hidden: int, layers: int, bias: bool, first: bool, both: bool
):
    options = {"num_layers": layers, "bias": bias, "batch_first": first, "bidirectional": both}
    ours, theirs = (kind(inputs, hidden, dtype=torch.float64, **options) for kind in (GRU, nn.GRU))
    x = numbers(*((rows, steps, inputs) if first else (steps, rows, inputs)))
    state = numbers(layers * (1 + both), rows, hidden, seed=1)
    prove(ours, theirs, x, state)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@settings(max_examples=15)
@given(sizes, st.integers(0, 3), sizes, sizes, st.booleans())
def test_pair(steps: int, rows: int, inputs: int, hidden: int, bias: bool):
    weights = [numbers(3 * hidden, n, seed=n) for n in (inputs, hidden)]
    biases = [numbers(3 * hidden, seed=i) if bias else None for i in (1, 2)]
    prove_pair(Pair(), numbers(steps, rows, inputs), numbers(rows, hidden, seed=3), *weights, *biases)


@pytest.mark.parametrize("bias", [True, False])
def test_derivatives(bias: bool):
    prove_derivatives(GRU(2, 2, bias=bias, dtype=torch.float64), numbers(2, 2, 2))


def few(args: tuple, kwargs: dict) -> bool:
    return not (kwargs["bias"] and kwargs["bidirectional"])


def test_torch_samples():
    prove_samples(GRU, "nn.GRU", skip=few)


@pytest.mark.slow
def test_all_torch_samples():
    prove_samples(GRU, "nn.GRU")


def test_large_numbers():
    ours, theirs = (kind(3, 4) for kind in (GRU, nn.GRU))
    prove(ours, theirs, 1e6 * numbers(3, 2, 3).float(), exact=1e-5, second=False)
