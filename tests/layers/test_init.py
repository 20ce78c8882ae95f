import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.layers import init

SHAPES = [(3, 5), (5, 3), (7, 4, 3), (4, 6, 2, 2), (40, 33)]
DRAWN = ["uniform_", "normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"]
DRAWN += ["orthogonal_", "trunc_normal_", "zeros_", "ones_"]
FUNCTIONS = ["linear", "conv2d", "conv_transpose1d", "sigmoid", "tanh", "relu", "selu", "leaky_relu"]


def same(name: str, shape: tuple[int, ...], dtype: torch.dtype = torch.float32, **options: object) -> Tensor:
    """The numbers torch.nn.init draws, which ours must be."""
    drawn = []
    for module in (init, nn.init):
        torch.manual_seed(0)
        tensor = nn.Parameter(torch.empty(shape, dtype=dtype))
        assert getattr(module, name)(tensor, **options) is tensor
        drawn.append(tensor.detach())
    assert torch.equal(*drawn), (name, shape, options)
    return drawn[0]


@pytest.mark.parametrize("name", DRAWN)
def test_the_draws_of_torch(name: str):
    for shape, dtype in itertools.product(SHAPES, (torch.float32, torch.float64)):
        same(name, shape, dtype)
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    if name not in {"zeros_", "ones_"}:
        ours, theirs = (
            getattr(module, name)(torch.empty(4, 6), generator=generator)
            for module, generator in zip((init, nn.init), generators, strict=True)
        )
        assert torch.equal(ours, theirs)


def test_options():
    for name, mode, function in itertools.product(
        ("kaiming_uniform_", "kaiming_normal_"), ("fan_in", "fan_out"), FUNCTIONS
    ):
        same(name, (4, 6, 2), a=0.3, mode=mode, nonlinearity=function)
    for name in ("xavier_uniform_", "xavier_normal_", "orthogonal_"):
        same(name, (6, 4), gain=2.5)
    same("constant_", (2, 3), val=0.5)
    same("uniform_", (2, 3), a=-3.0, b=-1.0)
    same("normal_", (2, 3), mean=2.0, std=0.1)


@pytest.mark.parametrize(
    "options",
    [
        {"a": 0.5, "b": 0.6},
        {"mean": 1.0, "a": 3.0, "b": 4.0},
        {"std": 0.02, "a": -0.02, "b": 0.04},
        {"a": -6.0, "b": 0.0},
    ],
)
def test_truncated(options: dict[str, float]):
    for dtype in (torch.float32, torch.bfloat16):
        drawn = same("trunc_normal_", (50, 40), dtype, **options)
        low, high = (torch.tensor(options[bound], dtype=dtype) for bound in "ab")
        assert drawn.min() >= low and drawn.max() <= high


def test_truncated_has_the_density_of_the_normal():
    torch.manual_seed(0)
    tail = init.trunc_normal_(torch.empty(100_000, dtype=torch.float64), a=1.5, b=3.0)
    phi = [math.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) for z in (1.5, 3.0)]
    share = 0.5 * (math.erf(3.0 / math.sqrt(2)) - math.erf(1.5 / math.sqrt(2)))
    assert float(tail.mean()) == pytest.approx((phi[0] - phi[1]) / share, abs=0.005)


def test_matrices():
    for shape in ((3, 5), (5, 3), (4, 2, 3)):
        q = same("orthogonal_", shape, torch.float64).flatten(1)
        product = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
        torch.testing.assert_close(product, torch.eye(len(product), dtype=torch.float64))
    for shape in ((3, 5), (5, 3)):
        same("eye_", shape)
    for shape, groups in (((4, 2, 3), 2), ((6, 2, 3, 3), 3), ((2, 6, 4, 4), 1), ((8, 3, 1, 2, 3), 2)):
        same("dirac_", shape, groups=groups)


def test_gains():
    for name in (*FUNCTIONS, "conv1d", "conv3d", "conv_transpose3d"):
        assert init.calculate_gain(name) == nn.init.calculate_gain(name)
    assert init.calculate_gain("leaky_relu", 0.3) == nn.init.calculate_gain("leaky_relu", 0.3)


def test_variances_of_the_docstring():
    torch.manual_seed(0)
    x, slope = torch.randn(500, 300), 0.2
    weight = init.kaiming_normal_(torch.empty(400, 300), a=slope)
    after = x @ weight.T
    after = torch.where(after > 0, after, slope * after)
    assert float(after.square().mean()) == pytest.approx(1.0, rel=0.05)
    weight = init.xavier_uniform_(torch.empty(300, 300))
    assert float((x @ weight.T).square().mean()) == pytest.approx(1.0, rel=0.05)
    assert float((x @ weight).square().mean()) == pytest.approx(1.0, rel=0.05)


def test_by_name():
    for name in init.BY_NAME:
        weight = torch.empty(4, 3, 3) if name == "dirac" else torch.empty(4, 3)
        drawn = []
        for start in (lambda t, n=name: init.initialize(t, n, **({"val": 1.0} if n == "constant" else {})), None):
            torch.manual_seed(0)
            theirs = getattr(nn.init, f"{name}_")
            drawn.append(
                (start or (theirs if name != "constant" else lambda t: nn.init.constant_(t, 1.0)))(weight).clone()
            )
        assert torch.equal(*drawn), name
    assert init.initialize(torch.empty(2, 2), "zeros_").sum() == 0


def test_nothing_to_draw():
    for name in (*DRAWN, "eye_"):
        assert getattr(init, name)(torch.empty(0, 3)).shape == (0, 3)
        assert getattr(init, name)(torch.empty(2, 3, device="meta")).shape == (2, 3)
    assert init.dirac_(torch.empty(0, 3, 3)).shape == (0, 3, 3)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: init.xavier_normal_(torch.empty(3)), "zeros_"),
        (lambda: init.orthogonal_(torch.empty(3)), "normal"),
        (lambda: init.eye_(torch.empty(3, 3, 3)), "normal"),
        (lambda: init.dirac_(torch.empty(3, 3)), "normal"),
        (lambda: init.dirac_(torch.empty(4, 3, 3), groups=3), "groups"),
        (lambda: init.trunc_normal_(torch.empty(3), a=2.0, b=1.0), "upper as b"),
        (lambda: init.trunc_normal_(torch.empty(3), std=0.0), "std > 0"),
        (lambda: init.calculate_gain("swish"), "nonlinearity"),
        (lambda: init.kaiming_normal_(torch.empty(3, 3), mode="fan"), "mode"),
        (lambda: init.initialize(torch.empty(3, 3), "he"), "kaiming_normal"),
        (lambda: init.initialize(torch.empty(3, 3), "kaiming_normal", gain=2.0), "nonlinearity"),
    ],
)
def test_errors(call, names: str):
    with pytest.raises(InputError, match=names):
        call()
