"""What a wrong gradient looks like: a sign, a factor, a transpose, another input's."""

from typing import Any

import torch
from torch import Tensor

from netwright.core import trees
from netwright.doctor.layer.compare import Compared, compare
from netwright.doctor.layer.exchanged import exchanged
from netwright.doctor.layer.factor import missing_factor
from netwright.doctor.layer.left_out import left_out, moved_by, some
from netwright.doctor.layer.nodes import kept
from netwright.doctor.layer.rows import cut
from netwright.doctor.layer.rows import rows as rows_of
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import CLOSE, number, place, same

Guess = tuple[str, str]

FEWEST = 8
"""Elements that are looked at with another number of rows."""
FACTORS = {2.0: "the 2 of a square", 0.5: "the 2 of a square, or the ½ of ½x²"}
NOTHING = (
    "No simple mistake looks like this.",
    "Derive it again, step by step: the gradient of a number is the sum, over all outputs it takes part in, of "
    "grad_output times how that output changes with it. If another gradient is meant, as a straight-through estimator "
    "or a reversed gradient are, leave it so.",
)


INFINITE = (
    "0 · inf and inf − inf are nan: choose safe numbers before the division or the logarithm, not after it by "
    "torch.where."
)
UNDEFINED = "Look in backward for 0 / 0, and for roots and logarithms of what is below zero."
TIES = (
    "Each element alone may be right: it looks as if several of the same size each got the whole gradient.",
    "Where a maximum has ties, give the gradient to one of them (its argmax), or share it between them.",
)


def guess(wrong: Compared, compared: list[Compared], base: Base, subject: Subject) -> Guess:
    """In words: what the numbers look like, and what to do."""
    if wrong.apart:
        return TIES
    if not bool(torch.isfinite(wrong.says).all()):
        return boundless(wrong, base, subject)
    sure = torch.isfinite(wrong.found) & torch.isfinite(wrong.says)
    says, found = wrong.says[sure], wrong.found[sure]
    for look in (_nothing, _factor):
        if told := look(wrong, says, found, subject):
            return told
    if told := _transposed(wrong, found, sure) or _swapped(wrong, compared, found, sure, subject):
        return told
    if told := _alone(wrong, base, subject, sure) or exchanged(wrong, base, subject, sure):
        return told
    moved = [moved_by(index, wrong, base, subject) for index in some(wrong)]
    told = next((told for one in moved if (told := left_out(wrong, one, base, subject))), None)
    return told or missing_factor(wrong, moved, base, subject) or NOTHING


def boundless(wrong: Compared, base: Base, subject: Subject) -> Guess:
    """nan or inf, with the element it is at; 0 · inf is named only where an inf is."""
    k = int(wrong.indices[int((~wrong.says.isfinite()).long().argmax())])
    source = base.sources[wrong.name]
    seen = f"It is not a finite number where the derivative is one: {subject.shown(wrong.name)}{place(k, source.shape)}"
    seen += f" itself is {number(float(source.detach().reshape(-1)[k]))}."
    tensors = [*base.outputs, wrong.says, *(one.tensor for one in kept(subject.run(base.sources)))]
    return seen, INFINITE if any(bool(t.isinf().any()) for t in tensors) else UNDEFINED


def _nothing(wrong: Compared, says: Tensor, found: Tensor, subject: Subject) -> Guess | None:
    shown = subject.shown(wrong.name)
    if wrong.gradient is None:
        more = "" if subject.kind == "module" else " (or, if it needs none, check with requires_grad on the others)"
        return f"There is no gradient for {shown} at all.", f"Return one for it in backward{more}."
    if not bool(says.any()):
        return f"The gradient of {shown} is zero everywhere.", f"Work out what {shown} does to the outputs."
    if not bool((found.abs() > 1e-9).any()):
        seen = f"The outputs do not depend on {shown}. (Unless it is meant, as in a straight-through estimator.)"
        return seen, f"Return None for {shown}, or look at the order of gradients."
    return None


