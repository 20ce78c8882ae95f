"""The backward by hand beside autograd's own, where autograd can differentiate the same forward: to the last digits."""

import torch
from torch import Tensor

from netwright.doctor.layer.compare import coarse, compare
from netwright.doctor.layer.differences import Differences
from netwright.doctor.layer.finding import SEE_FIRST, Finding
from netwright.doctor.layer.nodes import written
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.reference import without_backward
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import number, off, place, zero_for_none

NAME = "beside autograd"
EXACT = 1e-9
NOTHING = 1e-6
MOST = 20
"""Elements that are looked at again, where an edge may be the reason."""
FIX = (
    "The formula is right up to rounding, or up to a constant that is cut short: use the same constants, the same eps "
    "and the same kind of numbers in backward as in forward."
)


def check(subject: Subject) -> Finding:
    """Exactly, but where forward has an edge."""
    other = _other(subject)
    if isinstance(other, str):
        return Finding(NAME, "not tried", other)
    wrong = _wrong(subject, subject.base, other)
    if not wrong:
        return Finding(NAME, "passed", "the same to the last digits")
    with torch.no_grad():
        if any(c.wrong for c in compare(subject, other)):
            return Finding(NAME, "not tried", "autograd itself can't differentiate this forward")
    return Finding(NAME, "not tried", SEE_FIRST) if subject.wrong else Finding(NAME, "failed", wrong, FIX)


def _other(subject: Subject) -> Base | str:
    """A pass with autograd's own backward, or why there is none."""
    base = subject.base
    if subject.kind == "module" and not written(base.outputs):
        return "no backward in it is written by hand"
    sources = subject.sources()
    try:
        outputs = without_backward(subject, sources)
    except Exception as error:
        return f"autograd can't run forward by itself: {first_line(error)}"
    if outputs is None:
        return "a Function is called by another name than .apply"
    if any(off(a, b) > EXACT for a, b in zip(outputs, base.outputs, strict=True)):
        return "forward alone gives other outputs"
    cotangents = [c if o.requires_grad else None for o, c in zip(outputs, base.cotangents, strict=True)]
    return Base(sources, outputs, base.cotangents, subject.gradients(sources, outputs, cotangents))


def _wrong(subject: Subject, base: Base, other: Base) -> str:
    """The worst element that differs where forward has a derivative; "" where none does."""
    with torch.no_grad():
        dtype = coarse(subject, base)
        exact = EXACT if dtype == torch.float64 else 1e-4
        differences = Differences(lambda: subject.run(base.sources), base.cotangents, dtype)
        for name, source in base.sources.items():
            mine, theirs = (zero_for_none(b.gradients[name], source) for b in (base, other))
            if off(mine, theirs) <= exact:
                continue
            distance = (mine - theirs).abs().reshape(-1).nan_to_num(nan=float("inf"))
            scale = float(theirs.abs().nan_to_num(0, 0, 0).max())
            for k in distance.argsort(descending=True)[:MOST].tolist():
                far = float(distance[k])
                if far > exact * scale and far > _edge(differences, source, k):
                    numbers = [number(float(t.reshape(-1)[k])) for t in (mine, theirs)]
                    told = f"∂L/∂{subject.shown(name)}{place(k, source.shape)}: backward says {numbers[0]}, autograd"
                    share = f" ({number(far / scale)} of the largest apart)" if scale > far * NOTHING else ""
                    return f"{told}'s own says {numbers[1]}{share}"
    return ""


def _edge(differences: Differences, source: Tensor, k: int) -> float:
    """How far two derivatives may be apart at an edge; without one, where slopes meet as steps get smaller, nothing."""
    first, smaller = differences.by_element(source, k), differences.by_element(source, k, 1 / 8)
    return 2 * first.unsure if smaller.unsure > first.unsure / 2 else 0.0
