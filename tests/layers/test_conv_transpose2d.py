import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers import conv_transpose2d
from netwright.layers.conv2d import Conv2d
from netwright.layers.conv_transpose2d import ConvTranspose2d
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.in_place import written
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
few = st.tuples(st.integers(0, 2), st.integers(0, 2))
OPTIONS = [
    {},
    {"stride": (2, 3), "padding": (0, 1), "output_padding": (1, 2), "bias": False},
    {"dilation": 2, "padding": 1, "output_padding": 1},
    {"groups": 2, "stride": 2},
]


@settings(max_examples=40)
@given(
    batch=st.integers(0, 3),
    image=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    groups=st.integers(1, 2),
    kernel=pairs,
    stride=pairs,
    padding=few,
    output_padding=few,
    dilation=pairs,
    bias=st.booleans(),
)
def test_beside_torch(batch, image, groups, kernel, stride, padding, output_padding, dilation, bias):
    assume(all(o < max(s, d) for o, s, d in zip(output_padding, stride, dilation, strict=True)))
    sizes = zip(image, kernel, stride, padding, output_padding, dilation, strict=True)
    assume(all((n - 1) * s - 2 * p + d * (k - 1) + o + 1 > 0 for n, k, s, p, o, d in sizes))
    options = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
    options |= {"groups": groups, "bias": bias}
    torch.manual_seed(0)
    kinds = (ConvTranspose2d, nn.ConvTranspose2d)
    ours, theirs = (k(2 * groups, 3 * groups, kernel, **options).double() for k in kinds)
    x = seeded(batch, 2 * groups, *image)
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@pytest.mark.parametrize("options", OPTIONS)
def test_derivatives(options: dict):
    prove_derivatives(ConvTranspose2d(2, 2, 2, dtype=torch.float64, **options), seeded(1, 2, 2, 2))


def test_torch_samples():
    assert prove_samples(ConvTranspose2d, "nn.ConvTranspose2d") >= 2


@pytest.mark.parametrize("options", OPTIONS)
def test_starts_where_torch_starts(options: dict):
    torch.manual_seed(0)
    ours = ConvTranspose2d(4, 6, 3, **options)
    torch.manual_seed(0)
    theirs = nn.ConvTranspose2d(4, 6, 3, **options)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert repr(ours) == repr(theirs)
    for name in ("kernel_size", "stride", "padding", "output_padding", "dilation", "groups", "transposed"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_other_forms():
    ours, theirs = (kind(2, 3, 3, stride=2, dtype=torch.float64) for kind in (ConvTranspose2d, nn.ConvTranspose2d))
    prove(ours, theirs, seeded(2, 4, 5))  # no batch axis
    prove(ours, theirs, scattered(seeded(2, 2, 4, 5)))
    prove(ours, theirs, seeded(2, 2, 4, 5).transpose(2, 3))
    for size in ((9, 12), [10, 11], (2, 3, 10, 12)):
        prove(ours, theirs, seeded(2, 2, 4, 5), size)
    prove_handling(lambda **kind: written(ConvTranspose2d(2, 3, 3, stride=2, **kind)), seeded(3, 2, 3, 3))


@pytest.mark.parametrize("options", OPTIONS)
def test_what_it_gives_may_be_written_into(options: dict):
    ours, theirs = (k(2, 2, 3, dtype=torch.float64, **options) for k in (ConvTranspose2d, nn.ConvTranspose2d))
    prove(written(ours), written(theirs), seeded(2, 2, 4, 5))


def test_whole_numbers_of_numpy():
    two = np.int64(2)
    ours, theirs = (kind(2, 3, two, two, output_padding=np.int64(1)) for kind in (ConvTranspose2d, nn.ConvTranspose2d))
    prove(ours.double(), theirs.double(), seeded(3, 2, 5, 5))


def test_no_bias_no_gradient():
    x, weight = seeded(1, 2, 3, 3), seeded(2, 3, 2, 2)
    y, cache = conv_transpose2d.forward(x, weight, None, (4, 4), (1, 1), (0, 0), (1, 1), 1)
    assert [g is None for g in conv_transpose2d.backward(y, cache)] == [False, False, *[True] * 6]


def test_it_is_the_gradient_of_a_convolution():
    """The gradient of Conv2d by x is ConvTranspose2d going forward, and the other way round."""
    down = Conv2d(2, 3, 3, stride=2, padding=1, bias=False, dtype=torch.float64)
    up = ConvTranspose2d(3, 2, 3, stride=2, padding=1, bias=False, dtype=torch.float64)
    up.load_state_dict(down.state_dict())
    x, g = seeded(2, 2, 7, 7).requires_grad_(), seeded(2, 3, 4, 4).requires_grad_()
    assert torch.equal(torch.autograd.grad(down(x), x, g.detach())[0], up(g))
    assert torch.equal(torch.autograd.grad(up(g), g, x.detach())[0], down(x))


@pytest.mark.parametrize(
    ("made", "mend"),
    [
        (lambda: ConvTranspose2d(2, 2, 3, output_padding=1), "output_padding"),
        (lambda: ConvTranspose2d(2, 2, 3, output_padding=-1), "output_padding"),
        (lambda: ConvTranspose2d(2, 2, 3, stride=0), "stride"),
        (lambda: ConvTranspose2d(2, 2, 3, padding=-1), "padding"),
        (lambda: ConvTranspose2d(2, 2, 3, stride=2)(torch.zeros(1, 2, 3, 3), (9, 7)), "output_size"),
        (lambda: ConvTranspose2d(2, 2, 3, padding_mode="circular"), "padding_mode"),
        (lambda: ConvTranspose2d(2, 2, 3, stride=2)(torch.zeros(1, 3, 3, 3)), "in_channels"),
        (lambda: ConvTranspose2d(2, 2, 1, padding=1)(torch.zeros(1, 2, 1, 1)), "padding"),
    ],
)
def test_errors(made, mend: str):
    with pytest.raises(InputError) as error:
        made()
    assert mend in error.value.fix
