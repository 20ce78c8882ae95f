"""Exponential moving averages of the weights, kept beside them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.optim import Optimizer

from netwright.core.phase import Phase


class Averages:
    """By phase with `average`: a copy of its parameters that follows them by `copy ← d · copy + (1 − d) · parameter`.

    The copy starts as the parameters stood before the first update (Polyak and Juditsky 1992 average all iterates; the
    exponential form with d near 1 is the one trained networks use).
    """

    def __init__(self, phases: Sequence[Phase]) -> None:
        self.phases = {phase.name: phase for phase in phases if phase.average is not None}
        self.copies = {
            name: [p.detach().clone() for p in trainable(phase.optimizer)] for name, phase in self.phases.items()
        }

    @torch.no_grad()
    def update(self, phase: Phase) -> None:
        """Follow the phase's parameters after one update."""
        if phase.average is not None:
            torch._foreach_lerp_(self.copies[phase.name], trainable(phase.optimizer), 1 - phase.average)

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """While inside, the averaged weights stand in the module."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the averages and the weights."""
        for name, phase in self.phases.items():
            for copy, parameter in zip(self.copies[name], trainable(phase.optimizer), strict=True):
                kept = parameter.detach().clone()
                parameter.copy_(copy)
                copy.copy_(kept)

    def state(self) -> dict[str, list[Tensor]]:
        """What a checkpoint keeps of this."""
        return dict(self.copies)

    @torch.no_grad()
    def load(self, state: dict[str, list[Tensor]]) -> None:
        """Take up what a checkpoint kept."""
        for name, copies in state.items():
            for copy, kept in zip(self.copies[name], copies, strict=True):
                copy.copy_(kept)


def trainable(optimizer: Optimizer) -> list[Tensor]:
    """The parameters an optimizer trains, in the order of its groups."""
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
