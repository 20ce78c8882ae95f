import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers.max_pool2d import MaxPool2d
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.in_place import written
from tests.layers.proof import prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=40)
@given(
    leading=st.sampled_from([(3,), (2, 2), (0, 2), (2, 0)]),
    image=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    kernel=pairs | st.integers(1, 3),
    stride=pairs | st.none(),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=pairs,
    ceil_mode=st.booleans(),
    values=st.sampled_from(["normal", "ties", "lowest"]),
)
def test_beside_torch(leading, image, kernel, stride, padding, dilation, ceil_mode, values):
    k = (kernel, kernel) if isinstance(kernel, int) else kernel
    windows = [d * (n - 1) + 1 for n, d in zip(k, dilation, strict=True)]
    assume(all(p <= w // 2 and n + 2 * p >= w for n, p, w in zip(image, padding, windows, strict=True)))
    assume(all(p <= n // 2 for n, p in zip(k, padding, strict=True)))  # torch.nn does not count the dilation there
    assume(leading != (2, 0))  # torch.nn takes no images without channels
    x = seeded(*leading, *image)
    x = {"normal": x, "ties": x.round(), "lowest": torch.where(x > 0, x, -torch.inf)}[values]
    options = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    ours, theirs = (kind(kernel, return_indices=True, **options) for kind in (MaxPool2d, nn.MaxPool2d))
    prove(ours, theirs, x)
    if values != "lowest":  # autograd through a maximum shares the gradient where numbers are equal
        prove_pair(ours, x if values == "normal" else seeded(*leading, *image, seed=1))
    prove(ours, theirs, x.float(), exact=1e-5)


def test_derivatives():
    prove_derivatives(MaxPool2d(2, stride=1, padding=1), seeded(1, 2, 3, 3))


def test_torch_samples():
    assert prove_samples(MaxPool2d, "nn.MaxPool2d") >= 2


def test_of_equals_the_first_and_of_no_numbers_the_last():
    for value in (torch.tensor([[1.0, 1], [1, 1]]), torch.tensor([[2.0, torch.nan], [torch.nan, 3]])):
        x = value[None].expand(1, 2, 2)
        mine, theirs = (kind(2, return_indices=True)(x) for kind in (MaxPool2d, nn.MaxPool2d))
        assert torch.equal(mine[1], theirs[1])
        torch.testing.assert_close(mine[0], theirs[0], equal_nan=True)
    x = torch.where(seeded(2, 3, 9, 9) > 1, torch.nan, seeded(2, 3, 9, 9))
    prove(MaxPool2d(3, 2, 1, return_indices=True), nn.MaxPool2d(3, 2, 1, return_indices=True), x)


def test_other_forms():
    ours, theirs = MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(2, ceil_mode=True)
    assert repr(ours) == repr(theirs) and repr(MaxPool2d((2, 3), 1)) == repr(nn.MaxPool2d((2, 3), 1))
    prove(ours, theirs, scattered(seeded(2, 2, 5, 5)))
    prove(ours, theirs, seeded(2, 2, 4, 5).transpose(2, 3))
    assert torch.equal(MaxPool2d(2)(torch.arange(16).reshape(1, 4, 4)), torch.tensor([[[5, 7], [13, 15]]]))
    prove_handling(lambda **kind: written(MaxPool2d(3, 2, 1)), seeded(3, 2, 5, 5))


@pytest.mark.parametrize("size", [1, 2])
def test_what_it_gives_may_be_written_into(size: int):
    prove(written(MaxPool2d(size)), written(nn.MaxPool2d(size)), seeded(2, 3, 5, 5))
    y, index = MaxPool2d(size, return_indices=True)(seeded(2, 3, 5, 5).requires_grad_())
    assert y.add_(1).requires_grad and len(index.add_(1)) == 2


def test_whole_numbers_of_numpy():
    ours, theirs = (kind(np.int64(2), np.int64(1)) for kind in (MaxPool2d, nn.MaxPool2d))
    prove(ours, theirs, seeded(2, 3, 5, 5))
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize(
    ("made", "mend"),
    [
        (lambda: MaxPool2d(3)(torch.zeros(1, 2, 2)), "kernel_size"),
        (lambda: MaxPool2d(2, 2, 2)(torch.zeros(1, 4, 4)), "padding"),
        (lambda: MaxPool2d(2, 0), "stride"),
        (lambda: MaxPool2d(2, padding=-1), "padding"),
        (lambda: MaxPool2d(2)(torch.zeros(3)), "axes"),
    ],
)
def test_errors(made, mend: str):
    with pytest.raises(InputError) as error:
        made()
    assert mend in error.value.fix
