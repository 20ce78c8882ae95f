"""How numbers, and places in tensors, are told to a person."""

import torch
from torch import Tensor

CLOSE = 1e-4
"""Numbers this near to each other, of the largest, are taken for the same where a mistake is guessed."""


def number(value: float) -> str:
    """Such as −0.3125."""
    return f"{value:.4g}".replace("-", "−")


def place(index: int, shape: torch.Size) -> str:
    """An element of a flat tensor by its indices: [2, 0]; nothing for a single number."""
    if not shape:
        return ""
    found = []
    for size in reversed(shape):
        found.append(index % size)
        index //= size
    return f" [{', '.join(map(str, reversed(found)))}]"


def shape(tensor: Tensor | torch.Size) -> str:
    """Such as (32, 1)."""
    return str(tuple(tensor if isinstance(tensor, torch.Size) else tensor.shape))


def off(mine: Tensor, other: Tensor) -> float:
    """The largest distance of two tensors, of the largest number in the second; infinite where forms differ."""
    if mine.shape != other.shape:
        return float("inf")
    if not mine.numel():
        return 0.0
    mine, other = mine.detach().double(), other.detach().double()
    both = torch.isfinite(mine) & torch.isfinite(other)
    same = both | (mine == other) | (mine.isnan() & other.isnan())
    if not bool(same.all()):
        return float("inf")
    distance = float((mine - other)[both].abs().max()) if bool(both.any()) else 0.0
    scale = float(other[both].abs().max()) if bool(both.any()) else 0.0
    return distance / max(scale, 1e-3) if distance else 0.0


def apart(mine: Tensor | None, other: Tensor | None) -> float:
    """The same for gradients: one that is not there is zero."""
    if mine is None or other is None:
        rest = mine if mine is not None else other
        return 0.0 if rest is None or not bool(rest.any()) else float("inf")
    return off(mine, other)


def worst(mine: Tensor, other: Tensor) -> int:
    """The flat place where two tensors of one shape are furthest apart."""
    distance = (mine.detach().double() - other.detach().double()).abs().reshape(-1)
    return int(distance.nan_to_num(nan=float("inf")).argmax())


def same(mine: Tensor, other: Tensor) -> bool:
    """The same numbers, but for rounding, as differences find them."""
    scale = max(float(other.abs().max()), 1e-12) if other.numel() else 1.0
    return bool(mine.numel()) and bool(((mine - other).abs() <= CLOSE * scale).all())


def zero_for_none(gradient: Tensor | None, of: Tensor) -> Tensor:
    """A gradient that is not there is zero."""
    return torch.zeros_like(of) if gradient is None else gradient


def beside(mine: Tensor | None, other: Tensor | None, what: str = "") -> str:
    """The two tensors at the place where they are furthest apart: `[2, 0]: 0.31 beside −0.31`."""
    zeros = mine if mine is not None else other
    if zeros is None:
        return f"{what} nothing"
    mine, other = zero_for_none(mine, zeros), zero_for_none(other, zeros)
    if mine.shape != other.shape:
        return f"{what} shape {shape(mine)} beside {shape(other)}"
    k = worst(mine, other)
    return (
        f"{what}{place(k, mine.shape)}: {number(float(mine.reshape(-1)[k]))} beside "
        f"{number(float(other.reshape(-1)[k]))}"
    )
