"""The whole: what it takes, what it refuses, and that it leaves no trace."""

import random
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.core.errors import InputError, InputTypeError
from netwright.doctor.check_layer import check_layer
from netwright.layers.linear import Linear, LinearFunction
from tests.doctor.layer.layers import Calls, Square, X, function, square_backward

RIGHT = [
    (nn.Linear(3, 2), (X,)),
    (Linear(3, 2), (X,)),
    (LinearFunction, (X, torch.ones(2, 3), torch.ones(2))),
    (LinearFunction, (X, torch.ones(2, 3), None)),
    (nn.Conv2d(2, 3, 3, padding=1), (torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0)),)),
    (nn.LSTM(3, 2), (X[:, None],)),
    (nn.BatchNorm1d(3), (X,)),
    (nn.Dropout(), (X,)),
    (nn.Embedding(6, 3, padding_idx=0), (torch.tensor([0, 5, 1]),)),
    (nn.LazyLinear(2), (X,)),
    (Square, (X,)),
]


@pytest.mark.parametrize(("layer", "inputs"), RIGHT, ids=lambda x: getattr(x, "__name__", type(x).__name__))
def test_right_layers_are_not_accused(layer: object, inputs: tuple):
    report = check_layer(layer, *inputs, slow=False)
    assert report.passed, report
    assert len(report.findings) == 17 and all(f.fix for f in report.findings if f.verdict == "not supported")
    assert not [f for f in report.findings if f.verdict == "not tried" and "Error" in f.seen], report


def test_no_trace_is_left():
    layer = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    state = {name: t.clone() for name, t in layer.state_dict().items()}
    x = X.clone().requires_grad_()
    torch.manual_seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error")
        check_layer(layer, x, slow=False)
        assert not torch.is_grad_enabled()
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert torch.equal(before[0], after[0]) and before[1:] == after[1:]
    assert torch.equal(x, X) and x.grad is None and layer.training
    assert all(torch.equal(t, state[name]) for name, t in layer.state_dict().items())


def test_the_same_report_twice():
    wrong = function(lambda ctx, x: (ctx.save_for_backward(x), x * x)[1], lambda ctx, g: -square_backward(ctx, g))
    first, second = (check_layer(wrong, X, name="mine", slow=False) for _ in range(2))
    assert first == second and first.layer == "mine" and not first.passed


def test_what_is_no_layer():
    with pytest.raises(InputTypeError, match="Build it"):
        check_layer(nn.Linear, X)
    with pytest.raises(InputTypeError, match=r"check_layer\(\(forward, backward\), \*inputs\)"):
        check_layer(lambda x: x, X)
    for other in (Square.apply, 3, (1, 2)):
        with pytest.raises(InputTypeError, match=r"not its \.apply"):
            check_layer(other, X)


def test_what_can_not_be_run():
    with pytest.raises(InputError, match="can't be run on these inputs"):
        check_layer(nn.Linear(3, 2))
    with pytest.raises(InputError, match=r"\(4, 3\) float32"):
        check_layer(nn.Linear(4, 2), X)
    with pytest.raises(InputError, match=r"x.float\(\)"):
        check_layer(Calls(lambda x: x + 1), torch.tensor([1, 2]))
    with pytest.raises(InputError, match="view_as_complex"):
        check_layer(Square, X + 1j)
    for layer in (Square, nn.Linear(3, 2)):
        with pytest.raises(InputError, match="an example without elements"):
            check_layer(layer, X[:0])
    with pytest.raises(InputTypeError, match="gives no tensor"):
        check_layer(Calls(lambda x: "nothing"), X)
    layer = nn.Linear(3, 2)
    layer.last = layer(X)
    with pytest.raises(InputError, match="built anew"):
        check_layer(layer, X)


def test_a_pair_that_gives_no_cache():
    for forward, words in [
        (lambda x: x * 2, r"one tensor of shape \(4, 3\): the cache is missing"),
        (lambda x: (x * 2, x, x), "3 entries"),
        (lambda x: None, "NoneType"),
    ]:
        with pytest.raises(InputError, match=words):
            check_layer((forward, lambda g, cache: g * 2), X)
    with pytest.raises(InputError, match="return y, None"):
        check_layer((lambda x: x * 2, lambda g, cache: g * 2), X[:2])


def test_a_pair_of_numpy_and_one_with_a_dict():
    with pytest.raises(InputTypeError, match=r"torch\.exp for np\.exp"):
        check_layer((lambda x: (np.exp(x.numpy()), x), lambda g, x: g), X)
    report = check_layer((lambda x: (x * 2, ()), lambda g, cache: {"x": g * 2}), X)
    assert "a dict of x" in report.findings[0].seen and "as a tuple" in report.findings[0].fix


def test_a_layer_without_float64():
    class Narrow(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if x.dtype == torch.float64:
                raise TypeError("no float64 here")
            return torch.sin(x)

    report = check_layer(Narrow(), X, slow=False)
    assert report.passed and report.findings[0].verdict == "passed", report


def test_inputs_in_any_form():
    state = (torch.zeros(1, 4, 2), torch.zeros(1, 4, 2))
    assert check_layer(nn.LSTM(3, 2), X[None], state, slow=False).passed
    assert check_layer(Calls(lambda x, k, none: {"a": x**k}), X, 2, None, slow=False).passed
