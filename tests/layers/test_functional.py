import inspect
import warnings

import pytest
import torch
from torch.nn import functional as theirs

from netwright.layers import functional as ours

CALLS = [
    ("linear", (torch.ones(2, 3), torch.ones(2)), {}),
    ("linear", (torch.ones(2, 3),), {}),
    ("relu", (), {}),
    ("leaky_relu", (0.3,), {}),
    ("sigmoid", (), {}),
    ("tanh", (), {}),
    ("gelu", (), {}),
    ("gelu", (), {"approximate": "tanh"}),
    ("silu", (), {}),
    ("mish", (), {}),
    ("softplus", (2.0, 10.0), {}),
    ("softmax", (-1,), {}),
    ("softmax", (), {"dim": 0, "dtype": torch.float64}),
    ("softmax", (), {}),
    ("log_softmax", (1,), {}),
    ("log_softmax", (), {"dtype": torch.float64}),
]


@pytest.mark.parametrize("name, rest, options", CALLS)
def test_beside_torch(name: str, rest: tuple, options: dict):
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    mine = getattr(ours, name)(x, *rest, **options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Implicit dimension choice")
        other = getattr(theirs, name)(x, *rest, **options)
    torch.testing.assert_close(mine, other)
    torch.testing.assert_close(*(torch.autograd.grad(y.square().sum(), x) for y in (mine, other)))


def test_smooth_step():
    x = torch.tensor([-1.0, 0.5, 2.0])
    assert ours.smooth_step(x).tolist() == [0.0, 0.5, 1.0]
    assert ours.smooth_step(x, clamp=False).tolist() == [-31.0, 0.5, 32.0]


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "silu", "mish"])
def test_nothing_is_overwritten(name: str):
    with pytest.raises(ValueError, match="Leave inplace out"):
        getattr(ours, name)(torch.ones(2), inplace=True)


def test_unknown_form():
    with pytest.raises(ValueError, match="Leave approximate out"):
        ours.gelu(torch.ones(2), approximate="sine")


def test_arguments_have_torchs_names_and_defaults():
    for name in {name for name, _, _ in CALLS} - {"linear", "gelu", "softplus"}:  # those are built in, without names
        here, there = (inspect.signature(getattr(module, name)).parameters for module in (ours, theirs))
        for key, parameter in here.items():
            assert parameter.default == there[key].default, (name, key)
