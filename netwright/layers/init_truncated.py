"""Weights that start normal, but without the tails: no weight is much larger than the others by chance.

A number is drawn, and drawn again until it is right. Two ways, by which one has to draw less often:

    the bounds hold much of the bell    draw from the bell until the number is within [a, b]
    they hold its tail, or a slit       draw x uniform in [a, b], and keep it with probability p(x) / max p in [a, b]:
                                        what is kept then has the density p, but for its constant
"""

import math

import torch
from torch import Generator, Tensor

from netwright.core.errors import InputError


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normal of `mean` and `std`, but only numbers within [a, b], in place. `a` and `b` are values, not multiples of σ.

    Raises InputError unless a < b and std > 0.
    """
    if not (a < b and std > 0):
        raise InputError(
            "No normal number can lie within these bounds.",
            got=f"a={a}, b={b}, std={std}",
            wanted="a < b and std > 0",
            fix="Give the lower bound as a, the upper as b.",
        )
    if tensor.is_meta or tensor.numel() == 0:
        return tensor
    within = share_below((b - mean) / std) - share_below((a - mean) / std)
    with torch.no_grad():
        draw = from_the_bell if within > 0.3 else from_the_bounds
        return draw(tensor, mean, std, a, b, generator)


def share_below(z: float) -> float:
    """The share of a standard normal below z: (1 + erf(z/√2)) / 2."""
    return (1.0 + math.erf(z / math.sqrt(2.0))) / 2.0


def from_the_bell(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Generator | None) -> Tensor:
    """Normal numbers, those without the bounds drawn again."""
    low, high = (torch.tensor(bound, dtype=tensor.dtype).item() for bound in (a, b))  # as this dtype rounds them
    tensor.normal_(mean, std, generator=generator)
    while (outside := (tensor < low) | (tensor > high)).any():
        again = torch.empty_like(tensor).normal_(mean, std, generator=generator)
        tensor.copy_(torch.where(outside, again, tensor))
    return tensor


def from_the_bounds(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Generator | None) -> Tensor:
    """Uniform numbers, each kept with the probability its density has beside the greatest within the bounds."""
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    refused = torch.ones_like(tensor, dtype=torch.bool)
    while refused.any():
        again = torch.empty_like(tensor).uniform_(a, b, generator=generator)
        tensor.copy_(torch.where(refused, again, tensor))
        chance = (again - mean).div_(std).pow_(2).mul_(-0.5).sub_(peak)
        refused = refused & (torch.empty_like(tensor).uniform_(generator=generator).log_() > chance)
    return tensor
