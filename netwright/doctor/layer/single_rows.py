"""Each row alone gives what it gives among others: its output, its gradient, its share of the weights' gradient."""

import torch

from netwright.doctor.layer.finding import SEE_FIRST, SEE_REPEATABLE, Finding
from netwright.doctor.layer.rows import FEW, Rows, cut, draws, rows, unsteady
from netwright.doctor.layer.subject import Subject
from netwright.doctor.layer.telling import apart, beside

NAME = "single rows"
NEAR = 1e-7
MODE = " in evaluation mode; in training it mixes rows, or draws random numbers"
MIXED = (
    "Nothing, where rows are meant to be seen together, as BatchNorm does in training. Otherwise some sum, mean or "
    "softmax goes over axis 0: let it go over axis −1."
)
APART = "Forward keeps rows apart, backward does not: look for a mean, a sum or a shape that takes in axis 0."


def check(subject: Subject) -> Finding:
    """In the layer's own mode, or in evaluation where rows are only then apart."""
    mode = ""
    found, quiet = rows(subject), subject.evaluating()
    if found is None and (found := rows(quiet)) is not None:
        subject, mode = quiet, MODE
    if found is None or found.count < 2:
        why = "no input can be cut into rows" if found is None else "the example has one row: give it two or more"
        return Finding(NAME, "not tried", why)
    if not found.independent or draws(subject):
        calm = rows(quiet) if subject.kind == "module" else None
        if draws(quiet):
            return Finding(NAME, "not tried", SEE_REPEATABLE if unsteady(quiet) else "it draws random numbers")
        if calm is not None and calm.independent:
            subject, found, mode = quiet, calm, MODE
    if not found.outputs:
        return Finding(NAME, "not tried", "no output has an axis of rows")
    if not found.independent:
        return Finding(NAME, "not supported", f"it mixes rows: {found.told}", MIXED)
    told = _gradients(subject, found)
    if not told:
        return Finding(NAME, "passed", f"each row alone gives the same output and gradient{mode}")
    return Finding(NAME, "not tried", SEE_FIRST) if subject.wrong else Finding(NAME, "failed", told, APART)


def _gradients(subject: Subject, found: Rows) -> str:
    """The first gradient that is another for rows alone, in words; "" where none is."""
    sources = subject.sources()
    outputs = subject.run(sources)
    cotangents = subject.cotangents(outputs)
    cotangents = [c if i in found.outputs else None for i, c in enumerate(cotangents)]
    whole = subject.gradients(sources, outputs, cotangents)
    sums = {name: torch.zeros_like(s) for name, s in sources.items() if name not in found.names}
    for row in range(found.count if found.count <= 4 * FEW else FEW):
        alone = cut(subject, found.names, [row])
        own = alone.sources()
        parts = [None if c is None else c[row : row + 1] for c in cotangents]
        gradients = alone.gradients(own, alone.run(own), parts)
        for name, gradient in gradients.items():
            if name in sums:
                sums[name] += 0 if gradient is None else gradient.detach()
                continue
            given = whole[name]
            part = None if given is None else given[row : row + 1]
            if apart(gradient, part) > NEAR:
                return f"the gradient of {subject.shown(name)} for row {row} alone{beside(gradient, part)} among others"
    if found.count <= 4 * FEW:
        for name, total in sums.items():
            if apart(total, whole[name]) > NEAR:
                told = beside(total, whole[name])
                return f"the gradient of {subject.shown(name)}, added up over rows alone{told} for all rows at once"
    return ""
