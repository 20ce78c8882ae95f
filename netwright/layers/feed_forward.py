"""The perceptron within a transformer's layer: a linear layer, an activation, dropout, a linear layer.

D numbers of a position, F of its hidden layer; axes in front (batch, positions) are rows.

    u = x W1ᵀ + b1        a = activation(u)        d = dropout(a)        y = d W2ᵀ + b2
    (…, F)                (…, F)                   (…, F)                (…, D)

Each step has its own pair of functions. `backward` goes through them from the last to the first:

    ∂L/∂y → ∂L/∂d, ∂L/∂W2, ∂L/∂b2 → ∂L/∂a → ∂L/∂u → ∂L/∂x, ∂L/∂W1, ∂L/∂b1

So the cache holds the steps' caches, not inputs and outputs alone as a smaller layer's does. No Function is made of the
pair: the encoder's layer calls those of the steps, and autograd chains the same backwards.

Source: Vaswani et al., "Attention Is All You Need" (2017), "position-wise feed-forward networks".
"""

import sys
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from netwright.layers import dropout, linear


def forward(
    x: Tensor,
    weight1: Tensor,
    bias1: Tensor | None,
    weight2: Tensor,
    bias2: Tensor | None,
    kept: Tensor | None,
    scale: float,
    activation: nn.Module,
) -> tuple[Tensor, tuple]:
    """x (…, D), W1 (F, D), b1 (F,), W2 (D, F), b2 (D,) → y (…, D), and what each step keeps.

    kept (…, F) and scale: as `dropout.forward` takes them. activation: one of netwright.layers.activations.
    """
    pair = pair_of(activation)
    u, cache_u = linear.forward(x, weight1, bias1)
    a, cache_a = pair.forward(*activation.arguments(u))  # type: ignore[operator]
    d, cache_d = dropout.forward(a, kept, scale)
    y, cache_y = linear.forward(d, weight2, bias2)
    return y, (cache_u, cache_a, cache_d, cache_y, pair, bias1 is not None, bias2 is not None)


def backward(grad_output: Tensor, cache: tuple) -> tuple[Any, ...]:
    """∂L/∂y (…, D) → a gradient, or None, for each argument of `forward`."""
    cache_u, cache_a, cache_d, cache_y, pair, biased1, biased2 = cache
    grad_d, grad_weight2, grad_bias2 = linear.backward(grad_output, cache_y, (True, True, biased2))
    grad_a, *_ = dropout.backward(grad_d, cache_d)  # type: ignore[bad-argument-type]
    grad_u, *_ = pair.backward(grad_a, cache_a)
    grad_x, grad_weight1, grad_bias1 = linear.backward(grad_u, cache_u, (True, True, biased1))
    return grad_x, grad_weight1, grad_bias1, grad_weight2, grad_bias2, None, None, None


def pair_of(layer: nn.Module) -> ModuleType:
    """The file of a layer: its `forward` and `backward`."""
    return sys.modules[type(layer).__module__]
