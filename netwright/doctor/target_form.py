"""A target of another number type or form than its loss takes: why torch refused, with the line that mends it."""

import torch
from torch import Tensor

from netwright.core.errors import InputError
from netwright.core.notice import Notice
from netwright.doctor.calls import BINARY, BY_CLASS, BY_VALUE, LossCall
from netwright.doctor.wording import kind, shape


def explain(call: LossCall, error: Exception) -> None:
    """Raises InputError where the target's type or shape is why a loss refused."""
    if call.function in BY_CLASS:
        class_numbers(call, error)
    elif call.target.shape != call.input.shape:
        raise InputError(
            f"{call.name} compares output and target one by one, and their shapes differ.",
            got=f"output {shape(call.input)}, target {shape(call.target)}",
            wanted="one shape for both",
            fix=same_shape(call.input, call.target),
        ) from error
    elif call.target.dtype != call.input.dtype:
        refuse_type(call, error)


def check_gradient(call: LossCall) -> list[Notice]:
    """Raises InputError where a loss takes the target's type but its gradient doesn't; tried on one row.

    Which losses do depends on torch's version.
    """
    same = call.target.dtype == call.input.dtype or call.target.shape != call.input.shape
    if same or call.function not in BY_VALUE | BINARY or not call.input.dim():
        return []
    row = call.input[:1].clone().requires_grad_()
    try:
        call.function(row, call.target[:1]).backward()
    except RuntimeError as error:
        refuse_type(call, error)
    return []


def refuse_type(call: LossCall, error: Exception) -> None:
    """Raises the InputError for a target of the wrong number type."""
    raise InputError(
        f"{call.name} doesn't take labels of type {kind(call.target)}.",
        got=f"target {kind(call.target)}, output {kind(call.input)}: {error}",
        wanted=f"a target of the output's type, {kind(call.input)}",
        fix="y = y.float()  # NumPy: y.astype('float32')" if call.input.dtype == torch.float32 else "y = y.to(output)",
    ) from error


def class_numbers(call: LossCall, error: Exception) -> None:
    """Raises InputError for a target that is neither class numbers (B, ...) nor probabilities (B, C, ...)."""
    wanted = class_shape(call.input)
    if tuple(call.target.shape) == wanted:
        fix = "y = y.long()" if call.target.dtype not in (torch.int64, torch.uint8) else ""
    else:
        fix = classes_of(call.input, call.target, wanted)
    if fix:
        raise InputError(
            f"{call.name} can't read this target.",
            got=f"target {shape(call.target)} of {kind(call.target)} for output {shape(call.input)}: {error}",
            wanted=f"class numbers {wanted} of int64" if wanted else "one class number",
            fix=fix,
        ) from error


def class_shape(output: Tensor) -> tuple[int, ...]:
    """The shape of the class numbers for an output (B, C, ...) or (C)."""
    sizes = tuple(output.shape)
    return sizes[:1] + sizes[2:] if len(sizes) > 1 else ()


def classes_of(output: Tensor, target: Tensor, wanted: tuple[int, ...]) -> str:
    """The line that turns a target of another shape into class numbers, or the output into (B, C, ...)."""
    sizes = tuple(target.shape)
    cast = "" if target.dtype == torch.int64 else ".long()"
    if sizes == tuple(output.shape):
        return "y = y.float()  # or y.argmax(dim=1): class numbers instead of one-hot rows"
    if len(sizes) == len(wanted) + 1 and sizes[1] == 1 and sizes[:1] + sizes[2:] == wanted:
        return f"y = y.squeeze(1){cast}"
    if output.dim() > 2 and sizes == tuple(output.shape[:-1]):
        return f"loss=lambda output, y: F.cross_entropy(output.movedim(-1, 1), y{cast})  # classes come second"
    if len(sizes) == len(wanted) and sizes[0] != wanted[0]:
        return (
            "x = x.flatten(1) in forward: a view(-1, size) with a wrong size moves rows"
            if sizes[1:] == wanted[1:]
            else ""
        )
    return f"Bring the target to {wanted}, or the output to (B, classes, ...) of the target."


def same_shape(output: Tensor, target: Tensor) -> str:
    """The line that gives output and target one shape."""
    if output.numel() == target.numel():
        if tuple(output.shape) == (*target.shape, 1):
            return "y = y.unsqueeze(-1)"
        if tuple(target.shape) == (*output.shape, 1):
            return "y = y.squeeze(-1)"
        return "y = y.reshape(output.shape)"
    if output.shape[:1] == target.shape[:1] and target.dim() == 2 and output.dim() == 2:
        return f"Give the last layer {target.shape[1]} outputs: one for each value of a row's target."
    return "Print output.shape and y.shape, and bring both to one."
