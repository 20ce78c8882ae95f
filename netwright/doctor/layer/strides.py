"""Inputs and gradients that do not lie in memory one after the other: same numbers."""

import torch
from torch import Tensor

from netwright.doctor.layer.finding import SEE_REPEATABLE, Finding
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.rows import draws, unsteady
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import apart, beside

NAME = "not contiguous"
NEAR = 1e-9
FIX = ".reshape(…) where .view(…) stands, no data_ptr and no as_strided on what was given; or .contiguous() first."


def check(subject: Subject) -> Finding:
    """Every other number of a larger tensor, a transpose, and a gradient that is one number repeated."""
    if draws(subject):
        subject = subject.evaluating()
        if draws(subject):
            drawn = "it draws random numbers, in the order in which numbers lie in memory"
            return Finding(NAME, "not tried", SEE_REPEATABLE if unsteady(subject) else drawn)
    base = subject.base
    ones = [None if c is None else c.new_ones(()).expand(c.shape) for c in base.cotangents]
    if told := _gradient(subject, base, ones):
        return Finding(NAME, "failed", f"with the grad_output of .sum(), one number repeated: {told}", FIX)
    for title, form in FORMS.items():
        if told := _gradient(subject, base, [None if c is None else form(c) for c in base.cotangents]):
            return Finding(NAME, "failed", f"with grad_output as {title}: {told}", FIX)
    seen = [
        (f"with {subject.shown(name)} as {title}: {told}", "raises" in told)
        for title, form in FORMS.items()
        for name in subject.inputs_by_name()
        if (told := _input(subject, base, name, form))
    ]
    for told, refused in sorted(seen, key=lambda one: one[1]):
        return Finding(NAME, "not supported" if refused else "failed", told, FIX)
    return Finding(NAME, "passed", "same numbers for transposed and spaced inputs, and for grad_output of .sum()")


def spaced(x: Tensor) -> Tensor:
    """The same numbers, with others between and before them."""
    return torch.stack([torch.ones_like(x), x], -1)[..., 1]


def turned(x: Tensor) -> Tensor:
    """The same numbers, last axis first in memory."""
    return x.transpose(0, -1).contiguous().transpose(0, -1) if x.dim() > 1 else spaced(x)


FORMS = {"every second number of a larger tensor": spaced, "a transposed tensor": turned}


def _input(subject: Subject, base: Base, name: str, form: object) -> str:
    sources = subject.sources()
    trial = subject
    if name in sources:
        sources[name] = form(sources[name].detach()).requires_grad_()  # type: ignore[operator]
    else:
        trial = subject.strided({name: form(subject.inputs_by_name()[name])})  # type: ignore[operator]
    try:
        outputs = trial.run(sources)
        gradients = trial.gradients(sources, outputs, base.cotangents)
    except Exception as error:
        return f"it raises {first_line(error)}"
    for i, (mine, other) in enumerate(zip(outputs, base.outputs, strict=True)):
        if apart(mine, other) > NEAR:
            return f"output {i}{beside(mine, other)}"
    for key, gradient in gradients.items():
        if apart(gradient, base.gradients[key]) > NEAR:
            return f"the gradient of {subject.shown(key)}{beside(gradient, base.gradients[key])}"
    return ""


def _gradient(subject: Subject, base: Base, cotangents: list[Tensor | None]) -> str:
    found = []
    for given in (
        cotangents,
        [None if c is None else c.clone(memory_format=torch.contiguous_format) for c in cotangents],
    ):
        sources = subject.sources()
        try:
            found.append(subject.gradients(sources, subject.run(sources), given))
        except Exception as error:
            return f"backward raises {first_line(error)}"
    for name in base.sources:
        if apart(found[0][name], found[1][name]) > NEAR:
            return f"the gradient of {subject.shown(name)}{beside(found[0][name], found[1][name])}"
    return ""
