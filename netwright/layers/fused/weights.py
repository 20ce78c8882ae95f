"""The weights of a linear layer, for the layers that have one inside."""

import math

import torch
from torch import Tensor, nn

from netwright.layers.init import kaiming_uniform_


def linear_weights(
    in_features: int, out_features: int, bias: bool, device: torch.device | str | None, dtype: torch.dtype | None
) -> tuple[nn.Parameter, nn.Parameter | None]:
    """A weight (out_features, in_features) and a bias (out_features,), or None, as torch.nn.Linear starts them."""
    weight = nn.Parameter(torch.empty(out_features, in_features, device=device, dtype=dtype))
    offset = nn.Parameter(torch.empty(out_features, device=device, dtype=dtype)) if bias else None
    draw(weight, offset)
    return weight, offset


def draw(weight: Tensor, bias: Tensor | None) -> None:
    """Uniform in ±1/√in_features, in place, with the draws of torch.nn.Linear."""
    kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(weight.shape[1]) if weight.shape[1] else 0.0
        with torch.no_grad():
            bias.uniform_(-bound, bound)
