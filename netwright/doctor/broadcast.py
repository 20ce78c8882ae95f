"""Shapes that torch would broadcast in silence: (B, 1) minus (B,) is (B, B), every output against every target."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.doctor.calls import BY_VALUE, LossCall
from netwright.doctor.target_form import same_shape
from netwright.doctor.wording import shape

OPERATORS = {"sub", "__sub__", "rsub", "__rsub__", "subtract", "add", "__add__", "__radd__"} | {
    "mul",
    "__mul__",
    "__rmul__",
    "multiply",
}
"""By name, as a function, a method and an operator are three objects."""


def check(call: LossCall) -> list[Notice]:
    """Raises InputError where one of torch's losses would compare every output with every target.

    A notice where it would only repeat outputs or targets; nothing where either is a single number.
    """
    output, target = call.input, call.target
    if call.function not in BY_VALUE or output.shape == target.shape or 1 in (output.numel(), target.numel()):
        return []
    try:
        together = torch.broadcast_shapes(output.shape, target.shape)
    except RuntimeError:
        return []  # torch refuses, and target_form explains
    if prod(together) > max(output.numel(), target.numel()):
        raise InputError(
            f"{call.name} would compare every output with every target of the batch.",
            got=f"output {shape(output)} and target {shape(target)}, which broadcast to {tuple(together)}",
            wanted="one shape for both",
            fix=same_shape(output, target),
        )
    if output.numel() == target.numel():
        return []
    what = f"{call.name} repeats values: output {shape(output)} against target {shape(target)}."
    return [Notice(what=what, fix=same_shape(output, target), serious=True)]


def after(output: Tensor, function: Any, args: tuple, result: Any) -> Sequence[Notice]:
    """A notice where a person's own loss sets an output (B, 1) against a target (B,), or the other way round."""
    if getattr(function, "__name__", "") not in OPERATORS or not isinstance(result, Tensor):
        return []
    tensors = [a for a in args if isinstance(a, Tensor)]
    if (
        len(tensors) != 2
        or {t.dim() for t in tensors} != {1, 2}
        or tensors[0].requires_grad == tensors[1].requires_grad
    ):
        return []
    given, target = sorted(tensors, key=lambda t: not t.requires_grad)
    rows = output.shape[0] if output.dim() else 0
    if rows < 2 or {tuple(given.shape), tuple(target.shape)} != {(rows, 1), (rows,)} or given.shape != output.shape:
        return []
    what = f"The loss sets output {shape(given)} against target {shape(target)}, which makes {shape(result)}"
    return [Notice(what=f"{what}: every output against every target.", fix=same_shape(given, target), serious=True)]
