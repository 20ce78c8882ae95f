"""Every layer and every loss written by hand: the same numbers in every tier, no graph break, and a clean bill of
`nw.check_layer`. A further layer is a further line.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netwright as nw
from netwright import layers
from netwright.core.plan import NAMED, Plan
from netwright.core.trees import leaves
from netwright.layers.backpropagate import backpropagate

ROWS = 10


def numbers(*shape: int) -> Tensor:
    return torch.randn(ROWS, *shape, generator=torch.Generator().manual_seed(len(shape)))


def whole(high: int, *shape: int) -> Tensor:
    return torch.randint(high, (ROWS, *shape), generator=torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class Case:
    """A layer, what it is called with, and whether torch.nn has it."""

    make: Callable[[Any], nn.Module]
    inputs: tuple[Tensor, ...]
    known: bool = True


CASES = {
    "Linear": Case(lambda n: n.Linear(4, 3), (numbers(4),)),
    "Bilinear": Case(lambda n: n.Bilinear(4, 3, 2), (numbers(4), numbers(3))),
    "Conv1d": Case(lambda n: n.Conv1d(2, 4, 3, stride=2, padding=1, groups=2), (numbers(2, 9),)),
    "Conv2d": Case(lambda n: n.Conv2d(2, 4, 3, stride=2, padding=1, dilation=2), (numbers(2, 9, 8),)),
    "ConvTranspose2d": Case(
        lambda n: n.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), (numbers(2, 4, 5),)
    ),
    "MaxPool2d": Case(lambda n: n.MaxPool2d(3, 2, 1), (numbers(2, 7, 8),)),
    "AvgPool2d": Case(lambda n: n.AvgPool2d(2), (numbers(2, 6, 6),)),
    "AdaptiveAvgPool2d": Case(lambda n: n.AdaptiveAvgPool2d((2, 3)), (numbers(2, 7, 7),)),
    "Flatten": Case(lambda n: n.Flatten(), (numbers(2, 3),)),
    "Embedding": Case(lambda n: n.Embedding(7, 3), (whole(7, 4),)),
    "BatchNorm1d": Case(lambda n: n.BatchNorm1d(3), (numbers(3),)),
    "BatchNorm2d": Case(lambda n: n.BatchNorm2d(3), (numbers(3, 4, 4),)),
    "LayerNorm": Case(lambda n: n.LayerNorm(5), (numbers(3, 5),)),
    "RMSNorm": Case(lambda n: n.RMSNorm(5), (numbers(3, 5),)),
    "GroupNorm": Case(lambda n: n.GroupNorm(2, 4), (numbers(4, 3),)),
    "Dropout": Case(lambda n: n.Dropout(0.3), (numbers(5),)),
    "Identity": Case(lambda n: n.Identity(), (numbers(5),)),
    "RNN": Case(lambda n: n.RNN(3, 4, num_layers=2, bidirectional=True, batch_first=True), (numbers(5, 3),)),
    "LSTM": Case(lambda n: n.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True), (numbers(5, 3),)),
    "GRU": Case(lambda n: n.GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True), (numbers(5, 3),)),
    "MultiheadAttention": Case(
        lambda n: n.MultiheadAttention(4, 2, batch_first=True), (numbers(5, 4), numbers(6, 4), numbers(6, 4))
    ),
    "TransformerEncoderLayer": Case(
        lambda n: n.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True), (numbers(5, 4),)
    ),
    "ReLU": Case(lambda n: n.ReLU(), (numbers(5),)),
    "LeakyReLU": Case(lambda n: n.LeakyReLU(0.1), (numbers(5),)),
    "Sigmoid": Case(lambda n: n.Sigmoid(), (numbers(5),)),
    "Tanh": Case(lambda n: n.Tanh(), (numbers(5),)),
    "Softmax": Case(lambda n: n.Softmax(1), (numbers(5),)),
    "LogSoftmax": Case(lambda n: n.LogSoftmax(1), (numbers(5),)),
    "GELU": Case(lambda n: n.GELU(), (numbers(5),)),
    "SiLU": Case(lambda n: n.SiLU(), (numbers(5),)),
    "Mish": Case(lambda n: n.Mish(), (numbers(5),)),
    "Softplus": Case(lambda n: n.Softplus(), (numbers(5),)),
    "SmoothStep": Case(lambda n: n.SmoothStep(), (numbers(5),), known=False),
}
LOSSES = {
    "MSELoss": (lambda n: n.MSELoss(), numbers(3)),
    "L1Loss": (lambda n: n.L1Loss(), numbers(3)),
    "SmoothL1Loss": (lambda n: n.SmoothL1Loss(beta=0.5), numbers(3)),
    "CrossEntropyLoss": (lambda n: n.CrossEntropyLoss(torch.tensor([1.0, 2, 3]), label_smoothing=0.1), whole(3)),
    "BCEWithLogitsLoss": (lambda n: n.BCEWithLogitsLoss(), numbers(3).sigmoid()),
    "BCELoss": (lambda n: n.BCELoss(), numbers(3).sigmoid()),
    "NLLLoss": (lambda n: n.NLLLoss(ignore_index=1), whole(3)),
    "KLDivLoss": (lambda n: n.KLDivLoss(reduction="batchmean"), numbers(3).softmax(1)),
}
BEFORE = {"BCELoss": "Sigmoid", "NLLLoss": "LogSoftmax", "KLDivLoss": "LogSoftmax"}
each = pytest.mark.parametrize("name", CASES)
each_loss = pytest.mark.parametrize("name", LOSSES)


def test_nothing_is_left_out():
    every = (getattr(layers, name) for name in layers.__all__)
    ours = [kind for kind in every if isinstance(kind, type) and kind.__module__.startswith("netwright.")]
    assert {kind.__name__ for kind in ours if issubclass(kind, nn.Module)} <= {*CASES, *LOSSES} | FUSED


FUSED = {"LinearReLU", "LinearCrossEntropyLoss"}
"""Without a twin in torch.nn of 2.11; tests/layers/fused proves them."""


class Network(nn.Module):
    """The layer, with weights before it and after it, so that gradients go through it."""

    def __init__(self, namespace: Any, name: str) -> None:
        super().__init__()
        case = CASES[name]
        self.scale = nn.Parameter(torch.ones(()))
        self.layer = case.make(namespace)

    def forward(self, *inputs: Tensor) -> Tensor:
        given = [x * self.scale if x.is_floating_point() else x for x in inputs]
        return next(leaves(self.layer(*given))) * self.scale


class Ending(nn.Module):
    """A linear layer and what must stand before a loss."""

    def __init__(self, namespace: Any, loss: str) -> None:
        super().__init__()
        self.linear = namespace.Linear(4, 3)
        before = BEFORE.get(loss)
        self.last = (
            namespace.Identity() if before is None else getattr(namespace, before)(*([1] if "Soft" in before else []))
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.linear(x))


def made(kind: Callable[..., nn.Module], namespace: Any, name: str) -> nn.Module:
    torch.manual_seed(0)
    return kind(namespace, name)


def trained(module: nn.Module, data: tuple, loss: Any, plan: Plan) -> tuple[nn.Module, nw.Fit]:
    """Six steps, the last of each epoch on fewer rows."""
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nw.NetwrightWarning)
        fit = nw.fit(module, data, loss=loss, optimizer=optimizer, epochs=2, batch_size=4, plan=plan, progress=False)
    return module, fit


def square(output: Tensor, target: Tensor) -> Tensor:
    return (output - target.reshape(-1, *[1] * (output.dim() - 1))).square().mean()


def assert_near(mine: tuple[nn.Module, nw.Fit], other: tuple[nn.Module, nw.Fit], exact: float) -> None:
    state, wanted = mine[0].state_dict(), other[0].state_dict()
    assert list(state) == list(wanted)
    for name in wanted:
        torch.testing.assert_close(state[name], wanted[name], rtol=exact, atol=exact)
    torch.testing.assert_close(mine[1].losses["loss"], other[1].losses["loss"], rtol=exact, atol=exact)


@each
def test_every_tier_gives_the_numbers_of_torch(name: str):
    case = CASES[name]
    batches = (*case.inputs, numbers()) if len(case.inputs) == 1 else (case.inputs, numbers())
    eager = trained(made(Network, layers, name), batches, square, Plan())
    traced = trained(made(Network, layers, name), batches, square, Plan(tier="traced"))
    looped = trained(made(Network, layers, name), batches, square, NAMED["traced"])
    assert not traced[1].plan.notes and not looped[1].plan.notes
    assert_near(traced, eager, 0.0)
    assert_near(looped, eager, 1e-5)
    if case.known:
        assert_near(eager, trained(made(Network, nn, name), batches, square, Plan()), 1e-5)


@pytest.mark.slow
@each
def test_the_compiled_tier_gives_the_numbers_of_torch(name: str):
    case = CASES[name]
    batches = (*case.inputs, numbers()) if len(case.inputs) == 1 else (case.inputs, numbers())
    compiled = trained(made(Network, layers, name), batches, square, NAMED["compiled"])
    assert not compiled[1].plan.notes
    assert {stretch.plan.tier for stretch in compiled[1].plan.stretches} == {"compiled"}
    assert_near(compiled, trained(made(Network, layers, name), batches, square, Plan()), 1e-5)


@each_loss
def test_every_tier_gives_the_losses_of_torch(name: str):
    make, target = LOSSES[name]
    data = (numbers(4), target)
    eager = trained(made(Ending, layers, name), data, make(layers), Plan())
    traced = trained(made(Ending, layers, name), data, make(layers), Plan(tier="traced"))
    assert not traced[1].plan.notes
    assert_near(traced, eager, 0.0)
    assert_near(eager, trained(made(Ending, nn, name), data, make(nn), Plan()), 1e-5)


@each_loss
def test_no_graph_break_in_a_loss(name: str):
    make, target = LOSSES[name]
    loss, x = make(layers), numbers(3).sigmoid().requires_grad_()
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    values = [torch.autograd.grad(call(x, target), x)[0] for call in (loss, compiled)]
    torch.testing.assert_close(*values)


FEW = {
    **{kind: Case(lambda n, kind=kind: getattr(n, kind)(2, 2, batch_first=True), (numbers(2, 2)[:3],))
       for kind in ("RNN", "LSTM", "GRU")},
    "Conv1d": Case(lambda n: n.Conv1d(1, 2, 2), (numbers(1, 4)[:3],)),
    "Conv2d": Case(lambda n: n.Conv2d(1, 2, 2, stride=2), (numbers(1, 4, 4)[:2],)),
    "ConvTranspose2d": Case(lambda n: n.ConvTranspose2d(1, 2, 2, stride=2), (numbers(1, 2, 2)[:2],)),
    "MaxPool2d": Case(lambda n: n.MaxPool2d(2), (numbers(1, 4, 4)[:2],)),
    "AvgPool2d": Case(lambda n: n.AvgPool2d(2), (numbers(1, 4, 4)[:2],)),
    "AdaptiveAvgPool2d": Case(lambda n: n.AdaptiveAvgPool2d(2), (numbers(1, 3, 3)[:2],)),
    "BatchNorm2d": Case(lambda n: n.BatchNorm2d(2), (numbers(2, 2, 2)[:3],)),
    "MultiheadAttention": Case(lambda n: n.MultiheadAttention(2, 1, batch_first=True), (numbers(2, 2)[:2],) * 3),
    "TransformerEncoderLayer": Case(
        lambda n: n.TransformerEncoderLayer(2, 1, 3, dropout=0.0, batch_first=True), (numbers(2, 2)[:2],)
    ),
}  # fmt: skip
"""Smaller ones of those whose differences take long."""


@each
def test_check_layer_finds_nothing_wrong(name: str):
    case = FEW.get(name, CASES[name])
    report = nw.check_layer(case.make(layers), *case.inputs, slow=False)
    assert not report.failed, report
    verdicts = {finding.check: finding.verdict for finding in report.findings}
    assert verdicts["torch.compile"] == verdicts["traced tier"] == "passed", report  # one graph, the same numbers


SEQUENTIAL = {
    "mlp": (lambda n: [n.Linear(4, 6), n.Tanh(), n.Dropout(0.2), n.Linear(6, 3)], numbers(4)),
    "cnn": (
        lambda n: [
            n.Conv2d(1, 4, 3, padding=1),
            n.BatchNorm2d(4),
            n.ReLU(),
            n.MaxPool2d(2),
            n.Flatten(),
            n.Linear(64, 3),
        ],
        numbers(1, 8, 8),
    ),
    "nested": (lambda n: [nn.Sequential(n.Linear(4, 4), n.GELU()), n.LayerNorm(4), n.Linear(4, 3)], numbers(4)),
    "norms": (
        lambda n: [n.Conv1d(2, 4, 3), n.GroupNorm(2, 4), n.SiLU(), n.Flatten(), n.RMSNorm(20), n.Linear(20, 3)],
        numbers(2, 7),
    ),
    "block": (
        lambda n: [n.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True), n.Flatten(), n.Linear(20, 3)],
        numbers(5, 4),
    ),
    "up": (
        lambda n: [n.ConvTranspose2d(1, 2, 2, 2), n.Softplus(), n.AvgPool2d(4), n.Flatten(), n.Linear(8, 3)],
        numbers(1, 4, 4),
    ),
    "pooled": (
        lambda n: [n.AdaptiveAvgPool2d(2), n.Flatten(), n.LeakyReLU(), n.Linear(8, 3), n.Sigmoid()],
        numbers(2, 5, 5),
    ),
    "words": (lambda n: [n.Embedding(7, 4), n.Flatten(), n.Linear(12, 3), n.LogSoftmax(1)], whole(7, 3)),
}


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_backpropagation_without_autograd(name: str):
    make, x = SEQUENTIAL[name]
    torch.manual_seed(0)
    ours = nn.Sequential(*make(layers))
    torch.manual_seed(0)
    theirs = nn.Sequential(*make(nn))
    target = whole(3)
    x = x.clone().requires_grad_(x.is_floating_point())
    torch.manual_seed(1)
    found = backpropagate(ours, x, layers.CrossEntropyLoss(), target)
    torch.manual_seed(1)
    value = nn.CrossEntropyLoss()(theirs(x), target)
    value.backward()
    torch.testing.assert_close(found.loss, value.detach())
    assert list(found.by_name) == [weight for weight, _ in theirs.named_parameters()]
    for (weight, p), mine in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(found.by_name[weight], p.grad, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(mine.grad, found.by_name[weight])
    for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, other)
    if x.is_floating_point():
        torch.testing.assert_close(found.input, x.grad, rtol=1e-5, atol=1e-6)
