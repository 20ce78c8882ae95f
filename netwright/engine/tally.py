"""What the steps of one chunk gave, while they run."""

import time
from collections.abc import Mapping

import torch

from netwright.engine.job import Chunk, Position


class Tally:
    """Collects losses, and moves the position on with each step."""

    def __init__(self, at: Position) -> None:
        self.at = at
        self.losses: dict[str, list[float]] = {}
        self.weights: dict[str, list[float]] = {}
        self.steps = 0
        self.rows = 0
        self.began = time.perf_counter()

    def saw(self, phase: str, loss: float, weight: float, figures: Mapping[str, float]) -> None:
        """One loss of a phase, the weight it speaks for, and its further figures."""
        self._add(phase, loss, weight)
        for name, value in figures.items():
            self._add(f"{phase}.{name}", value, weight)

    def took(self, chunk: Chunk) -> None:
        """The steps of a chunk, as if they had been seen one by one."""
        for name, losses in chunk.losses.items():
            for loss, weight in zip(losses.tolist(), chunk.weights[name].tolist(), strict=True):
                self._add(name, loss, weight)

    def step(self, rows: int) -> None:
        """A step is over."""
        self.steps += 1
        self.rows += rows
        self.at.step += 1
        self.at.total += 1
        self.at.rows += rows

    def chunk(self, *, ended: bool = False) -> Chunk:
        """All of it as a record."""
        return Chunk(
            losses={name: torch.tensor(values, dtype=torch.float64) for name, values in self.losses.items()},
            weights={name: torch.tensor(values, dtype=torch.float64) for name, values in self.weights.items()},
            steps=self.steps,
            rows=self.rows,
            seconds=time.perf_counter() - self.began,
            ended=ended,
        )

    def _add(self, name: str, value: float, weight: float) -> None:
        self.losses.setdefault(name, []).append(value)
        self.weights.setdefault(name, []).append(weight)
