"""What judging gives, whatever the task was."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from netwright.evaluate.evaluation import Evaluation
from netwright.evaluate.findings import Importance
from netwright.evaluate.panels import Panel

CHUNK = 1024
"""Rows of pictures a network sees at once while it is judged."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Part of the `Findings`, with their meanings."""

    evaluation: Evaluation
    predictions: np.ndarray | None = None
    truth: np.ndarray | None = None
    importance: tuple[Importance, ...] = ()
    worst: tuple[dict[str, object], ...] = ()
    panels: tuple[Panel, ...] = ()


def unit_of(rows_are_pictures: bool) -> str:
    """What a row is called."""
    return "picture" if rows_are_pictures else "row"


def called(module: nn.Module, name: str, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    """What the module's method of this name gives for all rows, chunk by chunk, in eval mode and without gradients."""
    module.eval()
    device = next((t.device for t in (*module.parameters(), *module.buffers())), torch.device("cpu"))
    method = getattr(module, name)
    found: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, max(1, len(inputs[0])), CHUNK):
            found.append(method(*(tensor(x[start : start + CHUNK]).to(device) for x in inputs)).cpu())
    return torch.cat(found).numpy()


def tensor(values: np.ndarray) -> Tensor:
    """A copy as a tensor: the array may be a file that can't be written to."""
    return torch.from_numpy(np.array(values))
