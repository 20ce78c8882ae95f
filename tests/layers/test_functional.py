import inspect
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as theirs
from torch.overrides import get_testing_overrides

from netwright.core.errors import InputError
from netwright.layers import functional as ours
from tests.layers.handling import seeded, torch_compiles
from tests.layers.proof import close

X, IMAGES, LINES = seeded(4, 3), seeded(2, 4, 9, 8), seeded(2, 4, 9)
OTHER, SHARES = seeded(4, 3, seed=1), seeded(4, 3, seed=2).softmax(1)
WHOLE, WEIGHTS = torch.tensor([0, 2, 1, -100]), torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
HEADS = seeded(2, 5, 4)

CALLS: list[tuple[str, tuple, dict[str, Any]]] = [
    ("linear", (X, seeded(2, 3), seeded(2)), {}),
    ("linear", (X, seeded(2, 3)), {}),
    ("bilinear", (X, seeded(4, 2), seeded(5, 3, 2), seeded(5)), {}),
    ("embedding", (torch.tensor([[1, 0], [4, 1]]), seeded(5, 3), -1), {"scale_grad_by_freq": True}),
    ("conv1d", (LINES, seeded(6, 2, 3), seeded(6), 2, 1, 2, 2), {}),
    ("conv1d", (LINES, seeded(6, 4, 3)), {"padding": "same"}),
    ("conv2d", (IMAGES, seeded(6, 2, 3, 2), seeded(6), (2, 1), 1, (1, 2), 2), {}),
    ("conv2d", (IMAGES[0], seeded(6, 4, 3, 3)), {"padding": "valid"}),
    ("conv_transpose2d", (IMAGES, seeded(4, 3, 3, 2), seeded(6), (2, 3), 1, 1, 2, 2), {}),
    ("max_pool2d", (IMAGES, 3, 2, 1), {"ceil_mode": True}),
    ("max_pool2d", (IMAGES, (2, 3)), {"return_indices": True}),
    ("avg_pool2d", (IMAGES, 3, 2, 1, True, False), {}),
    ("avg_pool2d", (IMAGES, 2), {"divisor_override": 3}),
    ("adaptive_avg_pool2d", (IMAGES, (4, None)), {}),
    ("relu", (X,), {}),
    ("leaky_relu", (X, 0.3), {}),
    ("sigmoid", (X,), {}),
    ("tanh", (X,), {}),
    ("gelu", (X,), {}),
    ("gelu", (X,), {"approximate": "tanh"}),
    ("silu", (X,), {}),
    ("mish", (X,), {}),
    ("softplus", (X, 2.0, 10.0), {}),
    ("softmax", (X, -1), {}),
    ("softmax", (X.float(),), {"dim": 0, "dtype": torch.float64}),
    ("softmax", (X,), {}),
    ("log_softmax", (X, 1), {}),
    ("log_softmax", (X.float(),), {"dtype": torch.float64}),
    ("dropout", (X,), {}),
    ("dropout", (X, 0.3, False), {}),
    ("layer_norm", (X, (3,), seeded(3), seeded(3, seed=1)), {}),
    ("rms_norm", (X, (4, 3), seeded(4, 3)), {}),
    ("group_norm", (IMAGES, 2, seeded(4), seeded(4, seed=1), 0.1), {}),
    ("group_norm", (IMAGES, 4), {}),
    ("batch_norm", (IMAGES, None, None, seeded(4), seeded(4, seed=1), True), {}),
    ("batch_norm", (X, seeded(3), seeded(3).exp()), {}),
    ("scaled_dot_product_attention", (HEADS, HEADS + 1, HEADS.flip(0)), {"is_causal": True}),
    ("cross_entropy", (X, WHOLE), {"weight": WEIGHTS, "label_smoothing": 0.1}),
    ("cross_entropy", (X, SHARES), {"reduction": "none"}),
    ("nll_loss", (X, WHOLE), {"weight": WEIGHTS, "reduction": "sum"}),
    ("mse_loss", (X, OTHER), {"reduction": "sum"}),
    ("l1_loss", (X, OTHER), {}),
    ("smooth_l1_loss", (X, OTHER), {"beta": 0.5}),
    ("binary_cross_entropy", (X.sigmoid(), SHARES), {"weight": WEIGHTS}),
    ("binary_cross_entropy_with_logits", (X, SHARES), {"weight": WEIGHTS, "pos_weight": WEIGHTS + 1}),
    ("kl_div", (X, SHARES), {"reduction": "batchmean"}),
    ("kl_div", (X, OTHER), {"log_target": True}),
]


