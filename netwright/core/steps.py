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
    steps: int | None
    """Steps this epoch has; None where only its end will tell."""
    losses: dict[str, Tensor]
    """By phase: the loss of each of its updates in this record, float64 on the CPU; phase p's figure f is "p.f"."""
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
    """By phase and figure: the mean over all the epoch's rows, tokens, or what else the losses speak for."""
    validation: Tensor | None
    """Validation loss, on the CPU; () or, for K members trained at once, (K,); None where nothing validates."""
    metrics: dict[str, float]
    """Figures on the validation rows, for people to read."""
    learning_rate: float
    rows: int
    seconds: float
    """Wall-clock time of the epoch without the validation."""
