import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers.avg_pool2d import AvgPool2d
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.in_place import written
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(max_examples=40)
@given(
    leading=st.sampled_from([(3,), (2, 2), (0, 2)]),
    image=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    kernel=pairs | st.integers(1, 4),
    stride=pairs | st.none(),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    ceil_mode=st.booleans(),
    count_include_pad=st.booleans(),
    divisor_override=st.none() | st.integers(1, 5),
)
def test_beside_torch(leading, image, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override):
    k = (kernel, kernel) if isinstance(kernel, int) else kernel
    assume(all(p <= w // 2 and n + 2 * p >= w for n, p, w in zip(image, padding, k, strict=True)))
    options = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    ours, theirs = (kind(kernel, divisor_override=divisor_override, **options) for kind in (AvgPool2d, nn.AvgPool2d))
    x = seeded(*leading, *image)
    prove(ours, theirs, x)
    prove_pair(ours, x)
    prove(ours, theirs, x.float(), exact=1e-5)


@pytest.mark.parametrize("options", [{}, {"stride": 1, "padding": 1, "count_include_pad": False}, {"ceil_mode": True}])
def test_derivatives(options: dict):
    prove_derivatives(AvgPool2d(2, **options), seeded(1, 2, 3, 3))


def test_torch_samples():
    assert prove_samples(AvgPool2d, "nn.AvgPool2d") >= 1


def test_other_forms():
    ours, theirs = AvgPool2d(2, ceil_mode=True), nn.AvgPool2d(2, ceil_mode=True)
    assert repr(ours) == repr(theirs) and repr(AvgPool2d((2, 3), 1)) == repr(nn.AvgPool2d((2, 3), 1))
    prove(ours, theirs, scattered(seeded(2, 2, 5, 5)))
    prove(ours, theirs, seeded(2, 2, 4, 5).transpose(2, 3))
    prove_handling(lambda **kind: written(AvgPool2d(3, 2, 1, count_include_pad=False)), seeded(3, 2, 5, 5))
    x = torch.ones(1, 4, 4)
    x[0, 0, 0] = torch.inf
    assert AvgPool2d(2)(x).isfinite().sum() == 3  # what is not finite stays in its window


@pytest.mark.parametrize("size", [1, 2])
def test_what_it_gives_may_be_written_into(size: int):
    prove(written(AvgPool2d(size)), written(nn.AvgPool2d(size)), seeded(2, 3, 5, 5))


def test_whole_numbers_of_numpy():
    ours, theirs = (kind(np.int64(2), np.int64(1)) for kind in (AvgPool2d, nn.AvgPool2d))
    prove(ours, theirs, seeded(2, 3, 5, 5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype):
    """1024 numbers of 100 sum up to more than float16 holds, as do the gradients of windows that overlap."""
    assert torch.equal(
        AvgPool2d(32)(torch.full((1, 32, 32), 100, dtype=dtype)), torch.full((1, 1, 1), 100, dtype=dtype)
    )
    x, g = seeded(1, 33, 33).to(dtype).requires_grad_(), torch.full((1, 30, 30), 60000, dtype=dtype)
    results = []
    for layer in (AvgPool2d(4, 1), nn.AvgPool2d(4, 1)):
        given = x if type(layer) is AvgPool2d else x.double()
        y = layer(given)
        results.append([y.to(dtype), *torch.autograd.grad(y, x, g.to(y.dtype))])
    for mine, other in zip(*results, strict=True):
        assert mine.dtype == dtype
        torch.testing.assert_close(mine, other)


def test_whole_numbers_stay_so():
    x = torch.arange(16).reshape(1, 4, 4)
    assert torch.equal(AvgPool2d(2)(-x), nn.AvgPool2d(2)(-x))


@pytest.mark.parametrize(
    ("made", "mend"),
    [
        (lambda: AvgPool2d(3)(torch.zeros(1, 2, 2)), "kernel_size"),
        (lambda: AvgPool2d(2, 0), "stride"),
        (lambda: AvgPool2d(2, padding=-1), "padding"),
        (lambda: AvgPool2d(2)(torch.zeros(3)), "axes"),
    ],
)
def test_errors(made, mend: str):
    with pytest.raises(InputError) as error:
        made()
    assert mend in error.value.fix
