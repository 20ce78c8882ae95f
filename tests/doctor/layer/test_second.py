import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from netwright.doctor.layer.finding import Finding
from tests.doctor.layer.layers import Square, X, found, function, square, square_backward


def second(layer: object, *inputs: object) -> Finding:
    return found(layer, *inputs, check="second derivative")


def silu(ctx, x: Tensor) -> Tensor:
    s = torch.sigmoid(x)
    ctx.save_for_backward(x, s)
    return x * s


def silu_backward(ctx, g: Tensor) -> Tensor:
    x, s = ctx.saved_tensors
    return g * (s + x * s * (1 - s))


def test_an_intermediate_is_named():
    finding = second(function(silu, silu_backward), X)
    assert finding.verdict == "failed" and "ctx.saved_tensors[1] (4, 3)" in finding.seen
    assert "Return it from forward as an output too" in finding.fix


def test_a_detached_input_is_wrong_in_silence():
    finding = second(function(square, lambda ctx, g: 2 * ctx.saved_tensors[0].detach() * g), X)
    assert finding.verdict == "failed" and finding.fix


def test_what_raises_is_not_supported():
    layers = [
        function(square, once_differentiable(square_backward)),
        function(square, lambda ctx, g: torch.from_numpy(2 * np.asarray(ctx.saved_tensors[0].detach() * g.detach()))),
    ]
    for layer in layers:
        finding = second(layer, X)
        assert finding.verdict == "not supported" and "once_differentiable" in finding.fix, finding


def test_a_pair_promises_no_second_derivative():
    def softmax(x: Tensor) -> tuple:
        p = x.softmax(-1)
        return -p[:, 0].log(), p

    def softmax_backward(g: Tensor, p: Tensor) -> Tensor:
        return g[:, None] * (p - torch.tensor([1.0, 0, 0], dtype=p.dtype))

    finding = second((softmax, softmax_backward), X)
    assert finding.verdict == "not supported" and "The cache holds a tensor (4, 3)" in finding.seen


def test_right_ones_and_edges_pass():
    ties = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    for layer, inputs in [(Square, (X,)), (nn.L1Loss(), (ties, torch.zeros(1, 4))), (nn.MaxPool1d(2), (ties,))]:
        assert second(layer, *inputs).verdict in ("passed", "not supported")
    assert second(Square, X).verdict == "passed"
