"""Numbers that lie otherwise in memory, and numbers of other types."""

import torch
from torch import Tensor, nn

from tests.doctor.layer.layers import Calls, Square, X, found, function, square, square_backward


def test_a_view_of_what_is_not_contiguous():
    layer = function(square, lambda ctx, g: square_backward(ctx, g.view(-1).view(g.shape)))
    finding = found(layer, X, check="not contiguous")
    assert finding.verdict == "failed" and "backward raises" in finding.seen and ".reshape" in finding.fix
    finding = found(Calls(lambda x: x.view(-1) * 2), X, check="not contiguous")
    assert finding.verdict == "not supported" and "it raises RuntimeError" in finding.seen


def test_strides_that_are_assumed():
    finding = found(Calls(lambda x: torch.as_strided(x, (4, 3), (3, 1)) * 2), X, check="not contiguous")
    assert finding.verdict == "failed" and "every second number" in finding.seen and "output 0 [" in finding.seen

    class Table(nn.Embedding):
        def forward(self, ids: Tensor) -> Tensor:
            return super().forward(torch.as_strided(ids, (3,), (1,)))

    finding = found(Table(5, 2), torch.tensor([1, 2, 3]), check="not contiguous")
    assert finding.verdict == "failed" and "input 0" in finding.seen
    layer = function(square, lambda ctx, g: square_backward(ctx, torch.as_strided(g, (4, 3), (3, 1))))
    assert "grad_output" in found(layer, X, check="not contiguous").seen


def test_what_is_drawn_is_not_compared():
    assert found(nn.Dropout(), X, check="not contiguous").verdict == "passed"
    assert found(Calls(lambda x: x + torch.rand_like(x)), X, check="not contiguous").verdict == "not tried"


def test_right_ones_pass():
    assert found(Square, X, check="not contiguous").verdict == "passed"
    assert found(Square, X, check="number types").verdict == "passed"


def test_one_number_type_for_all():
    def narrow(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x * x).float()

    finding = found(function(narrow, square_backward), X, check="number types")
    assert finding.verdict == "failed" and "output 0 is float32 for inputs of float64" in finding.seen
    finding = found(Calls(lambda x: (x * torch.ones(3, dtype=torch.float64)) * 2), X, check="number types")
    assert finding.verdict == "failed" and "float64 for inputs of float32" in finding.seen
    layer = function(square, lambda ctx, g: square_backward(ctx, g).double())
    finding = found(layer, X, check="number types")
    assert finding.verdict == "failed" and "as gradient of argument 0" in finding.seen


def test_what_float32_can_not_hold():
    finding = found(Calls(lambda x: torch.log(torch.exp(x))), X + 100, check="number types")
    assert finding.verdict == "failed" and "log1p" in finding.fix


def test_half_precision_is_not_asked_for():
    def forward(ctx, x: Tensor) -> Tensor:
        if x.element_size() < 4:
            raise TypeError("float32 or float64")
        ctx.save_for_backward(x)
        return x * x

    finding = found(function(forward, square_backward), X, check="number types")
    assert finding.verdict == "not supported" and "bfloat16: it raises TypeError" in finding.seen
