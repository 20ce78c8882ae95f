"""Derivatives by differences: what a number comes to when one element is moved a little to either side.

    (f(x + h) − f(x − h)) / 2h

is the derivative up to h² f'''/6. Where the slopes to the left and to the right are not the same, as those of |x| at 0,
there is no derivative to hold a backward to: their distance is what it may be off.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Values = Callable[[], Sequence[Tensor]]
STEP = {torch.float64: 1e-5, torch.float32: 1e-2}
EXACT = {torch.float64: 1e-5, torch.float32: 2e-2}
"""What a derivative may be off differences, of the largest in its tensor."""
SECONDS = 1.5
"""That all elements of a check may take."""
PARTS = (1 / 3, 1 / 8)
ROUNDING = 50
"""How many roundings of a result's size a result is taken to hold."""


@dataclass(frozen=True)
class Slope:
    """A derivative, and by how much it is not known."""

    value: float
    unsure: float


UNKNOWN = Slope(math.nan, math.inf)


class Differences:
    """Derivatives of Σ weights · values() by elements of tensors that `values` reads. The tensors are moved in place.

    `dtype` is the numbers they are computed in.
    """

    def __init__(self, values: Values, weights: Sequence[Tensor | None], dtype: torch.dtype) -> None:
        self.values, self.dtype = values, dtype
        self.weights = [w for w in weights if w is not None]
        self.graded = [i for i, w in enumerate(weights) if w is not None]
        began = time.perf_counter()
        self.at = self._now()
        self.seconds = time.perf_counter() - began
        self.sums = [w * y for w, y in zip(self.weights, self.at, strict=True)]

    def affordable(self, elements: int, sources: int) -> int:
        """At how many elements of each source there is time to look."""
        return max(2, min(elements, int(SECONDS / (2 * self.seconds * max(1, sources)))))

    def by_element(self, tensor: Tensor, index: int, part: float = 1.0) -> Slope:
        """By one element, numbered flat; the step is `part` of the usual one."""
        flat = tensor.detach().view(-1)
        value = float(flat[index])
        step = part * STEP[self.dtype] * max(1.0, abs(value))
        try:
            flat[index] = value + step
            up, above = float(flat[index]) - value, self._now()
            flat[index] = value - step
            down, below = value - float(flat[index]), self._now()
        except Exception:  # outside what forward takes
            return UNKNOWN
        finally:
            flat[index] = value
        return self._slope(above, below, up, down)

    def again(self, tensor: Tensor, index: int, first: Slope) -> Slope:
        """The same, less sure by what smaller steps give otherwise: much, where there is a jump, or rounding."""
        return _doubted(first, [self.by_element(tensor, index, part) for part in PARTS])

    def along(self, tensor: Tensor, direction: Tensor, part: float = 1.0) -> Slope:
        """By a step of the whole tensor in one direction."""
        kept, own = tensor.detach().clone(), tensor.detach()
        step = part * STEP[self.dtype]
        try:
            own.copy_(kept + step * direction)
            above = self._now()
            own.copy_(kept - step * direction)
            below = self._now()
        except Exception:
            return UNKNOWN
        finally:
            own.copy_(kept)
        return self._slope(above, below, step, step)

    def along_again(self, tensor: Tensor, direction: Tensor, first: Slope) -> Slope:
        """The same, less sure by what smaller steps give otherwise."""
        return _doubted(first, [self.along(tensor, direction, part) for part in PARTS])

    def _now(self) -> list[Tensor]:
        values = self.values()
        return [values[i].detach().clone() for i in self.graded]

    def _slope(self, above: list[Tensor], below: list[Tensor], up: float, down: float) -> Slope:
        value = unsure = held = 0.0
        for weight, a, y, b, summed in zip(self.weights, above, self.at, below, self.sums, strict=True):
            value += float((weight * (a - b)).sum())
            unsure += float((weight * ((a - y) / up - (y - b) / down)).abs().sum())  # so that no two edges cancel
            held += float(summed[a != b].abs().sum())
        rounding = ROUNDING * torch.finfo(self.dtype).eps * held / up
        return Slope(value / (up + down), unsure + rounding)


def _doubted(first: Slope, others: Sequence[Slope]) -> Slope:
    return Slope(first.value, first.unsure + 2 * max(abs(other.value - first.value) for other in others))


def works_in_float32(values: Sequence[Tensor]) -> bool:
    """True where every number is one that float32 can hold: somewhere within, a layer in float64 works in float32.

    Give values of numbers that float32 can't hold.
    """
    floats = [v.detach() for v in values if v.numel() and not bool((v == v.round()).all())]
    return bool(floats) and all(bool((v.float().double() == v.double()).all()) for v in floats)
