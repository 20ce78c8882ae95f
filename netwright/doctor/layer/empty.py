"""A batch without rows: an output without rows, gradients in shape, and none for the weights."""

from netwright.doctor.layer.finding import Finding
from netwright.doctor.layer.rows import cut, rows
from netwright.doctor.layer.subject import Subject, first_line

NAME = "empty batch"
FIX = "Let shapes follow from x.shape and let torch work on 0 rows, by sums and products; ask for no max of no rows."


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
        wrong = gradient is not None and name not in found.names and found.outputs and bool(gradient.any())
        if wrong:
            return Finding(NAME, "failed", f"the gradient of {subject.shown(name)} is not zero, without any row", FIX)
    return Finding(NAME, "passed", "0 rows in, 0 rows out" if found.outputs else "0 rows are taken")