def results(call: Any, given: tuple, options: dict[str, Any]) -> list[Tensor]:
    """What a function gives, and the gradients of all it is given."""
    tensors = [t.clone().requires_grad_() if isinstance(t, Tensor) and t.is_floating_point() else t for t in given]
    if call in (ours.batch_norm, theirs.batch_norm):  # what it remembers is not differentiated
        tensors[1:3] = [t if t is None else t.detach() for t in tensors[1:3]]
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Implicit dimension choice|reduction: 'mean' divides")
        found = call(*tensors, **options)
    y, *others = found if isinstance(found, tuple) else (found,)
    wanted = [t for t in tensors if isinstance(t, Tensor) and t.requires_grad]
    cotangent = torch.linspace(1, 2, y.numel(), dtype=y.dtype).reshape(y.shape)
    return [y.detach(), *others, *torch.autograd.grad(y, wanted, cotangent)]


@pytest.mark.parametrize("name, given, options", CALLS)
def test_beside_torch(name: str, given: tuple, options: dict[str, Any]):
    mine, other = (results(getattr(module, name), given, options) for module in (ours, theirs))
    exact = 1e-10 if given[0].dtype != torch.float32 else 1e-6
    for i, (a, b) in enumerate(zip(mine, other, strict=True)):
        close(a, b, exact, f"result {i}")


def test_the_functions_are_all_that_is_listed():
    assert dir(ours) == ours.__all__ == sorted(ours.__all__)
    assert {name for name, _, _ in CALLS} | {"smooth_step"} == set(ours.__all__)
    assert all(inspect.isfunction(getattr(ours, name)) for name in ours.__all__)


def test_arguments_have_torchs_names_order_and_defaults():
    signatures = get_testing_overrides()
    for name in set(ours.__all__) - {"smooth_step", "scaled_dot_product_attention"}:
        function = getattr(theirs, name)
        try:
            there = inspect.signature(function).parameters
            there = inspect.signature(signatures[function]).parameters if "args" in there else there
        except ValueError:  # built in
            there = inspect.signature(signatures[function]).parameters
        here = inspect.signature(getattr(ours, name)).parameters
        assert [key for key in there if key in here] == list(here), name
        for key, parameter in here.items():
            assert parameter.default == there[key].default, (name, key)


def test_smooth_step():
    x = torch.tensor([-1.0, 0.5, 2.0])
    assert ours.smooth_step(x).tolist() == [0.0, 0.5, 1.0]
    assert ours.smooth_step(x, clamp=False).tolist() == [-31.0, 0.5, 32.0]


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "silu", "mish", "dropout"])
def test_in_place_is_taken_and_overwrites_nothing(name: str):
    x, found = X.clone(), []
    for inplace in (True, False):
        torch.manual_seed(0)
        found.append(getattr(ours, name)(x, inplace=inplace))
    assert torch.equal(x, X) and torch.equal(*found)


def test_running_statistics_follow():
    mine, other = ([seeded(3), seeded(3).exp()] for _ in range(2))
    ours.batch_norm(X, *mine, training=True, momentum=0.3)
    theirs.batch_norm(X, *other, training=True, momentum=0.3)
    torch.testing.assert_close(mine, other)


def test_compiled():
    """Modules that a function makes for itself break no graph."""

    def call(x: Tensor, weight: Tensor) -> Tensor:
        y = ours.dropout(ours.avg_pool2d(ours.conv2d(x, weight, padding="same"), 2), training=False).flatten(1)
        return ours.cross_entropy(y, WHOLE[:2], counts) + ours.mse_loss(y, y * 2)

    torch._dynamo.reset()
    weight, counts = seeded(6, 4, 3, 3).requires_grad_(), seeded(96).exp()
    with torch_compiles():
        found = [f(IMAGES, weight) for f in (call, torch.compile(call, fullgraph=True, backend="aot_eager"))]
    torch.testing.assert_close(*found)
    torch.testing.assert_close(*(torch.autograd.grad(y, weight) for y in found))


@pytest.mark.parametrize(
    "name, given, options, words",
    [
        ("gelu", (X,), {"approximate": "sine"}, "Leave approximate out"),
        ("bilinear", (X, seeded(4, 2), seeded(5, 2, 3)), {}, "input1 and input2"),
        ("conv2d", (IMAGES, seeded(6, 2, 3, 3)), {"groups": 4}, "groups"),
        ("conv2d", (IMAGES, seeded(6, 4, 3, 3)), {"padding": "some"}, "padding"),
        ("conv_transpose2d", (IMAGES, seeded(4, 2, 3, 3)), {"output_padding": 1}, "output_padding"),
        ("layer_norm", (X, (4,)), {}, "normalized_shape"),
        ("rms_norm", (X, (3,), seeded(1)), {}, "Give weight"),
        ("group_norm", (IMAGES, 3), {}, "num_groups"),
        ("batch_norm", (X, seeded(1), seeded(1)), {}, "Give running_mean"),
        ("embedding", (WHOLE, X), {"sparse": True}, "sparse"),
        ("dropout", (X, 2.0), {}, "p="),
        ("kl_div", (X, X), {"reduction": "median"}, "reduction"),
    ],
)
def test_what_is_refused(name: str, given: tuple, options: dict[str, Any], words: str):
    with pytest.raises(InputError, match=words):
        getattr(ours, name)(*given, **options)
