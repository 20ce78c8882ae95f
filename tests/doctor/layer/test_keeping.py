"""What is written into, kept, and asked for again."""

import random

import torch
from torch import Tensor, nn

from netwright.doctor.layer.finding import Finding
from tests.doctor.layer.layers import Calls, Square, X, found, function, square, square_backward


def in_place(layer: object, *inputs: object) -> Finding:
    return found(layer, *inputs, check="in place")


def saved(layer: object, *inputs: object) -> Finding:
    return found(layer, *inputs, check="saved tensors")


def repeatable(layer: object, *inputs: object) -> Finding:
    return found(layer, *inputs, check="repeatable")


def test_what_forward_and_backward_write_into():
    finding = in_place(function(lambda ctx, x: (x.mul_(2), ctx.save_for_backward(x), x * x)[2], square_backward), X)
    assert finding.verdict == "failed" and "forward changes input 0 (x)" in finding.seen and "x.clone()" in finding.fix
    finding = in_place(function(square, lambda ctx, g: square_backward(ctx, g.mul_(2)) / 2), X)
    assert finding.verdict == "failed" and "backward changes grad_output" in finding.seen
    finding = in_place(function(square, lambda ctx, g: ctx.saved_tensors[0].data.mul_(2) * g), X)
    assert finding.verdict == "failed" and "backward changes input 0 (x)" in finding.seen

    def exp(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(y := x.exp())
        return y

    finding = in_place(function(exp, lambda ctx, g: ctx.saved_tensors[0].mul_(g)), X)
    assert finding.verdict == "failed" and "backward changes output 0" in finding.seen


def test_writes_that_nobody_notices():
    def aside(ctx, x: Tensor) -> Tensor:
        ctx.x = x
        return x * x

    finding = in_place(function(aside, lambda ctx, g: 2 * ctx.x * g), X)
    assert finding.verdict == "failed" and "input 0 (x) was changed in place after forward" in finding.seen
    assert "save_for_backward" in finding.fix


def test_writes_that_are_declared():
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        return x.mul_(2)

    for layer in (function(forward, lambda ctx, g: g * 2), nn.ReLU(inplace=True), nn.Identity(), Square):
        assert in_place(layer, X).verdict == "passed"


def test_tensors_on_ctx():
    def exp(ctx, x: Tensor) -> Tensor:
        ctx.y = x.exp()
        return ctx.y

    finding = saved(function(exp, lambda ctx, g: ctx.y * g), X)
    assert finding.verdict == "failed" and "output 0 as ctx.y" in finding.seen and "never freed" in finding.seen
    assert "ctx.save_for_backward(output)" in finding.fix

    def relu(ctx, x: Tensor) -> Tensor:
        ctx.mask = x > 0
        return x * ctx.mask

    finding = saved(function(relu, lambda ctx, g: ctx.mask * g), X)
    assert finding.verdict == "not supported" and "ctx.mask" in finding.seen
    assert saved(Square, X).verdict == "passed"


def test_tensors_that_stay():
    held: list[Tensor] = []

    def forward(ctx, x: Tensor) -> Tensor:
        held.append(x)
        return square(ctx, x)

    finding = saved(function(forward, square_backward), X)
    assert finding.verdict == "failed" and "stays in memory" in finding.seen


def test_called_twice():
    state: dict[str, Tensor] = {}

    def forward(ctx, x: Tensor) -> Tensor:
        state["x"] = x
        return x * x

    finding = found(function(forward, lambda ctx, g: 2 * state["x"] * g), X, check="called twice")
    assert finding.verdict == "failed" and "two forwards" in finding.seen and "save_for_backward" in finding.fix

    def counts(ctx, g: Tensor) -> Tensor:
        ctx.n = getattr(ctx, "n", 0) + 1
        return square_backward(ctx, g) * ctx.n

    finding = found(function(square, counts), X, check="called twice")
    assert finding.verdict == "failed" and "a second backward" in finding.seen

    def forgets(ctx, g: Tensor) -> Tensor:
        factor = ctx.factor
        del ctx.factor
        return square_backward(ctx, g) * factor

    layer = function(lambda ctx, x: (setattr(ctx, "factor", 1.0), square(ctx, x))[1], forgets)
    assert found(layer, X, check="called twice").verdict == "not supported"
    assert found(Square, X, check="called twice").verdict == "passed"


def test_gradients_on_demand():
    def product(ctx, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return a * b

    def crossed(ctx, g: Tensor) -> tuple:
        a, b = ctx.saved_tensors
        return (g * b if ctx.needs_input_grad[1] else None), (g * a if ctx.needs_input_grad[0] else None)

    finding = found(function(product, crossed), X, X + 1, check="gradients on demand")
    assert finding.verdict == "failed" and "alone requires a gradient" in finding.seen

    def two(ctx, x: Tensor) -> tuple:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return x * 2, x * x

    layer = function(two, lambda ctx, a, b: a * 2 + 2 * b * ctx.saved_tensors[0])
    finding = found(layer, X, check="gradients on demand")
    assert finding.verdict == "failed" and "output 0 alone is used, backward raises" in finding.seen
    layer = function(two, lambda ctx, a, b: a * 2 + 2 * b * ctx.saved_tensors[0] if b is not None else a * 3)
    assert "output 0 alone is used, the gradient" in found(layer, X, check="gradients on demand").seen
    other = Calls(lambda x: x * (2 if torch.is_grad_enabled() else 3))
    assert "under torch.no_grad()" in found(other, X, check="gradients on demand").seen
    assert found(nn.LSTM(3, 2), X, check="gradients on demand").verdict == "passed"


def test_the_same_call_again():
    calls = iter(range(10**6))
    finding = repeatable(Calls(lambda x: x * next(calls)), X)
    assert finding.verdict == "failed" and "gives another output" in finding.seen
    layer = function(square, lambda ctx, g: square_backward(ctx, g) + next(calls))
    assert "gives another gradient" in repeatable(layer, X).seen
    for right in (nn.Dropout(), Square, Calls(lambda x: x * random.random())):
        assert repeatable(right, X).verdict == "passed"


def test_what_a_layer_leaves_behind():
    class Evaluates(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            self.eval()
            return x * 2

    def narrow(x: Tensor) -> Tensor:
        torch.set_default_dtype(torch.float64)
        return x * 2

    for layer, words in [(Evaluates(), "the training mode of the module"), (Calls(narrow), "default number type")]:
        finding = repeatable(layer, X)
        assert finding.verdict == "failed" and words in finding.seen and finding.fix
    assert torch.get_default_dtype() == torch.float32

    def seeds(x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return x + torch.rand_like(x)

    finding = repeatable(Calls(seeds), X)
    assert finding.verdict == "failed" and "sets the seed" in finding.seen


def test_a_layer_that_counts_its_calls_draws_no_random_numbers():
    class Counts(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x * self.calls

    assert repeatable(Counts(), X).verdict == "failed"
    for check in ("not contiguous", "single rows"):
        assert found(Counts(), X, check=check).seen == "see repeatable"
