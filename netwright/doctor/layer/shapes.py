"""The form of gradients: one for each input, of its shape and number type, inputs that are broadcast included."""

from collections.abc import Iterator

import torch
from torch import Tensor

from netwright.doctor.layer.compare import compare
from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.nodes import Raw, raw
from netwright.doctor.layer.raised import FORMED, first_line
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import apart, shape

NAME = "shapes"
MOST_VARIANTS = 6
NEAR = 1e-6


def check(subject: Subject) -> Finding:
    """What backward itself gives, and what becomes of inputs of size 1."""
    base = subject.base
    for one in raw(subject, base):
        if one.gradient.shape != one.shape:
            seen = (
                f"{one.function} gives {shape(one.gradient)} for argument {one.argument}, which is {shape(one.shape)}"
            )
            return Finding(NAME, "failed", seen, _sum(one))
        if one.gradient.dtype != one.dtype:
            seen = f"{one.function} gives {one.gradient.dtype} for argument {one.argument}, which is {one.dtype}"
            fix = (
                "Make new tensors with torch.zeros_like(x), x.new_zeros(…) or dtype=x.dtype, and cast to no fixed type."
            )
            return Finding(NAME, "failed", seen, fix)
    count, wrong = _broadcast(subject, base) if not subject.wrong else (0, "")
    if wrong:
        fix = (
            "Sum the gradient over the axes along which the input was repeated, .sum_to_size(x.shape); and for a mean "
        )
        return Finding(NAME, "failed", wrong, fix + "divide by as many numbers as there are then, not by x.numel().")
    more = f", and for {count} other shapes that broadcast" if count else ""
    return Finding(NAME, "passed", f"each gradient has its input's shape and number type{more}")


def _sum(one: Raw) -> str:
    if one.gradient.numel() > one.shape.numel():
        return f"Sum it over the axes along which the input was repeated: grad.sum_to_size({shape(one.shape)})."
    return f"Bring it to {shape(one.shape)}, the shape of the input."


def _broadcast(subject: Subject, base: Base) -> tuple[int, str]:
    """How many shapes were tried that forward takes, and the first gradient that was wrong."""
    count, form = 0, [o.shape for o in base.outputs]
    for name, other in variants(subject, base):
        try:
            trial = subject.placed({name: other})
            outputs = trial.run(trial.sources())
        except Exception:
            continue
        if [o.shape for o in outputs] != form or not _repeated(subject, base, name, other, outputs):
            continue
        try:
            made = trial.base
        except Exception as error:
            if FORMED in str(error):
                return count, f"forward takes {subject.shown(name)} of {shape(other)}, but {first_line(error)}"
            continue
        count += 1
        with torch.no_grad():
            wrong = [c for c in compare(trial, made, 12, 3) if c.wrong]
        known = [c for c in wrong if c.name == name]
        if known:
            told = known[0].told(subject.shown(name), made.sources[name].shape)
            return count, f"with {subject.shown(name)} of {shape(other)}, which forward broadcasts, {told}"
    return count, ""


def _repeated(subject: Subject, base: Base, name: str, other: Tensor, outputs: tuple[Tensor, ...]) -> bool:
    """True where forward takes a smaller input as if it were repeated: where it has a length, as a norm, it is not."""
    whole = subject.placed({name: other.expand(base.sources[name].shape).clone()})
    return all(apart(a, b) <= NEAR for a, b in zip(whole.run(whole.sources()), outputs, strict=True))


def variants(subject: Subject, base: Base) -> Iterator[tuple[str, Tensor]]:
    """Inputs with an axis of size 1, or one less in front."""
    found = 0
    for name, source in base.sources.items():
        if not name.startswith("input ") or not source.dim():
            continue
        first = source.detach().narrow(0, 0, 1) if len(source) > 1 else None
        last = source.detach().narrow(-1, 0, 1) if source.dim() > 1 and source.shape[-1] > 1 else None
        less = source.detach()[0] if len(source) else None
        for other in (first, last, less):
            if other is not None and found < MOST_VARIANTS:
                found += 1
                yield name, other.clone()
