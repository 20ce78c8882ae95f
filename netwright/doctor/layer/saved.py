"""What is kept for backward: by save_for_backward, where autograd sees it, and no longer than the output lives."""

import gc
import weakref

from torch import Tensor

from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.nodes import Kept, kept
from netwright.doctor.layer.subject import Subject

NAME = "saved tensors"


def check(subject: Subject) -> Finding:
    """Attributes of ctx that hold tensors, and tensors that stay."""
    found = [] if subject.kind == "pair" else _kept(subject)
    given = [one for one, what in found if one.attribute and what]
    if given:
        one, what = next((one, what) for one, what in found if one.attribute and what)
        seen = f"{one.function} keeps {what} as {one.how}: autograd does not see writes into it"
        seen += ", and its memory is never freed" if what.startswith("output") else ""
        fix = f"ctx.save_for_backward({_word(subject, what)}) in forward, ctx.saved_tensors in backward."
        return Finding(NAME, "failed", seen, fix)
    if _stays(subject):
        fix = "Keep tensors in ctx.save_for_backward alone: not in lists, in the class, in globals, or ctx.y = y."
        return Finding(NAME, "failed", "what a forward was given stays in memory after its output is gone", fix)
    loose = [one for one, _ in found if one.attribute]
    if loose:
        seen = f"{loose[0].function} keeps a tensor as {loose[0].how}: hooks for saved tensors (offloading) miss it"
        return Finding(NAME, "not supported", seen, "Save it with ctx.save_for_backward too; it takes any tensor.")
    count = len(found)
    return Finding(
        NAME, "passed", f"{count} saved by hand-written functions; nothing stays" if count else "nothing stays"
    )


def _kept(subject: Subject) -> list[tuple[Kept, str]]:
    """Each kept tensor with what it is: `input 0 (x)`, `output 0`, "" for others."""
    sources = subject.sources()
    outputs = subject.run(sources)
    known = {t.data_ptr(): subject.shown(name) for name, t in sources.items() if t.numel()}
    known |= {t.data_ptr(): f"output {i}" for i, t in enumerate(outputs) if t.numel() and t.data_ptr() not in known}
    return [(one, _name(one.tensor, known)) for one in kept(outputs)]


def _name(tensor: Tensor, known: dict[int, str]) -> str:
    if name := known.get(tensor.data_ptr(), ""):
        return name
    return "one of its inputs or outputs" if tensor.requires_grad or tensor.grad_fn is not None else ""


def _stays(subject: Subject) -> bool:
    """True where tensors of a first forward and backward are still there after a second."""
    watched = _used(subject)
    _used(subject)
    if not any(ref() is not None for ref in watched):
        return False
    gc.collect()
    return any(ref() is not None for ref in watched)


def _used(subject: Subject) -> list[weakref.ref]:
    sources = subject.sources()
    outputs = subject.run(sources)
    subject.gradients(sources, outputs, subject.cotangents(outputs))
    return [weakref.ref(t) for t in (*sources.values(), *outputs)]


def _word(subject: Subject, what: str) -> str:
    if what.startswith("output"):
        return "output"
    return what.partition("(")[2].rstrip(")") or "x"
