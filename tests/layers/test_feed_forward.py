import pytest
import torch
from torch import nn

from netwright.layers import feed_forward
from netwright.layers.activations.gelu import GELU
from netwright.layers.activations.relu import ReLU
from netwright.layers.dropout import Dropout
from netwright.layers.linear import Linear
from tests.layers.operators import Elementary
from tests.layers.proof import close, drawn


@pytest.mark.parametrize("activation", [ReLU(), GELU(), GELU("tanh")])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_those_of_a_sequential(activation: nn.Module, bias: bool):
    first, middle, last = Linear(3, 5, bias).double(), Dropout(0.4), Linear(5, 3, bias).double()
    x, g = (drawn(torch.empty(2, 4, 3, dtype=torch.float64), i) for i in range(2))
    torch.manual_seed(0)
    left = middle.arguments(x.new_empty(2, 4, 5))[1:]
    given = (x, first.weight, first.bias, last.weight, last.bias, *left, activation)
    with torch.no_grad(), Elementary():
        y, cache = feed_forward.forward(*given)
        gradients = feed_forward.backward(g, cache)
    torch.manual_seed(0)
    x = x.requires_grad_()
    expected = last(middle(activation(first(x))))
    close(y, expected.detach(), 1e-10, "output")
    weights = [t for t in (first.weight, first.bias, last.weight, last.bias) if t is not None]
    wanted = torch.autograd.grad(expected, [x, *weights], g)
    found = [gradient for gradient in gradients if gradient is not None]
    assert len(gradients) == len(given)
    for i, (mine, other) in enumerate(zip(found, wanted, strict=True)):
        close(mine, other, 1e-10, f"gradient {i}")
