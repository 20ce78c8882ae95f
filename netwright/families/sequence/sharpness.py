"""How sure a network may be: the factor from its scores to logits.

n rows, O outputs.
"""

import torch
from torch import Tensor

from netwright.tasks import Classification, Supervised

SCALES = torch.logspace(-1, 2, 61, dtype=torch.float64)
"""Factors that are tried."""


def sharpness(task: Supervised, scores: Tensor, target: Tensor) -> Tensor:
    """() the factor that makes logits of scores (n, O) that each row got from the others alone.

    The least mean loss, as if one row more were taken for each other class or label: where all are told right, nothing
    else would end the factor's growth (as Platt 1999 smooths the targets).
    """
    smoothing = 1.0 / (len(scores) + 2)
    losses = []
    for scale in SCALES.tolist():
        outputs = scores * scale
        right, other = task.losses(outputs, target), _others(task, outputs, target)
        losses.append(((1 - smoothing) * right + smoothing * other).mean())
    return SCALES[int(torch.stack(losses).argmin())]


def _others(task: Supervised, outputs: Tensor, target: Tensor) -> Tensor:
    """(n,) the loss were another answer true."""
    if isinstance(task, Classification):
        return -outputs.log_softmax(1).mean(1)
    return task.losses(outputs, 1 - target)
