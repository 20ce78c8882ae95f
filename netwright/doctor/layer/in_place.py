"""What is written into: inputs, weights and grad_output by the layer; its inputs and outputs by others, afterwards."""

import torch
from torch import Tensor

from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.nodes import written
from netwright.doctor.layer.subject import Gradients, Sources, Subject
from netwright.doctor.layer.telling import apart

NAME = "in place"
NEAR = 1e-9
OWN = "Write into a copy ({0}.clone()) or a new tensor; or, if it is meant, return {0} itself and call ctx.mark_dirty."


def check(subject: Subject) -> Finding:
    """First what the layer changes, then what it notices."""
    told = _changed(subject)
    if told:
        return Finding(NAME, "failed", *told)
    told = _unnoticed(subject)
    if told:
        fix = "Save it with ctx.save_for_backward, not as an attribute or .data: autograd then sees writes."
        return Finding(NAME, "failed", told, fix)
    return Finding(NAME, "passed", "it changes nothing it was given; later writes into inputs and outputs are noticed")


def _changed(subject: Subject) -> tuple[str, str] | None:
    """What the layer wrote into without saying so, and the mend."""
    plain = subject.bare()
    try:
        sources = plain.sources()
        given = plain.arguments(sources)
        held = _held(plain, sources, given)
        before = {name: t.detach().clone() for name, t in held.items()}
        plain.seeded()
        outputs = plain.leaves_of(plain.called(plain.layer, given, sources))
    except RuntimeError as error:
        if "in-place operation" in str(error):  # autograd was told, and minds for leaves
            return None
        raise
    for name, tensor in held.items():
        if not _same(tensor, before[name]):
            shown = subject.shown(name)
            return f"forward changes {shown}", OWN.format(shown.partition("(")[2].rstrip(")") or "x")
    answers = [o.detach().clone() for o in outputs]
    cotangents = plain.cotangents(outputs)
    drawn = [None if c is None else c.clone() for c in cotangents]
    plain.gradients(sources, outputs, cotangents, retain_graph=True)
    for c, d in zip(cotangents, drawn, strict=True):
        if c is not None and d is not None and not _same(c, d):
            return "backward changes grad_output, which others may still need", OWN.format("grad_output").split(";")[0]
    for i, (o, answer) in enumerate(zip(outputs, answers, strict=True)):
        if not _same(o, answer):
            return f"backward changes output {i}, which it has saved", "Write into a copy, y.clone()."
    for name, tensor in held.items():
        if not _same(tensor, before[name]):
            return f"backward changes {subject.shown(name)}", "Write into a copy, x.clone(), or into a new tensor."
    return None


def _held(subject: Subject, sources: Sources, given: tuple) -> dict[str, Tensor]:
    """Everything the layer is given, by name."""
    return dict(zip(subject.labels, subject.leaves_of(given), strict=True)) | sources


def _unnoticed(subject: Subject) -> str:
    """What can be written into after forward so that backward silently gives something else."""
    if subject.written_into or not written(subject.base.outputs):
        return ""  # autograd's own operators look themselves
    right = subject.passes().gradients
    count = len(subject.base.outputs)
    for i in range(count):
        if subject.base.outputs[i].requires_grad and (told := _after(subject, right, output=i)):
            return told
    for name in subject.base.sources:
        if told := _after(subject, right, source=name):
            return told
    return ""


def _after(subject: Subject, right: Gradients, output: int | None = None, source: str = "") -> str:
    """Forward, a write into one output or source, backward."""
    sources = subject.sources()
    outputs = subject.run(sources)
    cotangents = subject.cotangents(outputs)
    target = sources[source] if output is None else outputs[output]
    try:
        with torch.no_grad():
            target.add_(1)
        gradients = subject.gradients(sources, outputs, cotangents)
    except Exception:  # autograd, or the layer, has noticed
        return ""
    wrong = [name for name in sources if apart(gradients[name], right[name]) > NEAR]
    if not wrong:
        return ""
    what = f"output {output}" if output is not None else subject.shown(source)
    return f"{what} was changed in place after forward, and backward gave another gradient of {subject.shown(wrong[0])}"


def _same(mine: Tensor, other: Tensor) -> bool:
    return mine.shape == other.shape and bool(((mine == other) | mine.isnan()).all())
