"""What a wrong gradient looks like: a sign, a factor, a transpose, another input's."""

from typing import Any

import torch
from torch import Tensor

from netwright.core import trees
from netwright.doctor.layer.compare import Compared
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import number

Guess = tuple[str, str]
CLOSE = 1e-4
FACTORS = {2.0: "the 2 of a square", 0.5: "the 2 of a square, or the ½ of ½x²"}
NOTHING = (
    "No simple mistake looks like this.",
    "Derive it again, step by step: the gradient of a number is the sum, over all outputs it takes part in, of "
    "grad_output times how that output changes with it. If another gradient is meant, as a straight-through estimator "
    "or a reversed gradient are, leave it so.",
)


BOUNDLESS = (
    "It is not a finite number where the derivative is one.",
    "0 · inf and 0 / 0 are nan: choose safe numbers before the division or the logarithm, not after it by torch.where.",
)
TIES = (
    "Each element alone may be right: it looks as if several of the same size each got the whole gradient.",
    "Where a maximum has ties, give the gradient to one of them (its argmax), or share it between them.",
)


def guess(wrong: Compared, compared: list[Compared], base: Base, subject: Subject) -> Guess:
    """In words: what the numbers look like, and what to do."""
    if wrong.apart:
        return TIES
    if not bool(torch.isfinite(wrong.says).all()):
        return BOUNDLESS
    sure = torch.isfinite(wrong.found) & torch.isfinite(wrong.says)
    says, found = wrong.says[sure], wrong.found[sure]
    for look in (_nothing, _factor):
        if told := look(wrong, says, found, subject):
            return told
    if told := _transposed(wrong, found, sure) or _swapped(wrong, compared, found, sure, subject):
        return told
    if told := _alone(wrong, base, subject, sure):
        return told
    return NOTHING


def _nothing(wrong: Compared, says: Tensor, found: Tensor, subject: Subject) -> Guess | None:
    shown = subject.shown(wrong.name)
    if wrong.gradient is None:
        more = "" if subject.kind == "module" else " (or, if it needs none, check with requires_grad on the others)"
        return f"There is no gradient for {shown} at all.", f"Return one for it in backward{more}."
    if not bool(says.any()):
        return f"The gradient of {shown} is zero everywhere.", f"Work out what {shown} does to the outputs."
    if not bool((found.abs() > 1e-9).any()):
        return f"The outputs do not depend on {shown}.", f"Return None for {shown}, or look at the order of gradients."
    return None


def _factor(wrong: Compared, says: Tensor, found: Tensor, subject: Subject) -> Guess | None:
    if same(says, -found):
        return "It has the wrong sign." + MAYBE_REVERSED, "Turn the sign of this gradient round."
    factor = float((says * found).sum() / (found * found).sum())
    if abs(factor) < 1e-9 or not same(says, factor * found):
        return None
    k = number(factor)
    rows = _rows(subject)
    if rows > 1 and abs(factor - rows) < CLOSE * rows:
        mend = f"Divide it by {rows}: forward takes a mean over the rows, or backward sums what it should not."
        return f"It is {k} times too large, the number of rows: summed where it is to be averaged over the batch.", mend
    if rows > 1 and abs(factor * rows - 1) < CLOSE:
        mend = f"Do not divide by the {rows} rows: forward takes no mean over them; .sum(0), not .mean(0)."
        return "It is divided by the number of rows: averaged where it is to be summed over the batch.", mend
    why = next((f", perhaps {words}" for known, words in FACTORS.items() if abs(abs(factor) - known) < CLOSE), "")
    sign = " and of the wrong sign" if factor < 0 else ""
    return f"It is {k} times what it should be{sign}{why}.", f"Multiply it by {number(1 / factor)}."


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


def same(mine: Tensor, other: Tensor) -> bool:
    """The same numbers, but for rounding."""
    scale = max(float(other.abs().max()), 1e-12) if other.numel() else 1.0
    return bool(mine.numel()) and bool(((mine - other).abs() <= CLOSE * scale).all())


def _rows(subject: Subject) -> int:
    first: Any = next(trees.leaves(subject.inputs), None)
    return len(first) if first is not None and first.dim() else 0
