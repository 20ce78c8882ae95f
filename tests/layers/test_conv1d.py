import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers import conv1d
from netwright.layers.conv1d import Conv1d
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.in_place import written
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

OPTIONS = [{}, {"stride": 2, "padding": 1, "bias": False}, {"groups": 2, "padding": "same", "dilation": 2}]


@pytest.mark.filterwarnings("ignore:Using padding=.same.")  # of torch.nn, which copies there
@settings(max_examples=20)
@given(
    batch=st.integers(0, 3),
    length=st.integers(1, 12),
    groups=st.integers(1, 2),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3) | st.sampled_from(["same", "valid"]),
    dilation=st.integers(1, 3),
    bias=st.booleans(),
)
def test_beside_torch(batch, length, groups, kernel, stride, padding, dilation, bias):
    margin = {"same": 9, "valid": 0}.get(padding, padding)
    assume(length + 2 * margin > dilation * (kernel - 1))
    options = {"padding": padding, "dilation": dilation, "groups": groups, "bias": bias}
    options["stride"] = 1 if padding == "same" else stride
    torch.manual_seed(0)
    ours, theirs = (k(2 * groups, 3 * groups, kernel, **options).double() for k in (Conv1d, nn.Conv1d))
    x = seeded(batch, 2 * groups, length)
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@pytest.mark.parametrize("options", OPTIONS)
def test_derivatives(options: dict):
    prove_derivatives(Conv1d(2, 2, 3, dtype=torch.float64, **options), seeded(2, 2, 5))


def test_torch_samples():
    assert prove_samples(Conv1d, "nn.Conv1d", lambda args, kwargs: kwargs.get("padding_mode", "zeros") != "zeros") >= 4


@pytest.mark.parametrize("options", OPTIONS)
def test_starts_where_torch_starts(options: dict):
    torch.manual_seed(0)
    ours = Conv1d(4, 6, 3, **options)
    torch.manual_seed(0)
    theirs = nn.Conv1d(4, 6, 3, **options)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert repr(ours) == repr(theirs)
    for name in ("in_channels", "kernel_size", "stride", "padding", "dilation", "groups", "output_padding"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_other_forms():
    ours, theirs = (kind(2, 3, 3, padding=1, dtype=torch.float64) for kind in (Conv1d, nn.Conv1d))
    prove(ours, theirs, seeded(2, 5))  # no batch axis
    prove(ours, theirs, scattered(seeded(2, 2, 5)))
    prove(ours, theirs, seeded(2, 5, 2).transpose(1, 2))
    prove_handling(lambda **kind: written(Conv1d(2, 3, 3, stride=2, **kind)), seeded(3, 2, 6))


def test_what_it_gives_may_be_written_into():
    ours, theirs = (kind(2, 3, 3, stride=2, dtype=torch.float64) for kind in (Conv1d, nn.Conv1d))
    prove(written(ours), written(theirs), seeded(3, 2, 6))


def test_whole_numbers_of_numpy():
    ours, theirs = (kind(2, 3, np.int64(3), np.int64(2)).double() for kind in (Conv1d, nn.Conv1d))
    prove(ours, theirs, seeded(3, 2, 6))


def test_no_bias_no_gradient():
    x, weight = seeded(1, 2, 5), seeded(3, 2, 2)
    y, cache = conv1d.forward(x, weight, None, 1, (0, 0), 1, 1)
    assert [g is None for g in conv1d.backward(y, cache)] == [False, False, *[True] * 5]


def test_errors():
    with pytest.raises(InputError, match="groups"):
        Conv1d(3, 4, 3, groups=2)
    with pytest.raises(InputError, match="stride=1"):
        Conv1d(2, 2, 3, padding="same", stride=2)
    with pytest.raises(InputError, match="stride=\\(0,\\)"):
        Conv1d(2, 2, 3, stride=0)
    with pytest.raises(InputError, match="unsqueeze"):
        Conv1d(2, 2, 3)(torch.zeros(5))
