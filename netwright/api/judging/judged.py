"""What judging gives, whatever the task was, and what a network is asked for it.

N rows, n of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from netwright.core.arrays import chunks
from netwright.core.schema import DataKind
from netwright.evaluate.evaluation import Evaluation
from netwright.evaluate.findings import Importance
from netwright.evaluate.panels import Panel

Inputs = tuple[np.ndarray, ...]
"""What a network is fed, each (N, …): numbers and categories, or pictures alone."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Part of the `Findings`, with their meanings."""

    evaluation: Evaluation
    predictions: np.ndarray | None = None
    truth: np.ndarray | None = None
    importance: tuple[Importance, ...] = ()
    worst: tuple[dict[str, object], ...] = ()
    panels: tuple[Panel, ...] = ()


def unit_of(data: DataKind) -> str:
    """What a row is called."""
    return {"image": "picture", "sequence": "sequence", "series": "window", "corpus": "token"}.get(data, "row")


def device_of(module: nn.Module) -> torch.device:
    """Where the module's numbers lie."""
    return next((t.device for t in (*module.parameters(), *module.buffers())), torch.device("cpu"))


def called(module: nn.Module, name: str, inputs: Inputs, rows: np.ndarray | None = None) -> np.ndarray:
    """What the module's method of this name gives for all rows, or for these (n,), in eval mode."""
    return np.concatenate([found for (found,) in each(module, inputs, rows, name)])


def each(module: nn.Module, inputs: Inputs, rows: np.ndarray | None, *names: str) -> Iterator[tuple[np.ndarray, ...]]:
    """Chunk by chunk, what the module's methods of these names give for all rows, or for these (n,), in eval mode."""
    module.eval()
    device = device_of(module)
    for chunk in chunks(inputs, rows):
        with torch.inference_mode():
            fed = tuple(x.to(device) for x in chunk)
            found = tuple(getattr(module, name)(*fed).cpu().numpy() for name in names)
        yield found
