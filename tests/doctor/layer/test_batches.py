"""Other numbers of rows, none, and each alone."""

import pytest
import torch
from torch import Tensor, nn

from netwright.doctor.layer.rows import rows
from netwright.doctor.layer.subject import Subject
from tests.doctor.layer.layers import Calls, Square, X, found, function, square, square_backward

W = torch.ones(4, 3)


def test_which_inputs_carry_rows():
    def of(layer: nn.Module, *inputs: Tensor) -> tuple:
        result = rows(Subject("x", "module", layer.double(), inputs))
        return (result.names, result.independent) if result else ()

    assert of(Calls(lambda x, y: x + y), X, W) == (("input 0", "input 1"), True)
    assert of(Calls(lambda x, w: x @ w.T), X, W) == (("input 0",), True)
    assert of(nn.Softmax(0), X) == (("input 0",), False)
    assert of(nn.LSTM(3, 2, batch_first=True), X[None]) == (("input 0",), True)
    assert of(Calls(lambda x: x + 1), torch.tensor(1.0)) == ()


def test_a_size_that_is_written_in():
    def mean(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x * x).mean(0)

    layer = function(mean, lambda ctx, g: 2 * ctx.saved_tensors[0] * g / 4)
    finding = found(layer, X, check="other batch sizes")
    assert finding.verdict == "failed" and "with one row" in finding.seen and "x.shape[0]" in finding.fix


def test_a_size_that_is_refused():
    table = nn.Parameter(torch.ones(4, 3))
    finding = found(Calls(lambda x: x + table), X, check="other batch sizes")
    assert finding.verdict == "not supported" and finding.fix
    finding = found(nn.BatchNorm1d(3), X, check="other batch sizes")
    assert finding.verdict == "not supported" and "with one row it raises ValueError" in finding.seen


def test_a_wrong_derivative_is_not_said_twice():
    layer = function(square, lambda ctx, g: -square_backward(ctx, g))
    assert found(layer, X, check="other batch sizes").verdict == "not tried"


def test_more_axes_than_backward_knows():
    layer = function(
        lambda ctx, x, w: (ctx.save_for_backward(x, w), x * w)[1],
        lambda ctx, g: (g * ctx.saved_tensors[1], (g * ctx.saved_tensors[0]).flatten(-2).sum(-1).reshape(-1)[:1]),
    )
    finding = found(layer, X, torch.ones(1), check="other batch sizes")
    assert finding.verdict == "not supported" and "an axis more in front forward runs" in finding.seen


@pytest.mark.parametrize("check", ["other batch sizes", "empty batch", "single rows"])
def test_right_ones_pass(check: str):
    assert found(Square, X, check=check).verdict == "passed"
    assert found(nn.Linear(3, 2), X, check=check).verdict == "passed"


def test_an_empty_batch():
    wrong = function(
        lambda ctx, x, w: (ctx.save_for_backward(x, w), x * w)[1],
        lambda ctx, g: (g * ctx.saved_tensors[1], (g * ctx.saved_tensors[0]).sum(0) + (len(g) == 0)),
    )
    finding = found(wrong, X, torch.ones(3), check="empty batch")
    assert finding.verdict == "failed" and "the gradient of input 1 (w) is not zero" in finding.seen
    padded = Calls(lambda x: torch.cat([x, x.new_zeros(1, 3)]) if len(x) == 0 else x * 2)
    assert "has 1 rows for none" in found(padded, X, check="empty batch").seen
    finding = found(Calls(lambda x: x - x.max(dim=0).values), X, check="empty batch")
    assert finding.verdict == "not supported" and finding.fix
    assert found(Calls(lambda x: x * 2), torch.tensor(1.0), check="empty batch").verdict == "not tried"


def test_nothing_divided_by_nothing():
    by_rows = function(
        lambda ctx, x, w: (ctx.save_for_backward(x, w), x * w)[1],
        lambda ctx, g: (g * ctx.saved_tensors[1], (g * ctx.saved_tensors[0]).mean(0) * (len(g) or 1)),
    )
    finding = found(by_rows, X, torch.ones(3), check="empty batch")
    assert finding.verdict == "failed" and "(w) is nan, without any row" in finding.seen and "max(len(x)" in finding.fix


@pytest.mark.parametrize("check", ["beside autograd", "second derivative", "single rows", "empty batch"])
def test_what_follows_from_a_wrong_derivative_is_no_failure_of_its_own(check: str):
    weight = function(
        lambda ctx, x, w: (ctx.save_for_backward(x, w), x * w)[1],
        lambda ctx, g: (g * ctx.saved_tensors[1], (g * ctx.saved_tensors[0]).mean(0)),
    )
    finding = found(weight, X, torch.ones(3), check=check)
    assert (finding.verdict, finding.seen, finding.fix) == ("not tried", "see the first derivative", "")


def test_single_rows():
    def backward(ctx, g: Tensor) -> Tensor:
        return square_backward(ctx, g) / (1 if len(g) == 4 else 2)

    finding = found(function(square, backward), X, check="single rows")
    assert finding.verdict == "failed" and "for row 0 alone" in finding.seen and "axis 0" in finding.fix
    weight = function(
        lambda ctx, x, w: (ctx.save_for_backward(x, w), x * w)[1],
        lambda ctx, g: (g * ctx.saved_tensors[1], (g * ctx.saved_tensors[0]).mean(0) * 4),
    )
    assert "added up over rows alone" in found(weight, X, torch.ones(3), check="single rows").seen


def test_rows_that_are_mixed_or_drawn():
    for layer in (nn.Softmax(0), Calls(lambda x: x - x.mean(0))):
        finding = found(layer, X, check="single rows")
        assert finding.verdict == "not supported" and "mixes rows" in finding.seen and finding.fix
    for layer in (nn.BatchNorm1d(3), nn.Dropout()):
        assert "in evaluation mode" in found(layer, X, check="single rows").seen
    assert found(Calls(lambda x: x + torch.rand_like(x)), X, check="single rows").verdict == "not tried"
    assert found(Square, X[:1], check="single rows").verdict == "not tried"
    assert found(nn.MSELoss(), X, X + 1, check="single rows").verdict == "not tried"
