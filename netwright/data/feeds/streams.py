"""The process-wide streams of random numbers: seen, compared, put back."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Streams:
    """Where torch's, Python's and NumPy's streams stand, and those of some generators besides."""

    generators: Sequence[torch.Generator]
    states: list[Tensor]
    python: Any
    numpy: Any
    cuda: list[Tensor]

    @classmethod
    def now(cls, generators: Sequence[torch.Generator] = ()) -> Self:
        """As they stand at this moment."""
        every = [torch.default_generator, *generators]
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
        return cls(every, [g.get_state() for g in every], random.getstate(), np.random.get_state(), cuda)

    def restore(self) -> None:
        """Let every stream go on from here."""
        for generator, state in zip(self.generators, self.states, strict=True):
            generator.set_state(state)
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)

    def moved(self) -> bool:
        """Whether anything was drawn since."""
        now = Streams.now(self.generators[1:])
        same = all(torch.equal(a, b) for a, b in zip([*self.states, *self.cuda], [*now.states, *now.cuda], strict=True))
        return not (same and self.python == now.python and str(self.numpy) == str(now.numpy))
