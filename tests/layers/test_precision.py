"""Under torch.autocast: forward within it, backward outside, as everybody writes it."""

import pytest
import torch
from torch import Tensor, nn

from netwright import layers
from netwright.core.trees import leaves
from netwright.layers.precision import wide, wide_type

CASES = {
    "Linear": (lambda n: n.Linear(6, 4), (5, 6)),
    "Conv1d": (lambda n: n.Conv1d(3, 4, 3, padding=1), (5, 3, 8)),
    "Conv2d": (lambda n: n.Conv2d(3, 4, 3, stride=2), (5, 3, 8, 8)),
    "ConvTranspose2d": (lambda n: n.ConvTranspose2d(3, 4, 3, stride=2), (5, 3, 4, 4)),
    "RNN": (lambda n: n.RNN(3, 4), (5, 2, 3)),
    "LSTM": (lambda n: n.LSTM(3, 4, bidirectional=True), (5, 2, 3)),
    "GRU": (lambda n: n.GRU(3, 4), (5, 2, 3)),
    "LayerNorm": (lambda n: nn.Sequential(n.Linear(6, 6), n.LayerNorm(6)), (5, 6)),
    "block": (lambda n: n.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), (3, 5, 8)),
    "perceptron": (lambda n: nn.Sequential(n.Linear(6, 8), n.GELU(), n.Linear(8, 3), n.LogSoftmax(1)), (5, 6)),
}
OURS = {
    "LinearReLU": (lambda n: n.LinearReLU(6, 4), (5, 6)),
}


def gradients(module: nn.Module, x: Tensor, on: bool) -> list[Tensor]:
    """Of the input and every weight."""
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=on):
        output = next(leaves(module(x)))
    sources = [x, *module.parameters()]
    weights = torch.linspace(-1, 1, output.numel()).reshape(output.shape)
    return list(torch.autograd.grad((output.float().square() * weights).sum(), sources))


@pytest.mark.parametrize("name", [*CASES, *OURS])
def test_backward_goes_back_as_forward_went(name: str):
    make, shape = (CASES | OURS)[name]
    torch.manual_seed(0)
    module, x = make(layers), torch.randn(shape)
    for mine, exact in zip(gradients(module, x, True), gradients(module, x, False), strict=True):
        assert mine.dtype == torch.float32
        assert float((mine - exact).abs().max()) < 0.05 * float(exact.abs().max()) + 0.02


def test_half_precision_is_summed_in_single():
    assert wide_type(torch.bfloat16) == wide_type(torch.float16) == torch.float32
    assert wide_type(torch.float64) == torch.float64
    assert wide(torch.ones(1, dtype=torch.bfloat16)).dtype == torch.float32


def test_a_call_within_autocast_leaves_one_outside_alone():
    layer, x = layers.Linear(3, 2), torch.randn(4, 3, requires_grad=True)
    y = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        (within,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(within, layer.weight.sum(0).expand(4, 3))
