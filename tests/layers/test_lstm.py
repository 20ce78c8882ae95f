import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers.lstm import LSTM
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

sizes = st.integers(1, 4)


class Pair(nn.Module):
    """The two functions of lstm.py, called with what they are given."""

    __module__ = "netwright.layers.lstm"

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
    ours, theirs = (kind(inputs, hidden, dtype=torch.float64, **options) for kind in (LSTM, nn.LSTM))
    x = numbers(*((rows, steps, inputs) if first else (steps, rows, inputs)))
    state = tuple(numbers(layers * (1 + both), rows, hidden, seed=i) for i in (1, 2))
    prove(ours, theirs, x, state)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@settings(max_examples=15)
@given(sizes, st.integers(0, 3), sizes, sizes, st.booleans())
def test_pair(steps: int, rows: int, inputs: int, hidden: int, bias: bool):
    weights = [numbers(4 * hidden, n, seed=n) for n in (inputs, hidden)]
    biases = [numbers(4 * hidden, seed=i) if bias else None for i in (1, 2)]
    prove_pair(
        Pair(), numbers(steps, rows, inputs), *(numbers(rows, hidden, seed=i) for i in (3, 4)), *weights, *biases
    )


@pytest.mark.parametrize("bias", [True, False])
def test_derivatives(bias: bool):
    prove_derivatives(LSTM(2, 2, bias=bias, dtype=torch.float64), numbers(2, 2, 2))


def test_the_cells_alone():
    """No gradient reaches the outputs where only the state's c is used."""
    ours, theirs = (kind(2, 3, dtype=torch.float64) for kind in (LSTM, nn.LSTM))
    theirs.load_state_dict(ours.state_dict())
    x = numbers(3, 2, 2).requires_grad_()
    mine, other = (torch.autograd.grad(layer(x)[1][1].sum(), x)[0] for layer in (ours, theirs))
    torch.testing.assert_close(mine, other)


def few(args: tuple, kwargs: dict) -> bool:
    return not (kwargs["bias"] and kwargs["bidirectional"]) or bool(kwargs["proj_size"])


def test_torch_samples():
    prove_samples(LSTM, "nn.LSTM", skip=few)


@pytest.mark.slow
def test_all_torch_samples():
    prove_samples(LSTM, "nn.LSTM", skip=lambda args, kwargs: bool(kwargs["proj_size"]))


def test_large_numbers():
    ours, theirs = (kind(3, 4) for kind in (LSTM, nn.LSTM))
    prove(ours, theirs, 1e6 * numbers(3, 2, 3).float(), exact=1e-5, second=False)


def test_no_projection():
    with pytest.raises(InputError, match="proj_size"):
        LSTM(3, 4, proj_size=2)
