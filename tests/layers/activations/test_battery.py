"""What every activation must stand, beside torch.nn's or, where it has none, beside the formula."""

import copy
import pickle
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netwright import layers
from netwright.layers.activations.gelu import GELU
from netwright.layers.activations.leaky_relu import LeakyReLU
from netwright.layers.activations.log_softmax import LogSoftmax
from netwright.layers.activations.mish import Mish
from netwright.layers.activations.relu import ReLU
from netwright.layers.activations.sigmoid import Sigmoid
from netwright.layers.activations.silu import SiLU
from netwright.layers.activations.smooth_step import SmoothStep
from netwright.layers.activations.softmax import Softmax
from netwright.layers.activations.softplus import Softplus
from netwright.layers.activations.tanh import Tanh
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples


class Formula(nn.Module):
    """x³(6x² − 15x + 10) as autograd differentiates it."""

    def __init__(self, clamp: bool = True) -> None:
        super().__init__()
        self.clamp = clamp

    def forward(self, x: Tensor) -> Tensor:
        x = x.clamp(0, 1) if self.clamp else x
        return x**3 * (6 * x**2 - 15 * x + 10)


KINDS = {
    ReLU: (nn.ReLU, [{}]),
    LeakyReLU: (nn.LeakyReLU, [{}, {"negative_slope": 0.3}, {"negative_slope": 0.0}, {"negative_slope": -0.5}]),
    Sigmoid: (nn.Sigmoid, [{}]),
    Tanh: (nn.Tanh, [{}]),
    Softmax: (nn.Softmax, [{"dim": -1}, {"dim": 0}]),
    LogSoftmax: (nn.LogSoftmax, [{"dim": -1}, {"dim": 0}]),
    GELU: (nn.GELU, [{}, {"approximate": "tanh"}]),
    SiLU: (nn.SiLU, [{}]),
    Mish: (nn.Mish, [{}]),
    Softplus: (nn.Softplus, [{}, {"beta": 3.0}, {"threshold": 1.0}, {"beta": 0.5, "threshold": 60.0}]),
    SmoothStep: (Formula, [{}, {"clamp": False}]),
}
CASES = [pytest.param(ours, theirs, options, id=f"{ours.__name__}{options or ''}")
         for ours, (theirs, all_options) in KINDS.items() for options in all_options]  # fmt: skip
PLAIN = [kind for kind, (theirs, _) in KINDS.items() if theirs is not Formula]
every_case = pytest.mark.parametrize("ours, theirs, options", CASES)


def numbers(*shape: int, scale: float = 1.0, seed: int = 0) -> Tensor:
    return scale * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@every_case
@settings(max_examples=12)
@given(shape=st.lists(st.integers(0, 4), max_size=4), scale=st.sampled_from([0.3, 1.0, 10.0]))
def test_beside_torch(ours: type, theirs: type, options: dict, shape: list[int], scale: float):
    x = numbers(*shape, scale=scale)
    prove(ours(**options), theirs(**options), x)
    prove_pair(ours(**options), x)
    prove(ours(**options), theirs(**options), x.float(), exact=1e-5)


@every_case
def test_far_out(ours: type, theirs: type, options: dict):
    """Each number alone, from −100 to 100: nothing overflows, and none hides behind a larger one."""
    far = torch.linspace(-100, 100, 42, dtype=torch.float64)
    rows = torch.stack([far, torch.zeros_like(far)], 1)
    for row in rows:
        x = row.reshape(2, 1) if options.get("dim") == 0 else row.reshape(1, 2)
        prove(ours(**options), theirs(**options), x)
        prove(ours(**options), theirs(**options), x.float(), exact=1e-5, second=False)
    x = rows.float().requires_grad_()
    (gradient,) = torch.autograd.grad(ours(**options)(x).sum(), x, create_graph=True)
    assert gradient.isfinite().all()
    if gradient.requires_grad:
        assert all(g.isfinite().all() for g in torch.autograd.grad(gradient.sum(), x))


@pytest.mark.parametrize("kind", [Sigmoid, SiLU, Mish, Softplus])
def test_small_numbers_keep_their_digits(kind: type):
    """Left of zero these are near eˣ or x eˣ: right relative to themselves, in value and in slope."""
    for dtype, exact, reach in ((torch.float64, 1e-10, 100), (torch.float32, 2e-5, 80)):
        x = torch.linspace(-reach, 2, 52, dtype=dtype).requires_grad_()
        wide = x.detach().double().requires_grad_()
        mine, other = kind()(x), KINDS[kind][0]()(wide)
        torch.testing.assert_close(mine.double(), other, rtol=exact, atol=0)
        (slope,), (other_slope,) = torch.autograd.grad(mine.sum(), x), torch.autograd.grad(other.sum(), wide)
        torch.testing.assert_close(slope.double(), other_slope, rtol=exact, atol=0)


