"""The one thing that joins a family, or a user's own losses, and the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A mean loss, and what it is the mean of: what a phase's loss may give instead of a bare scalar.

    `value` () is differentiated. `weight` is the number of rows, tokens or other items it speaks for, so that batches
    of unequal weight add up rightly under accumulation and in an epoch's mean; None stands for the rows of the batch.
    `figures` are further scalars for the records.
    """

    value: Tensor
    weight: Tensor | float | None = None
    figures: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One update of one step: a loss and the optimizer that lowers it.

    `loss(module, batch)` gives a scalar or a `Loss`; where the phases of a step share something (the fakes of a GAN,
    drawn once), it is called as `loss(module, batch, shared)`. The gradients are those of the optimizer's parameters
    alone. An optimizer whose `step` needs a closure, such as L-BFGS, gets one.

    `scheduler` steps after every update or every epoch, as `scheduler_steps` says. `clip_norm`, where given, bounds the
    norm of the phase's gradients taken together. The phase runs at every `every`-th step: five critic steps to one of
    the generator is `every=5` for the generator. `average`, where given, is the decay of an exponential moving average
    of the phase's parameters, which then validate and are kept. `scaler`, where given, scales the loss of a
    float16 run.
    """

    name: str
    loss: Callable[..., Tensor | Loss]
    optimizer: Optimizer
    scheduler: LRScheduler | None = None
    scheduler_steps: Literal["update", "epoch"] = "update"
    clip_norm: float | None = None
    every: int = 1
    average: float | None = None
    scaler: GradScaler | None = None


Share = Callable[[nn.Module, Any], Any]
"""(module, batch) → what the phases of one step share, computed once before them."""
