"""Beside autograd, under torch.func, compiled, recorded, timed."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.doctor.check_layer import check_layer
from netwright.doctor.layer import cost
from netwright.layers.linear import Linear
from tests.doctor.layer.layers import Calls, Square, X, found, function, square, square_backward

PAIR = (lambda x, w: (x @ w, (x, w)), lambda g, c: (g @ c[1].T, c[0].T @ g))
W = torch.randn(3, 2, generator=torch.Generator().manual_seed(1))


class Sine(Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.sin(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return torch.cos(ctx.saved_tensors[0]) * g


def test_beside_autograd():
    def check(layer: object, *inputs: object) -> Any:
        return found(layer, *inputs, check="beside autograd")

    finding = check(function(square, lambda ctx, g: square_backward(ctx, g) * (1 + 1e-7)), X)
    assert finding.verdict == "failed" and "autograd's own says" in finding.seen and "constants" in finding.fix
    for layer, inputs in [(Square, (X,)), (Sine, (X,)), (PAIR, (X, W)), (Linear(3, 2), (X,))]:
        assert check(layer, *inputs).verdict == "passed"
    relu = function(
        lambda ctx, x: (ctx.save_for_backward(x), x.relu())[1], lambda ctx, g: g * (ctx.saved_tensors[0] >= 0)
    )
    assert check(relu, torch.tensor([0.0, 1.0, -1.0])).verdict == "passed"
    alias = Square.apply
    for other in (nn.Linear(3, 2), Calls(alias)):
        assert check(other, X).verdict == "not tried"
    cut = function(lambda ctx, x: (ctx.save_for_backward(x), x.detach() ** 2)[1], square_backward)
    assert check(cut, X).verdict == "not tried"
    assert Square.apply.__self__ is Square and "apply" not in vars(Square)


def test_vmap():
    def check(layer: object, *inputs: object) -> Any:
        return found(layer, *inputs, check="torch.func.vmap")

    finding = check(Square, X)
    assert finding.verdict == "not supported" and "setup_context" in finding.fix
    assert "generate_vmap_rule" in check(Sine, X).fix
    assert check(type("Ready", (Sine,), {"generate_vmap_rule": True}), X).verdict == "passed"
    for layer, inputs in [(Linear(3, 2), (X,)), (PAIR, (X, W)), (nn.Embedding(5, 2), (torch.tensor([1, 2]),))]:
        assert check(layer, *inputs).verdict == "passed"

    class Wrong(Sine):
        @staticmethod
        def vmap(info: Any, in_dims: tuple, x: Tensor) -> tuple[Tensor, int]:
            return Wrong.apply(x) * 2, 0

    assert check(Wrong, X).verdict == "failed"
    assert "torch.where" in check(Calls(lambda x: x * 2 if x.sum() > 0 else x), X).fix


def test_compile():
    def check(layer: object, *inputs: object) -> Any:
        return found(layer, *inputs, check="torch.compile")

    finding = check(Calls(lambda x: x * 2 if x.sum() > 0 else x), X)
    assert finding.verdict == "not supported" and ".item()" in finding.fix
    for layer, inputs in [(Square, (X,)), (PAIR, (X, W)), (Linear(3, 2), (X,)), (nn.Dropout(), (X,))]:
        assert check(layer, *inputs).verdict == "passed"
    wrong = Calls(lambda x: x * (2 if torch.compiler.is_compiling() else 3))
    assert check(wrong, X).verdict == "failed"
    backward = lambda ctx, g: square_backward(ctx, g) * (2 if torch.compiler.is_compiling() else 1)  # noqa: E731
    assert "the gradient of input 0" in check(function(square, backward), X).seen
    drawn = Calls(lambda x: x + torch.rand_like(x))
    assert "not compared" in check(drawn, X).seen


def test_traced():
    def check(layer: object, *inputs: object) -> Any:
        return found(layer, *inputs, check="traced tier")

    finding = check(Calls(lambda x: x * x.sum().item()), X)
    assert finding.verdict == "not supported" and "depends on the numbers" in finding.seen
    layers = [(Square, (X,)), (PAIR, (X, W)), (Linear(3, 2), (X,)), (nn.Embedding(5, 2), (torch.tensor([1, 2]),))]
    for layer, inputs in layers:
        assert check(layer, *inputs).verdict == "passed"


def test_inductor_time_and_memory(monkeypatch: Any):
    monkeypatch.setattr(cost, "SECONDS", 0.01)
    report = check_layer(Square, X)
    named = {finding.check: finding for finding in report.findings}
    assert named["torch.compile, Inductor"].verdict in ("passed", "not tried")
    assert "times autograd's own" in named["time and memory"].seen
    monkeypatch.setattr("netwright.doctor.layer.compiled.COMPILERS", ())
    assert "bytes kept" in {f.check: f for f in check_layer(nn.Tanh(), X).findings}["time and memory"].seen
