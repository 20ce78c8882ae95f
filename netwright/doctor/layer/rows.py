"""Which inputs carry the rows of a batch, found by trying."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from netwright.doctor.layer.subject import Subject
from netwright.doctor.layer.telling import off

FEW = 4
"""Rows that are tried alone; and inputs that are tried together."""
NEAR = 1e-7


@dataclass(frozen=True)
class Rows:
    """`names` of the inputs whose first axis is the rows, and how many there are."""

    names: tuple[str, ...]
    count: int
    outputs: tuple[int, ...]
    """Numbers of the outputs whose first axis is the rows too."""
    independent: bool
    """True where each row alone gives its part of these outputs."""
    told: str = ""
    """Otherwise, which does not."""


def rows(subject: Subject) -> Rows | None:
    """The inputs that can be cut along their first axes together; those that keep rows apart come first.

    None where no input can be cut.
    """
    found: Rows | None = None
    with torch.no_grad():
        try:
            whole = subject.run(subject.sources())
        except Exception:
            return None
        for names, count in _candidates(subject):
            other = _tried(subject, names, count, whole)
            if other is not None and other.independent:
                return other
            if other is not None and (found is None or len(other.outputs) > len(found.outputs)):
                found = other
    return found


def cut(subject: Subject, names: Sequence[str], index: Sequence[int]) -> Subject:
    """The layer on these rows alone."""
    leaves = subject.inputs_by_name()
    return subject.placed({name: leaves[name][list(index)] for name in names})


def _candidates(subject: Subject) -> Iterator[tuple[tuple[str, ...], int]]:
    """All inputs as long as the first, the first alone, then the others."""
    leaves = {name: leaf for name, leaf in subject.inputs_by_name().items() if leaf.dim()}
    count = len(next(iter(leaves.values()))) if leaves else 0
    same = [name for name, leaf in leaves.items() if len(leaf) == count][:FEW]
    if not count:
        return
    ordered = [c for size in range(len(same), 0, -1) for c in combinations(same, size)]
    yield tuple(same), count
    if len(same) > 1:
        yield (same[0],), count
        yield from ((names, count) for names in ordered if names not in (tuple(same), (same[0],)))


def _tried(subject: Subject, names: tuple[str, ...], count: int, whole: tuple[Tensor, ...]) -> Rows | None:
    """What comes of cutting these; None where forward does not take it."""
    try:
        first = cut(subject, names, [0])
        outputs = first.run(first.sources())
    except Exception:
        return None
    if len(outputs) != len(whole):
        return None
    carrying = tuple(i for i, (one, all_) in enumerate(zip(outputs, whole, strict=True)) if _is_row(one, all_, count))
    told = ""
    for row in range(min(count, FEW)):
        alone = cut(subject, names, [row])
        parts = alone.run(alone.sources())
        for i in carrying:
            if not told and off(parts[i], whole[i][row : row + 1]) > (NEAR if subject.dtype == torch.float64 else 1e-3):
                told = f"row {row} alone gives another output than among {count}"
    return Rows(names, count, carrying, bool(carrying) and not told, told)


def _is_row(one: Tensor, whole: Tensor, count: int) -> bool:
    return one.dim() > 0 and one.dim() == whole.dim() and len(one) == 1 and len(whole) == count


def unsteady(subject: Subject) -> bool:
    """True where the layer gives something else from the same seed: it may count calls."""
    with torch.no_grad():
        pairs = zip(subject.run(subject.sources()), subject.run(subject.sources()), strict=True)
        return any(off(a, b) > 0 for a, b in pairs)


def draws(subject: Subject) -> bool:
    """True where the layer gives something else for another seed."""
    other = replace(subject, seed=subject.seed + 1)
    with torch.no_grad():
        pairs = zip(subject.run(subject.sources()), other.run(other.sources()), strict=True)
        return any(off(a, b) > 0 for a, b in pairs)
