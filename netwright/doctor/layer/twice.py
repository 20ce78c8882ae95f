"""Calls that come between: a second backward, and a second forward before the first backward."""

from torch import Tensor

from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.subject import Gradients, Sources, Subject
from netwright.doctor.layer.telling import apart, beside

NAME = "called twice"
NEAR = 1e-9
SMALLER = 0.95


def check(subject: Subject) -> Finding:
    """Both give what they give alone."""
    sources = subject.sources()
    outputs = subject.run(sources)
    cotangents = subject.cotangents(outputs)
    first = subject.gradients(sources, outputs, cotangents, retain_graph=True)
    first = {name: None if g is None else g.clone() for name, g in first.items()}
    try:
        second = subject.gradients(sources, outputs, cotangents)
    except Exception as error:
        seen = f"a second backward with retain_graph=True raises {first_line(error)}"
        return Finding(NAME, "not supported", seen, "Delete nothing from ctx in backward: autograd frees it in time.")
    if wrong := _wrong(subject, first, second):
        fix = "Write into no saved tensor in backward: work on a copy, or use operations that are not in place."
        return Finding(NAME, "failed", f"a second backward gives another gradient of {wrong}", fix)
    return _forwards(subject)


def _forwards(subject: Subject) -> Finding:
    sources = subject.sources()
    held = [sources, _others(sources)]
    alone = [_gradients(subject, s) for s in held]
    outputs = [subject.run(s) for s in held]
    together = [subject.gradients(s, o, subject.cotangents(o)) for s, o in zip(held, outputs, strict=True)]
    for a, b in zip(alone, together, strict=True):
        if wrong := _wrong(subject, b, a):
            seen = f"two forwards, then their backwards: {wrong} after one forward alone"
            fix = "Keep what backward needs in ctx, with save_for_backward: on self, on the class or in a global the "
            return Finding(NAME, "failed", seen, fix + "next forward overwrites it.")
    return Finding(NAME, "passed", "a second backward, and a second forward before the backward, change nothing")


def _gradients(subject: Subject, sources: Sources) -> Gradients:
    outputs = subject.run(sources)
    return subject.gradients(sources, outputs, subject.cotangents(outputs))


def _others(sources: Sources) -> dict[str, Tensor]:
    """Other inputs to the same weights; other weights where nothing else can be another."""
    inputs = [name for name in sources if name.startswith("input ")]
    return {name: _other(s) if name in inputs or not inputs else s for name, s in sources.items()}


def _other(source: Tensor) -> Tensor:
    return (SMALLER * source.detach().flatten().flip(0).view(source.shape)).requires_grad_()


def _wrong(subject: Subject, mine: Gradients, other: Gradients) -> str:
    for name in mine:
        if apart(mine[name], other[name]) > NEAR:
            return f"{subject.shown(name)}{beside(mine[name], other[name])}"
    return ""
