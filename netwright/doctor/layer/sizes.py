"""Other batches than the example: of one row, of one more; without the axis of rows, and with one more in front."""

import torch
from torch import Tensor

from netwright.doctor.layer.compare import compare
from netwright.doctor.layer.finding import SEE_FIRST, Finding
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.rows import Rows, cut, rows
from netwright.doctor.layer.subject import Subject

NAME = "other batch sizes"
ELEMENTS, FEWEST = 24, 3
FIX = "Take sizes from the inputs of this call (x.shape[0]), not from constants, and sum over all axes in front: "
FIX += "reshape(-1, x.shape[-1]) turns them into rows."


def check(subject: Subject) -> Finding:
    """Gradients are right for each that forward takes."""
    if subject.wrong:
        return Finding(NAME, "not tried", SEE_FIRST)
    found = rows(subject)
    if found is None:
        found = rows(subject.evaluating())
    if found is None:
        return Finding(NAME, "not supported", "forward takes no other number of rows than the example's", FIX)
    refused, taken = [], []
    for title, trial, size in _others(subject, found):
        verdict, told = _tried(trial)
        if verdict == "wrong" and not size:
            refused += [] if "raises" in told else [f"{title} forward runs, but {told}"]
        elif verdict == "wrong":
            return Finding(NAME, "failed", f"with {title}: {told}", FIX)
        if verdict == "right":
            taken.append(title)
        elif size:
            refused.append(f"{title} it raises {told}")
    if refused:
        return Finding(NAME, "not supported", f"with {refused[0]}", f"Nothing, if it is to be so. Otherwise: {FIX}")
    return Finding(NAME, "passed", f"right with {', '.join(taken)}")


def _others(subject: Subject, found: Rows) -> list[tuple[str, Subject, bool]]:
    """What to call it, the layer on it, and whether it is another number of rows."""
    more = [i % found.count for i in range(found.count + 1)]
    named = subject.inputs_by_name()

    def each(function: object) -> Subject:
        return subject.placed({name: function(named[name]) for name in found.names})  # type: ignore[operator]

    def front(x: Tensor) -> Tensor:
        return torch.stack([x, x])

    def less(x: Tensor) -> Tensor:
        return x[0]

    return [
        ("one row", cut(subject, found.names, [0]), True),
        (f"{len(more)} rows", cut(subject, found.names, more), True),
        ("an axis more in front", each(front), False),
        ("no axis of rows", each(less), False),
    ]


def _tried(subject: Subject) -> tuple[str, str]:
    """right, wrong or refused, and what was seen."""
    try:
        sources = subject.sources()
        outputs = subject.run(sources)
    except Exception as error:
        return "refused", first_line(error)
    if not any(o.requires_grad for o in outputs):
        return "refused", "nothing to differentiate"
    try:
        base = subject.base
    except Exception as error:
        return "wrong", f"backward raises {first_line(error)}"
    with torch.no_grad():
        compared = [c for c in compare(subject, base, ELEMENTS, FEWEST) if c.wrong]
    if not compared:
        return "right", ""
    return "wrong", compared[0].told(subject.shown(compared[0].name), base.sources[compared[0].name].shape)
