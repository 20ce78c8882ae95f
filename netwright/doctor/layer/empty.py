"""A batch without rows: an output without rows, gradients in shape, and none for the weights."""

from netwright.doctor.layer.finding import SEE_FIRST, Finding
from netwright.doctor.layer.raised import first_line
from netwright.doctor.layer.rows import cut, rows
from netwright.doctor.layer.subject import Subject

NAME = "empty batch"
FIX = "Let shapes follow from x.shape and let torch work on 0 rows, by sums and products; ask for no max of no rows."
DIVIDED = "A number of rows is divided by, and it is 0 here: divide by max(len(x), 1)."
ADDED = "Make it of sums and products over the rows alone: without rows they are zero by themselves."


def check(subject: Subject) -> Finding:
    """Forward and backward."""
    found = rows(subject) or rows(subject.evaluating())
    if found is None:
        return Finding(NAME, "not tried", "no input can be cut into rows")
    trial = cut(subject, found.names, [])
    sources = trial.sources()
    try:
        outputs = trial.run(sources)
        gradients = trial.gradients(sources, outputs, trial.cotangents(outputs))
    except Exception as error:
        return Finding(NAME, "not supported", f"it raises {first_line(error)}", FIX)
    for i in found.outputs:
        if len(outputs[i]):
            return Finding(NAME, "failed", f"output {i} has {len(outputs[i])} rows for none", FIX)
    for name, gradient in gradients.items():
        if gradient is None or name in found.names or not found.outputs or not bool(gradient.any()):
            continue
        if subject.wrong:
            return Finding(NAME, "not tried", SEE_FIRST)
        nan = bool(gradient.isnan().any())
        seen = f"the gradient of {subject.shown(name)} is {'nan' if nan else 'not zero'}, without any row"
        return Finding(NAME, "failed", seen, DIVIDED if nan else ADDED)
    return Finding(NAME, "passed", "0 rows in, 0 rows out" if found.outputs else "0 rows are taken")
