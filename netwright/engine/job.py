"""What is to be trained, and where it stands: the two values every runner gets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn

from netwright.core.phase import Phase, Share


class Source(Protocol):
    """What the engine needs of data: batches of an epoch in the order of a seed, from any position on."""

    @property
    def steps(self) -> int | None:
        """Batches in one epoch; None where only the end will tell."""
        ...

    def epoch(self, seed: int, start: int = 0) -> Iterator[Any]:
        """The batches of one epoch from number `start` on, on the module's device."""
        ...


@dataclass(frozen=True, kw_only=True)
class Job:
    """A module, the phases of one step, what they share, the data, and how many batches make a step."""

    module: nn.Module
    phases: Sequence[Phase]
    source: Source
    share: Share | None = None
    accumulate: int = 1
    watched: bool = True
    """False where no code of a person's own runs between the calls of a runner."""
    first: Callable[[Any], None] | None = None
    """Where given, is shown the first batch before the first step, and may raise."""

    @property
    def steps(self) -> int | None:
        """Steps in one epoch; None where only the end will tell."""
        batches = self.source.steps
        return None if batches is None else -(-batches // self.accumulate)

    def due(self, total: int) -> tuple[Phase, ...]:
        """The phases that run in step `total` of the run, counted from 0."""
        return tuple(phase for phase in self.phases if (total + 1) % phase.every == 0)


@dataclass
class Position:
    """Where training stands; true whenever a record is given. With module and optimizers, all a resume needs."""

    epoch: int = 0
    seed: int = 0
    """The one number the order of this epoch follows from."""
    step: int = 0
    """Steps of this epoch done so far."""
    total: int = 0
    """Steps of the whole run done so far."""
    rows: int = 0
    """Rows of this epoch seen so far."""
    sums: dict[str, float] = field(default_factory=dict)
    """By phase and figure: the weighted sum of this epoch's values so far."""
    weights: dict[str, float] = field(default_factory=dict)
    """By phase and figure: the sum of their weights so far."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Some steps that a runner has done."""

    losses: dict[str, Tensor]
    """By phase: the loss of each of its updates, float64 on the CPU. A figure of phase p called f is under "p.f"."""
    weights: dict[str, Tensor]
    """By phase: the weight of each of those losses."""
    steps: int
    rows: int
    seconds: float
    ended: bool = False
    """True where the data ended: the epoch is over."""
