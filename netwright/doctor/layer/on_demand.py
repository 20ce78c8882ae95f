"""Gradients that are not all asked for, and outputs that are not all used."""

import torch

from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.subject import Subject
from netwright.doctor.layer.telling import apart, beside

NAME = "gradients on demand"
NEAR = 1e-9
NEEDED = "Give each gradient by itself; look at ctx.needs_input_grad only to leave out what is not needed."
UNUSED = (
    "Where an output takes no part in the loss its gradient is zeros, or None after set_materialize_grads(False): "
    "skip its share then, grad is None, and return the others'."
)


def check(subject: Subject) -> Finding:
    """One source at a time, then one output at a time."""
    base = subject.base
    for name in base.sources:
        if told := _one_source(subject, name):
            return Finding(NAME, "failed", told, NEEDED)
    graded = [i for i, c in enumerate(base.cotangents) if c is not None]
    for i in graded if len(graded) > 1 else []:
        if told := _one_output(subject, i):
            return Finding(NAME, "failed", told, UNUSED)
    if told := _no_gradient(subject):
        return Finding(NAME, "failed", told, "Let forward do the same whether gradients are wanted or not.")
    more = f", and for each of {len(graded)} outputs alone" if len(graded) > 1 else ""
    return Finding(NAME, "passed", f"the same for each of {len(base.sources)} inputs and weights alone{more}")


def _one_source(subject: Subject, name: str) -> str:
    base, shown = subject.base, subject.shown(name)
    sources = {n: s.requires_grad_(n == name) for n, s in subject.sources().items()}
    try:
        outputs = subject.run(sources)
        joined = [c if o.requires_grad else None for o, c in zip(outputs, base.cotangents, strict=True)]
        found = subject.gradients(sources, outputs, joined)[name]
    except Exception as error:
        return f"where {shown} alone requires a gradient, it raises {first_line(error)}"
    wanted = base.gradients[name]
    if apart(found, wanted) <= NEAR:
        return ""
    return f"where {shown} alone requires a gradient, that is{beside(found, wanted)} where all do"


def _one_output(subject: Subject, number: int) -> str:
    base, found = subject.base, []
    for zeros in (False, True):
        sources = subject.sources()
        outputs = subject.run(sources)
        others = [None if c is None or not zeros else torch.zeros_like(c) for c in base.cotangents]
        chosen = [c if i == number else other for i, (c, other) in enumerate(zip(base.cotangents, others, strict=True))]
        try:
            found.append(subject.gradients(sources, outputs, chosen))
        except Exception as error:
            return f"where output {number} alone is used, backward raises {first_line(error)}"
    for name in base.sources:
        if apart(found[0][name], found[1][name]) > NEAR:
            told = beside(found[0][name], found[1][name])
            return f"where output {number} alone is used, the gradient of {subject.shown(name)} is{told} for zeros"
    return ""


def _no_gradient(subject: Subject) -> str:
    with torch.no_grad():
        try:
            outputs = subject.run(subject.sources())
        except Exception as error:
            return f"under torch.no_grad() forward raises {first_line(error)}"
    for i, (mine, other) in enumerate(zip(outputs, subject.base.outputs, strict=True)):
        if apart(mine, other) > NEAR:
            return f"under torch.no_grad() output {i} is{beside(mine, other)} with gradients"
    return ""