@every_case
def test_derivatives(ours: type, theirs: type, options: dict):
    prove_derivatives(ours(**options), numbers(2, 2) + 0.01)


@every_case
def test_where_numbers_are_not_neighbours(ours: type, theirs: type, options: dict):
    for x in (numbers(4, 6).T, numbers(4, 6)[:, ::2], numbers(1, 3).expand(4, 3)):
        prove(ours(**options), theirs(**options), x)


@every_case
def test_strange_numbers_pass_as_in_torch(ours: type, theirs: type, options: dict):
    x = torch.tensor([[float("nan"), 0.0, -0.0, 1.0, 20.0, 1e4]], dtype=torch.float64).T
    if "dim" not in options:
        torch.testing.assert_close(ours(**options)(x), theirs(**options)(x), equal_nan=True, rtol=1e-10, atol=0)
        corner = torch.tensor([-0.0, 0.0, 1.5, 20.5], dtype=torch.float64)
        prove(ours(**options), theirs(**options), corner)
    else:
        assert ours(**options)(x).isnan().any() and ours(**options)(x).isnan().equal(theirs(**options)(x).isnan())


@pytest.mark.parametrize("kind", PLAIN)
def test_torch_samples(kind: type):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Implicit dimension choice")
        prove_samples(kind, f"nn.{kind.__name__}")


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
def test_dim_that_torch_picks(kind: type):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Implicit dimension choice")
        for shape in ((), (3,), (2, 3), (2, 3, 2), (2, 3, 2, 2)):
            prove(kind(), KINDS[kind][0](), numbers(*shape))


@every_case
def test_as_modules_go(ours: type, theirs: type, options: dict):
    layer = ours(**options)
    assert theirs is Formula or repr(layer) == repr(theirs(**options))
    x = numbers(2, 3)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x), layer(x)) and repr(other) == repr(layer)
    assert layer(torch.empty(2, 3, device="meta")).shape == (2, 3)
    assert torch.equal(layer(input=x), layer(x))
    once = torch.func.vmap(layer)(x) if options.get("dim") != 0 else torch.func.vmap(layer, 1, 1)(x)
    assert torch.equal(once, layer(x))


def test_smooth_step_says_its_option():
    assert repr(SmoothStep(clamp=False)) == "SmoothStep(clamp=False)"


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("ours", list(KINDS))
def test_compiled(ours: type):
    torch._dynamo.reset()
    layer = ours(**KINDS[ours][1][-1])
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    results = []
    for call in (layer, compiled):
        x = numbers(2, 3).requires_grad_()
        y = call(x)
        results.append((y.detach(), *torch.autograd.grad(y, x, numbers(2, 3, seed=1))))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", [ReLU, LeakyReLU, SiLU, Mish])
def test_in_place_is_taken_and_overwrites_nothing(kind: type):
    x, ours = numbers(2, 3), kind(inplace=True)
    before = x.clone()
    y = ours(x)
    assert torch.equal(x, before) and ours.inplace and repr(ours) == repr(KINDS[kind][0](inplace=True))
    torch.testing.assert_close(y, KINDS[kind][0](inplace=True)(x))


def test_gelu_has_two_forms():
    with pytest.raises(ValueError, match="Leave approximate out"):
        GELU("sine")


@pytest.mark.parametrize("kind", ["SiLU", "Mish", "Softplus", "GELU", "Sigmoid", "Tanh", "ReLU", "LeakyReLU"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_beside_torch(kind: str, dtype: torch.dtype):
    options = {"approximate": "tanh"} if kind == "GELU" else {}
    x = torch.cat([torch.linspace(-30, 30, 241), torch.tensor([-300.0, 300.0])]).to(dtype)
    results = []
    for namespace in (layers, nn):
        own = x.clone().requires_grad_()
        y = getattr(namespace, kind)(**options)(own)
        results.append((y.detach(), *torch.autograd.grad(y.sum(), own)))
    for mine, other in zip(*results, strict=True):
        assert mine.dtype == dtype
        torch.testing.assert_close(mine.float(), other.float(), rtol=0.02, atol=0.02)
