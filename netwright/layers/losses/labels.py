"""Targets that are class indices: which class each row has, whether the row counts, and how much.

N rows, C classes, … further axes. The class axis of an input (C,) is its first, of (N, C, …) its second; here it is
kept, with length 1, so that what a row has broadcasts over its classes.
"""

import torch
from torch import Tensor

from netwright.core.errors import InputError, InputTypeError


def class_axis(input: Tensor) -> int:
    """Where the classes are: 0 in (C,), 1 in (N, C, …)."""
    return 1 if input.dim() > 1 else 0


def labels(input: Tensor, target: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Input (N, C, …), target (N, …) → indices (N, 1, …), 0 for ignored rows, and which rows are kept (N, 1, …).

    An index that is neither a class nor `ignore_index` is left as it is, so that `gather` refuses it. Raises
    InputTypeError for a target that is not of integers, InputError for one that has not one index a row.
    """
    if target.is_floating_point() or target.dtype == torch.bool:
        raise InputTypeError(
            "Class indices must be integers.",
            got=f"a target of {target.dtype}",
            wanted="torch.int64, or another type of integers",
            fix="Convert `target` with .long().",
        )
    axis = class_axis(input)
    rows = (*input.shape[:axis], *input.shape[axis + 1 :])
    if target.shape != rows:  # gather would take a shorter target, and leave out rows
        raise InputError(
            "The target must have one class index for each row of the input.",
            got=f"input {tuple(input.shape)}, target {tuple(target.shape)}",
            wanted=f"a target of shape {rows}",
            fix="Reshape `target`, or move the input's classes to axis 1, behind the rows.",
        )
    index = target.to(torch.int64).unsqueeze(axis)
    kept = index != ignore_index
    return torch.where(kept, index, 0), kept


def shares(input: Tensor, index: Tensor, kept: Tensor, weight: Tensor | None) -> Tensor:
    """Indices and which rows are kept (N, 1, …), weight (C,) or None → how much each row counts (N, 1, …)."""
    if weight is None:
        return kept.to(input.dtype)
    return torch.where(kept, weight[index], 0.0)


def check_weight(input: Tensor, weight: Tensor | None) -> None:
    """Raises InputError where there is not one weight for each class."""
    classes = input.shape[class_axis(input)]
    if weight is not None and weight.shape != (classes,):
        raise InputError(
            "Class weights must be one number a class.",
            got=f"weight {tuple(weight.shape)} for {classes} classes",
            wanted=f"shape ({classes},)",
            fix="Give `weight` one number for each class of the input.",
        )


def totals(weight: Tensor, index: Tensor, values: Tensor) -> Tensor:
    """Σ of the values of the rows of each class: indices and values (N, 1, …) → (C,)."""
    return torch.zeros_like(weight).scatter_add(0, index.flatten(), values.flatten())
