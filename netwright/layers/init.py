"""How weights start, by torch.nn.init's names: the same formulas, the same draws.

A weight (O, I, K…) has fan_in = I·K, the inputs that are summed into one output, and fan_out = O·K, the outputs one
input reaches; K are the places of a convolution's kernel. If inputs have variance 1, an output Σ w x over fan_in terms
has variance fan_in·σ², and a gradient, on its way back, fan_out·σ² ("gain" makes up for what the activation takes):

    Kaiming    σ = gain / √fan                      values keep their size forward (fan_in) or backward (fan_out)
    uniform    in ±√3 σ                             the spread of a uniform number in ±a is a/√3
"""

import math

import torch
from torch import Tensor

from netwright.core.errors import InputError


def fans(weight: Tensor) -> tuple[int, int]:
    """fan_in and fan_out of a weight (O, I, K…). Raises InputError for one of fewer than two axes."""
    if weight.dim() < 2:
        raise InputError(
            "The fans of a weight need two axes or more.",
            got=f"a tensor of shape {tuple(weight.shape)}",
            wanted="(outputs, inputs, …)",
            fix="Start biases with zeros_, constant_ or uniform_.",
        )
    outputs, inputs, *places = weight.shape
    return inputs * math.prod(places), outputs * math.prod(places)


def leaky_gain(a: float) -> float:
    """√(2 / (1 + a²)): a leaky ReLU of slope a halves the variance but for a² of the other half (He et al. 2015)."""
    return math.sqrt(2 / (1 + a**2))


def kaiming_uniform_(weight: Tensor, a: float = 0.0) -> Tensor:
    """Uniform in ±√3 · gain / √fan_in, in place, where a leaky ReLU of slope `a` follows (He et al. 2015)."""
    fan_in, _ = fans(weight)
    if weight.numel() == 0:
        return weight
    bound = math.sqrt(3.0) * (leaky_gain(a) / math.sqrt(fan_in))
    with torch.no_grad():
        return weight.uniform_(-bound, bound)
