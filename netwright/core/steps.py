"""What the engine says while it trains: the only thing progress, early stopping and history know of it."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """Some steps of one epoch, at most about 0.2 s of them."""

    epoch: int
    """From 0."""
    epochs: int
    """Epochs there will be at most."""
    step: int
    """Steps of this epoch done so far."""
    steps: int
    """Steps this epoch has."""
    losses: dict[str, Tensor]
    """By phase: the loss of each step of this record, on the CPU."""
    rows: int
    """Rows these steps saw."""
    seconds: float
    """Wall-clock time these steps took."""


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch over, and the validation after it."""

    epoch: int
    """From 0."""
    losses: dict[str, float]
    """By phase: the mean loss over the epoch's steps."""
    validation: Tensor
    """Validation loss; () or, for K members trained at once, (K,)."""
    metrics: dict[str, float]
    """Figures on the validation rows, for people to read."""
    learning_rate: float
    rows: int
    seconds: float
    """Wall-clock time of the epoch without the validation."""
