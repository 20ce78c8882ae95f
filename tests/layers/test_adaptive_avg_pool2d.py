import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers.adaptive_avg_pool2d import AdaptiveAvgPool2d
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.in_place import written
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

sizes = st.none() | st.integers(1, 9)


@settings(max_examples=40)
@given(
    leading=st.sampled_from([(3,), (2, 2), (0, 2)]),
    image=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    size=st.integers(1, 9) | st.tuples(sizes, sizes),
)
def test_beside_torch(leading, image, size):
    ours, theirs = AdaptiveAvgPool2d(size), nn.AdaptiveAvgPool2d(size)
    x = seeded(*leading, *image)
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours, theirs, x.float(), exact=1e-5)


@pytest.mark.parametrize("size", [2, (5, 1)])
def test_derivatives(size):
    prove_derivatives(AdaptiveAvgPool2d(size), seeded(1, 2, 3, 3))


def test_torch_samples():
    assert prove_samples(AdaptiveAvgPool2d, "nn.AdaptiveAvgPool2d") >= 2


def test_other_forms():
    ours, theirs = AdaptiveAvgPool2d((2, None)), nn.AdaptiveAvgPool2d((2, None))
    assert repr(ours) == repr(theirs) and repr(AdaptiveAvgPool2d(1)) == repr(nn.AdaptiveAvgPool2d(1))
    prove(ours, theirs, scattered(seeded(2, 2, 5, 5)))
    prove(ours, theirs, seeded(2, 2, 4, 5).transpose(2, 3))
    prove_handling(lambda **kind: written(AdaptiveAvgPool2d((3, 1))), seeded(3, 2, 5, 5))


@pytest.mark.parametrize("size", [1, 4, 5, 10])
def test_what_it_gives_may_be_written_into(size: int):
    prove(written(AdaptiveAvgPool2d(size)), written(nn.AdaptiveAvgPool2d(size)), seeded(2, 3, 5, 5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype):
    """1024 numbers of 100 sum up to more than float16 holds."""
    x = torch.full((1, 1024, 3), 100, dtype=dtype, requires_grad=True)
    y = AdaptiveAvgPool2d(1)(x)
    assert torch.equal(y, torch.full((1, 1, 1), 100, dtype=dtype))
    (g,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(g, torch.full_like(x, 1 / 3072))


def test_errors():
    with pytest.raises(InputError, match="output_size"):
        AdaptiveAvgPool2d(0)(torch.zeros(1, 2, 2))
    with pytest.raises(InputError, match="axes"):
        AdaptiveAvgPool2d(2)(torch.zeros(3))
