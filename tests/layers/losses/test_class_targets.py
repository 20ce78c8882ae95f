"""Edges of the two losses whose target is a class: nothing left, out of range, huge logits, wrong shapes and types."""

import pytest
import torch
from torch import nn

from netwright.core.errors import InputError, InputTypeError
from netwright.layers.losses.cross_entropy import CrossEntropyLoss
from netwright.layers.losses.nll import NLLLoss
from tests.layers.proof import prove, prove_pair

BOTH = (NLLLoss, CrossEntropyLoss)


def beside(kind: type[nn.Module]) -> type[nn.Module]:
    return getattr(nn, kind.__name__)


def logits(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_every_row_ignored(kind: type[nn.Module], reduction: str):
    """The mean of nothing is nan, and yet its gradient is zero, as in torch.nn."""
    for ignored, target in ((-100, torch.full((4,), -100)), (1, torch.ones(4, dtype=torch.int64))):
        for smoothing in (0.0, 0.1) if kind is CrossEntropyLoss else (None,):
            options = {"reduction": reduction, "ignore_index": ignored}
            options |= {} if smoothing is None else {"label_smoothing": smoothing}
            for weight in (None, torch.tensor([0.5, 1.0, 2.0]).double()):
                ours, theirs = kind(weight, **options), beside(kind)(weight, **options)
                prove(ours, theirs, logits(4, 3), target, second=False)
                x = logits(4, 3).requires_grad_()
                ours(x, target).sum().backward()
                assert torch.equal(x.grad, torch.zeros_like(x))


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("wrong", [3, -1, -2, 100, -101])
@pytest.mark.parametrize("weight", [None, torch.ones(3).double()])
def test_an_index_that_is_no_class_raises(kind: type[nn.Module], wrong: int, weight: torch.Tensor | None):
    for reduction in ("none", "mean"):
        with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
            kind(weight, reduction=reduction)(logits(4, 3), torch.tensor([0, wrong, -100, 2]))
        with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
            kind(weight, ignore_index=2, reduction=reduction)(logits(4, 3), torch.tensor([0, 1, 2, wrong]))
        with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
            kind(weight, reduction=reduction)(logits(3), torch.tensor(wrong))


@pytest.mark.parametrize("kind", BOTH)
def test_an_index_may_be_ignored_wherever_it_lies(kind: type[nn.Module]):
    for ignored in (-1, 3, 1_000_000, -(2**40)):
        target = torch.tensor([0, ignored, 1, ignored])
        prove(kind(ignore_index=ignored), beside(kind)(ignore_index=ignored), logits(4, 3), target)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_other_integers(kind: type[nn.Module], dtype: torch.dtype):
    """torch.nn takes uint8 alone; -100 stays -100 where uint8 has no such number."""
    target = torch.tensor([0, 2, 1, 0])
    expected = beside(kind)()(logits(4, 3), target)
    torch.testing.assert_close(kind()(logits(4, 3), target.to(dtype)), expected)
    torch.testing.assert_close(kind(ignore_index=156)(logits(4, 3), target.to(dtype)), expected)


def test_logits_of_any_size():
    x = torch.tensor([[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [0.0, 1e4, 9999.0], [1e-4, 0.0, -1e-4]])
    for target in (torch.tensor([0, 1, 2, 0]), torch.softmax(logits(4, 3, dtype=torch.float32), 1)):
        for options in ({}, {"reduction": "none"}, {"label_smoothing": 0.1, "reduction": "none"}):
            prove(CrossEntropyLoss(**options), nn.CrossEntropyLoss(**options), x, target, exact=1e-6)
    assert CrossEntropyLoss()(x[:2, :2], torch.tensor([0, 1])).item() == pytest.approx(0.693147, abs=1e-6)


def test_a_logit_of_minus_infinity():
    x = logits(3, 4)
    x[:, 2] = -torch.inf
    for target in (torch.tensor([0, 1, 3]), torch.tensor([0, 2, 3])):
        options = {"reduction": "none"}
        prove(CrossEntropyLoss(**options), nn.CrossEntropyLoss(**options), x, target, second=False)


def test_smoothing_with_weights_and_ignored_rows():
    """The mean divides by the weights of the true classes alone; by the number of rows where there are mixtures."""
    weight, x, target = torch.tensor([0.5, 2.0, 1.0]).double(), logits(4, 3), torch.tensor([0, -100, 2, 1])
    surprise, kept = -torch.log_softmax(x, 1), torch.tensor([0, 2, 3])
    rows = 0.8 * weight[target[kept]] * surprise[kept, target[kept]] + 0.2 / 3 * (weight * surprise[kept]).sum(1)
    loss = CrossEntropyLoss(weight, label_smoothing=0.2)
    torch.testing.assert_close(loss(x, target), rows.sum() / weight[target[kept]].sum())
    mixed = torch.softmax(logits(4, 3).flip(0), 1)
    expected = (weight * (0.8 * mixed + 0.2 / 3) * surprise).sum() / 4
    torch.testing.assert_close(loss(x, mixed), expected)


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (2, 3, 0)])
def test_no_rows(shape: tuple[int, ...]):
    target = torch.zeros((shape[0], *shape[2:]), dtype=torch.int64)
    for kind in BOTH:
        prove(kind(), beside(kind)(), logits(*shape), target)
        prove_pair(kind(), logits(*shape), target)
    prove(CrossEntropyLoss(), nn.CrossEntropyLoss(), logits(*shape), logits(*shape))


@pytest.mark.parametrize("kind", BOTH)
def test_targets_of_another_shape(kind: type[nn.Module]):
    for shape in ((3,), (5,), (4, 1), ()):
        with pytest.raises(InputError, match="one class index for each row"):
            kind()(logits(4, 3), torch.zeros(shape, dtype=torch.int64))
    with pytest.raises(InputError, match="one class index for each row"):
        kind()(logits(3), torch.zeros(1, dtype=torch.int64))


def test_targets_of_another_type():
    for kind, target in ((NLLLoss, torch.zeros(4)), *((kind, torch.zeros(4, dtype=torch.bool)) for kind in BOTH)):
        with pytest.raises(InputTypeError, match="integers"):
            kind()(logits(4, 3), target)
    with pytest.raises(InputError, match="class probabilities, one for each logit"):
        CrossEntropyLoss()(logits(4, 3), torch.zeros(4))
    with pytest.raises(InputError, match="no index that could be ignored"):
        CrossEntropyLoss(ignore_index=0)(logits(4, 3), logits(4, 3))


@pytest.mark.parametrize("kind", BOTH)
def test_weights_of_another_shape(kind: type[nn.Module]):
    for shape in ((2,), (4,), (3, 1)):
        with pytest.raises(InputError, match="one number a class"):
            kind(torch.ones(shape))(logits(4, 3), torch.zeros(4, dtype=torch.int64))


def test_smoothing_is_a_share():
    for smoothing in (-0.1, 1.1):
        with pytest.raises(InputError, match="label_smoothing"):
            CrossEntropyLoss(label_smoothing=smoothing)