def _factor(wrong: Compared, says: Tensor, found: Tensor, subject: Subject) -> Guess | None:
    if same(says, -found):
        return "It has the wrong sign." + MAYBE_REVERSED, "Turn the sign of this gradient round."
    factor = float((says * found).sum() / (found * found).sum())
    if abs(factor) < 1e-9 or not same(says, factor * found):
        return None
    k = number(factor)
    rows = _rows(subject)
    if rows > 1 and abs(factor - rows) < CLOSE * rows and _by_rows(wrong, subject, 1):
        mend = f"Divide it by {rows}: forward takes a mean over the rows, or backward sums what it should not."
        return f"It is {k} times too large, the number of rows: summed where it is to be averaged over the batch.", mend
    if rows > 1 and abs(factor * rows - 1) < CLOSE and _by_rows(wrong, subject, -1):
        mend = f"Do not divide by the {rows} rows: forward takes no mean over them; .sum(0), not .mean(0)."
        return "It is divided by the number of rows: averaged where it is to be summed over the batch.", mend
    why = next((f", perhaps {words}" for known, words in FACTORS.items() if abs(abs(factor) - known) < CLOSE), "")
    sign = " and of the wrong sign" if factor < 0 else ""
    meant = MAYBE_REVERSED if factor < 0 else ""
    return f"It is {k} times what it should be{sign}{why}.{meant}", f"Multiply it by {number(1 / factor)}."


MAYBE_REVERSED = " (Unless it is meant, to reverse a gradient.)"


def _transposed(wrong: Compared, found: Tensor, sure: Tensor) -> Guess | None:
    gradient = wrong.gradient
    if gradient is None or gradient.dim() != 2 or gradient.shape[0] != gradient.shape[1]:
        return None
    turned = gradient.detach().T.reshape(-1).double().cpu()[wrong.indices][sure]
    if not same(turned, found):
        return None
    return "It is the transpose of what it should be.", "Transpose it, or turn the order of the matrix product round."


def _swapped(wrong: Compared, compared: list[Compared], found: Tensor, sure: Tensor, subject: Subject) -> Guess | None:
    for other in compared:
        gradient = other.gradient
        if other is wrong or gradient is None or wrong.gradient is None or gradient.shape != wrong.gradient.shape:
            continue
        if same(gradient.detach().reshape(-1).double().cpu()[wrong.indices][sure], found):
            names = f"{subject.shown(wrong.name)} and {subject.shown(other.name)}"
            return f"The gradients of {names} are swapped.", "Return them in the order of forward's arguments."
    return None


def _alone(wrong: Compared, base: Base, subject: Subject, sure: Tensor) -> Guess | None:
    """Not multiplied by grad_output: as if it were one everywhere."""
    ones = [None if c is None else torch.ones_like(c) for c in base.cotangents]
    try:
        gradient = subject.gradients(base.sources, subject.run(base.sources), ones)[wrong.name]
    except Exception:
        return None
    if gradient is None or not same(gradient.reshape(-1).double().cpu()[wrong.indices][sure], wrong.says[sure]):
        return None
    return "It is the same whatever grad_output is.", "Multiply by grad_output: the chain rule's other factor."


def _by_rows(wrong: Compared, subject: Subject, power: int) -> bool:
    """True where with one row more the factor is another too, or where that can't be tried."""
    found = rows_of(subject)
    if found is None:
        return True
    more = cut(subject, found.names, [i % found.count for i in range(found.count + 1)])
    try:
        other = next(c for c in compare(more, more.base, FEWEST, FEWEST) if c.name == wrong.name)
    except Exception:  # a layer of so many rows alone
        return True
    return same(other.says, other.found * float(found.count + 1) ** power)


def _rows(subject: Subject) -> int:
    first: Any = next(trees.leaves(subject.inputs), None)
    return len(first) if first is not None and first.dim() else 0
