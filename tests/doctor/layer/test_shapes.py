import torch
from torch import Tensor

from netwright.doctor.layer.finding import Finding
from tests.doctor.layer.layers import Square, X, found, function, square, square_backward

B = torch.ones(3)


def shapes(layer: object, *inputs: object) -> Finding:
    return found(layer, *inputs, check="shapes")


def add(ctx, x: Tensor, b: Tensor) -> Tensor:
    return x + b


def test_a_gradient_that_still_has_the_axes_of_broadcasting():
    finding = shapes(function(add, lambda ctx, g: (g, g)), X, B)
    assert finding.verdict == "failed" and "gives (4, 3) for argument 1, which is (3,)" in finding.seen
    assert "sum_to_size((3,))" in finding.fix
    finding = shapes((lambda x, b: (x + b, None), lambda g, cache: (g, g)), X, B)
    assert finding.verdict == "failed" and "(4, 3)" in finding.seen


def test_too_few_gradients_and_ones_that_do_not_fit():
    for backward, seen, fix in [
        (lambda ctx, g: (g,), "incorrect number of gradients", "one entry"),
        (lambda ctx, g: (g, g.sum(1)), "invalid gradient", "sum over"),
    ]:
        finding = found(function(add, backward), X, B, check="first derivative")
        assert finding.verdict == "failed" and seen in finding.seen and fix in finding.fix
        assert shapes(function(add, backward), X, B).verdict == "not tried"
    assert shapes(function(add, lambda ctx, g: g.nothing), X, B).verdict == "not tried"


def test_another_number_type():
    finding = shapes(function(square, lambda ctx, g: square_backward(ctx, g).float()), X)
    assert finding.verdict == "failed" and "float32" in finding.seen and "zeros_like" in finding.fix


def test_a_shape_that_was_not_shown():
    def loss(ctx, y: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(y, target)
        return ((y - target) ** 2).mean()

    def backward(ctx, g: Tensor) -> tuple:
        y, target = ctx.saved_tensors
        grad = 2 * g * (y - target) / y.numel()
        return grad, -grad

    finding = shapes(function(loss, backward), X, X + 1)
    assert finding.verdict == "failed" and "which forward broadcasts" in finding.seen and "sum_to_size" in finding.fix


def test_right_ones_pass():
    assert shapes(Square, X).verdict == "passed"
    assert "other shapes that broadcast" in shapes(function(add, lambda ctx, g: (g, g)), X, X).seen
