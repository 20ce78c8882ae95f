"""What a process that compiles is told, and the order of a compiled program's arguments: known to both sides.

Letters: S full batches of an epoch, B rows of a batch, L steps of one call at most, K numbers of one update.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor

from netwright.engine.program import Form, Program

MOST_STEPS = 128
"""L: steps of one call. What they give is one tensor that every step writes a row of, so it is kept short."""


@dataclass(frozen=True)
class Group:
    """Parameters that are updated together, laid end to end in one flat tensor.

    `slots` are the numbers of their values in the program, `places` their positions among the phase's gradients.
    `optimizer` is the class's name and `options` the group's settings, from which the formula is built again.
    """

    phase: str
    slots: tuple[int, ...]
    places: tuple[int, ...]
    forms: tuple[Form, ...]
    optimizer: str
    options: tuple[tuple[str, Any], ...]
    state: int
    """State tensors the formula carries."""
    columns: int
    """K of the formula's table."""

    @property
    def flat(self) -> Form:
        """The form of the flat tensor: the parameters end to end, and below them each state tensor."""
        return Form((1 + self.state, sum(form.numbers for form in self.forms)), self.forms[0].dtype)


@dataclass(frozen=True)
class Blueprint:
    """Many steps as one program: gather the batch, forward, loss, backward, update.

    `data` are the tensors batches are taken from and `batch` the slots they go to; `carried` the buffers that a step
    changes; `fixed` whatever else the program starts from.
    """

    program: Program
    data: tuple[Form, ...]
    batch: tuple[int, ...]
    batch_size: int
    steps: int
    gathered: bool
    """False where a batch is all of the data as it lies."""
    groups: tuple[Group, ...]
    carried: tuple[tuple[int, Form], ...]
    fixed: tuple[tuple[int, Form], ...]
    threads: int

    @property
    def columns(self) -> int:
        """Losses, weights and figures that a step gives."""
        return sum(1 + (s.weight is not None) + len(s.figures) for s in self.program.segments)


class Arguments(NamedTuple):
    """What a compiled program is called with. It gives (next step, whether all was finite, given, flats, carried)."""

    first: Tensor
    """() int64: the epoch's step to begin with."""
    last: Tensor
    """() int64: the step to end before."""
    order: Tensor
    """(S, B) int64: the rows of each step."""
    data: Sequence[Tensor]
    tables: Sequence[Tensor]
    """By group: (L, K), a row for each update."""
    flats: Sequence[Tensor]
    """By group: the parameters end to end, and below them each state tensor."""
    carried: Sequence[Tensor]
    fixed: Sequence[Tensor]
    noise: Sequence[Tensor]
    """By draw: (L, …)."""

    def flattened(self) -> list[Tensor]:
        """All tensors in order."""
        return [t for part in self for t in ([part] if isinstance(part, Tensor) else part)]

    @classmethod
    def of(cls, plan: Blueprint, flat: Sequence[Tensor], *, still: bool = False) -> "Arguments":
        """The other way round; `still`: without what a step changes."""
        rest = iter(flat)
        changing = (0, 0) if still else (len(plan.groups), len(plan.carried))
        counts = (len(plan.data), len(plan.groups), *changing, len(plan.fixed), len(plan.program.draws))
        return cls(next(rest), next(rest), next(rest), *(list(islice(rest, count)) for count in counts))

    @classmethod
    def example(cls, plan: Blueprint) -> "Arguments":
        """Tensors of the forms the program will be called with."""
        tables = [torch.empty(MOST_STEPS, g.columns, dtype=g.flat.dtype) for g in plan.groups]
        return cls(
            torch.tensor(0),
            torch.tensor(1),
            torch.zeros(plan.steps, plan.batch_size, dtype=torch.int64),
            [form.empty() for form in plan.data],
            tables,
            [g.flat.empty() for g in plan.groups],
            [form.empty() for _, form in plan.carried],
            [form.empty() for _, form in plan.fixed],
            [Form((MOST_STEPS, *draw.form.shape), draw.form.dtype).empty() for draw in plan.program.draws],
        )
