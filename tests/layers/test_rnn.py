import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers.rnn import RNN
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

sizes = st.integers(1, 4)
kinds = st.sampled_from(["tanh", "relu"])


class Pair(nn.Module):
    """The two functions of rnn.py, called with what they are given."""

    __module__ = "netwright.layers.rnn"

    def arguments(self, *given: torch.Tensor | None) -> tuple:
        return given


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25)
@given(sizes, st.integers(0, 3), sizes, sizes, st.integers(1, 2), st.booleans(), st.booleans(), st.booleans(), kinds)
def test_beside_torch(
    steps: int, rows: int, inputs: int, hidden: int, layers: int, bias: bool, first: bool, both: bool, kind: str
):
    options = {"num_layers": layers, "bias": bias, "batch_first": first, "bidirectional": both, "nonlinearity": kind}
    ours, theirs = (made(inputs, hidden, dtype=torch.float64, **options) for made in (RNN, nn.RNN))
    x = numbers(*((rows, steps, inputs) if first else (steps, rows, inputs)))
    state = numbers(layers * (1 + both), rows, hidden, seed=1)
    prove(ours, theirs, x, state)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@settings(max_examples=15)
@given(sizes, st.integers(0, 3), sizes, sizes, st.booleans(), kinds)
def test_pair(steps: int, rows: int, inputs: int, hidden: int, bias: bool, kind: str):
    weights = [numbers(hidden, n, seed=n) for n in (inputs, hidden)]
    biases = [numbers(hidden, seed=i) if bias else None for i in (1, 2)]
    prove_pair(Pair(), numbers(steps, rows, inputs), numbers(rows, hidden, seed=3), *weights, *biases, kind)


@pytest.mark.parametrize("kind", ["tanh", "relu"])
def test_derivatives(kind: str):
    torch.manual_seed(0)  # away from the corner of relu
    prove_derivatives(RNN(2, 2, nonlinearity=kind, dtype=torch.float64), numbers(3, 2, 2))


def few(args: tuple, kwargs: dict) -> bool:
    return not (kwargs["bias"] and kwargs["bidirectional"])


def test_torch_samples():
    prove_samples(RNN, "nn.RNN", skip=few)


@pytest.mark.slow
def test_all_torch_samples():
    prove_samples(RNN, "nn.RNN")


def test_large_numbers():
    ours, theirs = (kind(3, 4) for kind in (RNN, nn.RNN))
    prove(ours, theirs, 1e6 * numbers(3, 2, 3).float(), exact=1e-5, second=False)


def test_other_nonlinearities():
    with pytest.raises(InputError, match="nonlinearity"):
        RNN(3, 4, nonlinearity="sine")
