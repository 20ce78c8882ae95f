"""Outputs that an element moves and backward forgets: the sum over the row in a softmax, a second use of a weight."""

import math
from dataclasses import dataclass

import torch

from netwright.doctor.layer.compare import Compared, coarse
from netwright.doctor.layer.differences import STEP
from netwright.doctor.layer.subject import Base, Subject
from netwright.doctor.layer.telling import place

MOST = 12
"""Outputs of one element that are tried, those it moves most."""
SMALL = {torch.float64: 1e-3, torch.float32: 5e-2}
"""Less than this part of the largest move is none."""
NOTHING = 1e-6
DIAGONAL = (
    "Add up what grad_output says over all outputs an element moves: for a softmax "
    "y * (g − (g * y).sum(-1, keepdim=True))."
)
NONE = "Look at what lets the gradient through there: a mask, an index, the end of a loop."
MEND = "Add up grad_output times the change over all outputs an element moves."


@dataclass(frozen=True)
class Moved:
    """That an element, `index`, moves an element of an output by `slope`, and what backward says to it."""

    index: int
    output: int
    at: int
    slope: float
    says: float
    alone: bool
    """Backward gives a gradient to no other element, where that element of the output alone takes part in the loss."""

    @property
    def forgotten(self) -> bool:
        """True where backward takes it for unmoved."""
        return abs(self.says) <= NOTHING * abs(self.slope)


def some(wrong: Compared) -> list[int]:
    """A few elements that are off, the worst first."""
    off = wrong.indices[wrong.over > 0].tolist()
    worst = int(wrong.indices[int(wrong.over.argmax())])
    return list(dict.fromkeys([worst, off[0], off[len(off) // 2], off[-1]]))


def moved_by(index: int, wrong: Compared, base: Base, subject: Subject) -> list[Moved]:
    """What an element moves, most first; nothing where that can't be seen."""
    try:
        slopes = _slopes(wrong.name, index, base, subject)
        return [Moved(index, i, at, s, *_says(wrong.name, index, i, at, base, subject)) for i, at, s in slopes]
    except Exception:  # outside what forward takes
        return []


def left_out(wrong: Compared, moved: list[Moved], base: Base, subject: Subject) -> tuple[str, str] | None:
    """In words, an output that backward forgets, and the mend."""
    forgotten = [one for one in moved if one.forgotten]
    if not forgotten:
        return None
    source = base.sources[wrong.name]
    told = f"Moving {subject.shown(wrong.name)}{place(forgotten[0].index, source.shape)}"
    there = _where(forgotten[0], base)
    if len(forgotten) == len(moved):
        return f"{told} moves {there}; backward gives it no gradient from there.", NONE
    own = [one for one in moved if not one.forgotten]
    several = sum(c is not None for c in base.cotangents) > 1
    alone = len(own) == 1 and own[0].alone and not several and base.outputs[own[0].output].shape == source.shape
    more = ": the terms off the diagonal are missing" if alone else ""
    return f"{told} also moves {there}; backward leaves that out{more}.", DIAGONAL if alone else MEND


def _slopes(name: str, index: int, base: Base, subject: Subject) -> list[tuple[int, int, float]]:
    """By output and its element: how far it moves, where it does."""
    dtype = coarse(subject, base)
    flat = base.sources[name].detach().view(-1)
    value = float(flat[index])
    step = STEP[dtype] * max(1.0, abs(value))
    ends = []
    with torch.no_grad():
        try:
            for moved in (value + step, value - step):
                flat[index] = moved
                ends.append([o.detach().reshape(-1).double() for o in subject.run(base.sources)])
        finally:
            flat[index] = value
    found = []
    for i, (up, down, c) in enumerate(zip(*ends, base.cotangents, strict=True)):
        slope = (up - down) / (2 * step) if c is not None else up.new_zeros(0)
        best = slope.abs().argsort(descending=True)[:MOST].tolist()
        found += [(i, at, float(slope[at])) for at in best if math.isfinite(float(slope[at]))]
    found = sorted(found, key=lambda one: -abs(one[2]))[:MOST]
    return [one for one in found if abs(one[2]) > SMALL[dtype] * abs(found[0][2])]


def _says(name: str, index: int, output: int, at: int, base: Base, subject: Subject) -> tuple[float, bool]:
    """What backward says where that element of that output alone is in the loss, and if to its own element only."""
    cotangents = [None if c is None else torch.zeros_like(c) for c in base.cotangents]
    own, given = base.cotangents[output], cotangents[output]
    assert own is not None and given is not None
    weight = float(own.reshape(-1)[at])
    given.view(-1)[at] = weight
    gradient = subject.gradients(base.sources, subject.run(base.sources), cotangents)[name]
    if gradient is None:
        return 0.0, False
    flat = gradient.reshape(-1)
    return float(flat[index]) / (weight or 1.0), at == index and int((flat != 0).sum()) == int(flat[index] != 0)


def _where(one: Moved, base: Base) -> str:
    several = sum(c is not None for c in base.cotangents) > 1
    return f"output{f' {one.output}' if several else ''}{place(one.at, base.outputs[one.output].shape)}"
