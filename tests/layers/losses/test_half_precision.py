"""Losses of numbers of half precision: sums that are too large for it, and torch.autocast."""

import pytest
import torch
from torch import Tensor, nn

from netwright import layers
from netwright.layers.losses.precision import single
from netwright.layers.losses.reduction import reduced

pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss:UserWarning")
CLASSES = ("NLLLoss", "CrossEntropyLoss")
NAMES = ("MSELoss", "L1Loss", "SmoothL1Loss", "BCELoss", "BCEWithLogitsLoss", "KLDivLoss", *CLASSES)


def pair(name: str, rows: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x, t = (4 * torch.rand(rows, 2, generator=generator) for _ in range(2))
    if name in CLASSES:
        return x.log_softmax(1), (t[:, 0] > 2).long()
    if name == "KLDivLoss":
        return x.log_softmax(1), t.softmax(1)
    return (x / 4, t / 4) if name.startswith("BCE") else (x, t + 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_mean_of_many(name: str):
    x, t = pair(name, 100_000)
    x = x.half()
    t = t.half() if t.is_floating_point() else t
    mine = getattr(layers, name)()(x, t)
    exact = getattr(nn, name)()(x.double(), t.double() if t.is_floating_point() else t)
    assert mine.dtype == torch.float16
    torch.testing.assert_close(mine.double(), exact, rtol=2e-3, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_under_autocast_as_torch_does(name: str):
    x, t = pair(name, 6)
    found = []
    for n in (layers, nn):
        leaf = x.bfloat16().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            loss = getattr(n, name)()(leaf, t)
        found.append((loss, torch.autograd.grad(loss, leaf)[0]))
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other)
    assert found[0][0].dtype == torch.float32


def test_single():
    half, whole = torch.ones(1, dtype=torch.float16), torch.ones(1, dtype=torch.uint8)
    assert single(half, None)[0] is half
    with torch.autocast("cpu", torch.bfloat16):
        found = single(half, whole, None)
    assert found[0].dtype == torch.float32 and found[1] is whole and found[2] is None


def test_whole_numbers():
    assert reduced(torch.tensor([1, 2]), "mean", 2) == 1.5


@pytest.mark.parametrize("beta", [1.0, 0.5, 0.0])
def test_infinitely_far(beta: float):
    target, found = torch.zeros(4), []
    for n in (layers, nn):
        x = torch.tensor([-torch.inf, torch.inf, 0.2, 3.0], requires_grad=True)
        found.append(torch.autograd.grad(n.SmoothL1Loss(beta=beta)(x, target), x)[0])
    torch.testing.assert_close(*found)
