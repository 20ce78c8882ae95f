"""The one thing that joins a family and the engine."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from netwright.core.batch import Batch


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One update of one step: a loss and the optimizer that lowers it.

    `loss(module, batch)` gives a scalar. The gradients are those of the optimizer's parameters alone. `scheduler`
    steps once after every update. `clip_norm`, where given, bounds the norm of those gradients taken together.
    """

    name: str
    loss: Callable[[nn.Module, Batch], Tensor]
    optimizer: Optimizer
    scheduler: LRScheduler | None = None
    clip_norm: float | None = None
