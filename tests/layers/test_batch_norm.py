import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.core.errors import InputError
from netwright.layers import batch_norm
from netwright.layers.batch_norm import BatchNorm1d, BatchNorm2d
from tests.layers.handling import prove_handling, scattered, seeded
from tests.layers.proof import close, prove, prove_derivatives, prove_pair
from tests.layers.samples import prove_samples

KINDS = {0: (BatchNorm1d, nn.BatchNorm1d), 1: (BatchNorm1d, nn.BatchNorm1d), 2: (BatchNorm2d, nn.BatchNorm2d)}


@settings(max_examples=60)
@given(
    rows=st.integers(1, 5),
    channels=st.integers(1, 3),
    places=st.lists(st.integers(1, 3), max_size=2),
    momentum=st.sampled_from([None, 0.1, 0.7]),
    options=st.fixed_dictionaries(
        {"affine": st.booleans(), "bias": st.booleans(), "track_running_stats": st.booleans(), "eps": st.just(1e-3)}
    ),
    training=st.booleans(),
)
def test_beside_torch(
    rows: int, channels: int, places: list[int], momentum: float | None, options: dict, training: bool
):
    x = seeded(rows, channels, *places) * 3 + 1
    torch.manual_seed(0)
    kinds = KINDS[len(places)]
    ours, theirs = (k(channels, momentum=momentum, dtype=torch.float64, **options).train(training) for k in kinds)
    for parameter in theirs.parameters():
        nn.init.normal_(parameter)
    if options["track_running_stats"]:
        theirs.running_mean.normal_()
        theirs.running_var.uniform_(0.5, 2)
    count = rows * math.prod(places)
    if count == 1 and (training or not options["track_running_stats"]):
        with pytest.raises(ValueError), torch.no_grad():
            theirs(x)
        with pytest.raises(InputError, match="eval"):
            ours(x)
        return
    prove(ours, theirs, x)
    prove_pair(ours, x)
    if count > 2:  # of two numbers the gradient is 0 but for rounding
        prove(ours.float(), theirs.float(), x.float(), exact=1e-5)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"bias": False}])
def test_derivatives(options: dict[str, bool], training: bool):
    prove_derivatives(Bare(BatchNorm1d(2, dtype=torch.float64, **options).train(training)), seeded(3, 2, 2))


class Bare(nn.Module):
    """A batch normalisation that gives all its outputs, and remembers nothing."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> object:
        return batch_norm.BatchNormFunction.apply(*self.layer.arguments(x))


def test_given_mean_and_variance_have_gradients():
    given = [seeded(3, 2), seeded(2), seeded(2, seed=1), seeded(2, seed=2), seeded(2, seed=3).exp()]
    given = [t.requires_grad_() for t in given]
    assert torch.autograd.gradcheck(lambda *a: batch_norm.BatchNormFunction.apply(*a, 0.1), given)
    assert torch.autograd.gradgradcheck(lambda *a: batch_norm.BatchNormFunction.apply(*a, 0.1), given)


def test_torch_samples():
    assert prove_samples(BatchNorm1d, "nn.BatchNorm1d") >= 4
    assert prove_samples(BatchNorm2d, "nn.BatchNorm2d") >= 4


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_numbers_over_many_batches(momentum: float | None):
    ours, theirs = (k(3, momentum=momentum, dtype=torch.float64) for k in (BatchNorm2d, nn.BatchNorm2d))
    for step in range(5):
        for layer in (ours, theirs):
            layer(seeded(4 if step else 0, 3, 2, 2, seed=step) * step)
    for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        close(mine, other, 1e-12, "a running number")
    assert ours.num_batches_tracked == 5
    evaluated = [layer.eval()(seeded(2, 3, 1, 1)).detach() for layer in (ours, theirs)]
    close(*evaluated, 1e-12, "evaluation")
    for layer in (ours, theirs):
        layer.reset_parameters()
    for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        assert torch.equal(mine, other)


def test_beside_torch_in_every_other_way():
    for options in (
        {},
        {"affine": False},
        {"bias": False},
        {"eps": 0.5, "momentum": None},
        {"track_running_stats": False},
    ):
        for kind, (ours, theirs) in KINDS.items():
            mine, other = ours(4, **options), theirs(4, **options)
            assert repr(mine) == repr(other), kind
            assert list(mine.state_dict()) == list(other.state_dict())
            assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), other.parameters(), strict=True))
    for training in (True, False):
        ours, theirs = (k(4, dtype=torch.float64).train(training) for k in KINDS[2])
        prove(ours, theirs, scattered(seeded(3, 4, 2, 3)))
        prove(ours, theirs, seeded(3, 4, 2, 3).contiguous(memory_format=torch.channels_last))
        prove(ours, theirs, torch.full((2, 4, 2, 2), 3.5, dtype=torch.float64))  # no variance
        prove(ours, theirs, seeded(0, 4, 2, 2))
    prove_handling(lambda **kind: BatchNorm1d(6, **kind), seeded(3, 6), rows=False)
    prove_handling(lambda **kind: BatchNorm1d(6, momentum=None, **kind), seeded(3, 6, 2), rows=False)
    prove_handling(lambda **kind: BatchNorm2d(2, **kind).eval(), seeded(3, 2, 2, 2))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("training", [True, False])
def test_half_precision(kind: torch.dtype, training: bool):
    x, g = (300 * seeded(16, 8, 9) + 100).to(kind), seeded(16, 8, 9, seed=1).to(kind)
    found = []
    for layer in (BatchNorm1d(8).train(training), nn.BatchNorm1d(8).train(training)):  # weights in float32
        leaf = x.clone().requires_grad_()
        y = layer(leaf)
        found.append((y, layer.running_var, *torch.autograd.grad(y, [leaf, *layer.parameters()], g)))
    for mine, other in zip(*found, strict=True):
        assert mine.dtype == other.dtype
        torch.testing.assert_close(mine, other, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(BatchNorm1d(3), (4,)), (BatchNorm1d(3), (4, 3, 2, 2)), (BatchNorm2d(3), (4, 3)), (BatchNorm1d(1), (4, 3))],
)
def test_errors(layer: nn.Module, shape: tuple[int, ...]):
    with pytest.raises(InputError, match="num_features"):
        layer(torch.zeros(shape))
    with pytest.raises(InputError, match="larger batches"):
        layer(torch.zeros(1, layer.num_features, *[1] * (isinstance(layer, BatchNorm2d) * 2)))


def test_running_numbers_in_half_precision():
    """The batch's variance is too large for float16; the running one is not."""
    x = torch.tensor([[-300.0], [300.0]] * 8).half()
    layer, exact = BatchNorm1d(1), nn.BatchNorm1d(1)
    layer.half()(x)
    exact(x.float())
    assert layer.running_var.dtype == torch.float16
    torch.testing.assert_close(layer.running_var.float(), exact.running_var, rtol=1e-3, atol=0)
    torch.testing.assert_close(layer.eval()(x).float(), exact.eval()(x.float()), rtol=2e-3, atol=0)
