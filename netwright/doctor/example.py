"""What the checks before the first step are given: one batch of one phase, and all that acts on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer


@dataclass(frozen=True, kw_only=True)
class Example:
    """The first step of one phase, before it is taken. Nothing in it is changed by any check."""

    module: nn.Module
    batch: Any
    """The first batch, on the device."""
    loss: Callable[[nn.Module, Any], Any]
    """(module, batch) → the loss of the phase, as the engine calls it."""
    optimizers: Sequence[Optimizer]
    """Those of every phase, so that what another phase trains is not called forgotten. Empty: they aren't judged."""
    criterion: Callable[..., Any] | None = None
    """The (output, target) loss, where the loss is one; it is then called on `module(*args, **kwargs)` and `target`."""
    args: tuple = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    target: Tensor | None = None
    targets: Tensor | None = None
    """The targets of every training row, where they are at hand: their range is checked too."""
