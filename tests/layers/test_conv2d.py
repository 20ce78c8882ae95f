import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers import conv2d
from netwright.layers.conv2d import Conv2d
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.in_place import written
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
OPTIONS = [
    {},
    {"stride": (2, 3), "padding": (1, 2), "bias": False},
    {"dilation": (2, 1), "stride": 2, "padding": 2},
    {"groups": 2, "padding": "same", "dilation": 2},
]


@pytest.mark.filterwarnings("ignore:Using padding=.same.")  # of torch.nn, which copies there
@settings(max_examples=40)
@given(
    batch=st.integers(0, 3),
    image=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    groups=st.integers(1, 2),
    kernel=pairs,
    stride=pairs,
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)) | st.sampled_from(["same", "valid"]),
    dilation=pairs,
    bias=st.booleans(),
)
def test_beside_torch(batch, image, groups, kernel, stride, padding, dilation, bias):
    margin = {"same": (9, 9), "valid": (0, 0)}.get(padding, padding)
    assume(all(n + 2 * p > d * (k - 1) for n, p, d, k in zip(image, margin, dilation, kernel, strict=True)))
    options = {"padding": padding, "dilation": dilation, "groups": groups, "bias": bias}
    options["stride"] = 1 if padding == "same" else stride
    torch.manual_seed(0)
    ours, theirs = (k(2 * groups, 3 * groups, kernel, **options).double() for k in (Conv2d, nn.Conv2d))
    x = seeded(batch, 2 * groups, *image)
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@pytest.mark.parametrize("options", OPTIONS)
def test_derivatives(options: dict):
    prove_derivatives(Conv2d(2, 2, 2, dtype=torch.float64, **options), seeded(1, 2, 3, 3))


def test_torch_samples():
    assert prove_samples(Conv2d, "nn.Conv2d", lambda args, kwargs: kwargs.get("padding_mode", "zeros") != "zeros") >= 4


@pytest.mark.parametrize("options", OPTIONS)
def test_starts_where_torch_starts(options: dict):
    ours, theirs = [], []
    for kind, found in ((Conv2d, ours), (nn.Conv2d, theirs)):
        torch.manual_seed(0)
        found += [kind(4, 6, 3, **options), kind(2, 2, (1, 2))]
    for mine, other in zip(ours, theirs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), other.parameters(), strict=True))
        assert repr(mine) == repr(other)
        for name in (
            "in_channels",
            "kernel_size",
            "stride",
            "padding",
            "dilation",
            "groups",
            "transposed",
            "padding_mode",
        ):
            assert getattr(mine, name) == getattr(other, name)


def test_other_forms():
    ours, theirs = (kind(2, 3, 3, padding=1, dtype=torch.float64) for kind in (Conv2d, nn.Conv2d))
    prove(ours, theirs, seeded(2, 4, 5))  # no batch axis
    prove(ours, theirs, scattered(seeded(2, 2, 4, 5)))
    prove(ours, theirs, seeded(2, 2, 4, 5).transpose(2, 3))
    prove(ours, theirs, seeded(2, 2, 4, 5).to(memory_format=torch.channels_last))
    x = seeded(2, 3, 2, 4, 5)
    assert torch.equal(ours(x), ours(x.flatten(0, 1)).unflatten(0, (2, 3)))
    prove_handling(lambda **kind: written(Conv2d(2, 3, 3, stride=2, **kind)), seeded(3, 2, 5, 5))


def test_only_what_is_needed():
    layer = Conv2d(2, 3, 3)
    layer.weight.requires_grad_(False)
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad is None and x.grad is not None and layer.bias.grad is not None


def test_no_bias_no_gradient():
    x, weight = seeded(1, 2, 4, 4), seeded(3, 2, 2, 2)
    y, cache = conv2d.forward(x, weight, None, (1, 1), (0, 0, 0, 0), (1, 1), 1)
    assert [g is None for g in conv2d.backward(y, cache)] == [False, False, *[True] * 5]


def test_what_it_gives_may_be_written_into():
    ours, theirs = (kind(2, 2, 3, padding=1, dtype=torch.float64) for kind in (Conv2d, nn.Conv2d))
    prove(written(ours), written(theirs), seeded(3, 2, 5, 5))
    prove(written(ours), written(theirs), seeded(2, 5, 5))
    x = seeded(3, 2, 5, 5).requires_grad_()
    mine, other = (torch.autograd.grad(layer(x).add_(x).square().sum(), x)[0] for layer in (ours, theirs))
    torch.testing.assert_close(mine, other)


def test_whole_numbers_of_numpy():
    ours, theirs = (kind(2, 3, np.int64(3), (np.int64(2), 1)).double() for kind in (Conv2d, nn.Conv2d))
    prove(ours, theirs, seeded(3, 2, 5, 5))
    assert repr(ours) == repr(nn.Conv2d(2, 3, 3, (2, 1)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch itself, while it loads inductor
@pytest.mark.parametrize("stride", [1, 2])
def test_compiled_for_images_of_many_sizes(stride: int):
    """What is kept for backward must not expect the first image's strides."""
    torch._dynamo.reset()
    layer = Conv2d(2, 3, 3, stride=stride, padding=1)
    compiled = torch.compile(layer, fullgraph=True)
    for height in (8, 10, 13, 9):
        x = torch.randn(2, 2, height, 8, requires_grad=True)
        mine, other = (torch.autograd.grad(f(x).square().sum(), [x, *layer.parameters()]) for f in (compiled, layer))
        torch.testing.assert_close(mine, other)


def test_only_its_own_window():
    """What is not finite in one place stays in the windows that see it."""
    x = torch.ones(1, 1, 5, 5)
    x[0, 0, 0, 0] = torch.inf
    assert Conv2d(1, 1, 2)(x).isfinite().sum() == 15


@pytest.mark.parametrize(
    ("made", "mend"),
    [
        (lambda: Conv2d(3, 4, 3, groups=2), "groups"),
        (lambda: Conv2d(2, 2, 3, padding_mode="reflect"), "padding_mode"),
        (lambda: Conv2d(2, 2, 3, padding="full"), "padding"),
        (lambda: Conv2d(2, 2, 3, padding="same", stride=2), "stride=1"),
        (lambda: Conv2d(2, 2, 3, stride=(1, 0)), "stride"),
        (lambda: Conv2d(2, 2, 0), "kernel_size"),
        (lambda: Conv2d(2, 2, 3, dilation=0), "dilation"),
        (lambda: Conv2d(2, 2, 3, padding=-1), "padding"),
        (lambda: Conv2d(2, 2, 3)(torch.zeros(1, 2, 2, 5)), "kernel_size"),
        (lambda: Conv2d(2, 2, 3)(torch.zeros(5, 5)), "unsqueeze"),
        (lambda: Conv2d(2, 2, 3)(torch.zeros(3, 5, 5)), "in_channels"),
    ],
)
def test_errors(made, mend: str):
    with pytest.raises(InputError) as error:
        made()
    assert mend in error.value.fix
