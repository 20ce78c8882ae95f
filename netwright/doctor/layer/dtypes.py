"""Other kinds of numbers: float32 close to float64, bfloat16 and float16 where they are supported."""

import torch
from torch import Tensor

from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.nodes import raw
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.rows import draws
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import apart, beside
from netwright.doctor.wording import kind

NAME = "number types"
NEAR = {torch.float64: 1e-9, torch.float32: 1e-3, torch.bfloat16: 0.2, torch.float16: 0.05}
"""What a tensor may be off the one in float64, of its largest number."""
FIX = "Make new tensors in the input's type (x.new_zeros, torch.zeros_like, dtype=x.dtype), and keep NumPy out."
OVERFLOW = "Subtract the largest before exp, use log1p, expm1 or clamp: what is inf in between becomes nan in the end."


def check(subject: Subject) -> Finding:
    """The type of outputs and gradients, and their numbers."""
    quiet = subject.evaluating() if draws(subject) else subject
    numbers = quiet.dtype == torch.float64 and not draws(quiet)
    base = quiet.passes()
    told = next((t for d in (subject.dtype, torch.float32) if (t := _tried(quiet, base, d, numbers))), "")
    if told:
        return Finding(NAME, "failed", told, OVERFLOW if "nan" in told or "inf" in told else FIX)
    refused = {}
    for dtype in (torch.bfloat16, torch.float16):
        if told := _tried(quiet, base, dtype, numbers):
            refused[str(dtype).removeprefix("torch.")] = told
    if refused:
        return Finding(NAME, "not supported", "; ".join(f"{name}: {told}" for name, told in refused.items()), FIX)
    return Finding(NAME, "passed", "float32 is close to float64; bfloat16 and float16 are taken too")


def _tried(subject: Subject, base: Base, dtype: torch.dtype, numbers: bool) -> str:
    """What is wrong with it in these numbers; "" where nothing is."""
    try:
        trial = subject.of(dtype)
        sources = trial.sources()
        outputs = trial.run(sources)
        cotangents = [
            None if c is None or not o.requires_grad else c.to(o.dtype)
            for o, c in zip(outputs, base.cotangents, strict=True)
        ]
        gradients = trial.gradients(sources, outputs, cotangents)
    except Exception as error:
        return f"it raises {first_line(error)}"
    for i, o in enumerate(outputs):
        if o.is_floating_point() and o.requires_grad and o.dtype != dtype:
            return f"output {i} is {kind(o)} for inputs of {str(dtype).removeprefix('torch.')}"
    for one in raw(trial, Base(sources, outputs, cotangents, gradients)):
        if one.gradient.dtype != one.dtype:
            return f"{one.function} gives {one.gradient.dtype} as gradient of argument {one.argument}, {one.dtype}"
    return _far(subject, base, outputs, gradients, NEAR[dtype]) if numbers else ""


def _far(
    subject: Subject, base: Base, outputs: tuple[Tensor, ...], gradients: dict[str, Tensor | None], near: float
) -> str:
    for i, (o, wanted) in enumerate(zip(outputs, base.outputs, strict=True)):
        if o.is_floating_point() and apart(o, wanted) > near:
            return f"output {i}{beside(o, wanted)} in float64"
    for name, gradient in gradients.items():
        if apart(gradient, base.gradients[name]) > near:
            return f"the gradient of {subject.shown(name)}{beside(gradient, base.gradients[name])} in float64"
    return ""
