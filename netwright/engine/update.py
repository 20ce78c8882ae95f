"""From a phase's gradients to its new weights: the second half of a step, the same in the eager and traced tier."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from netwright.core.errors import TrainingError
from netwright.core.phase import Phase
from netwright.engine.averages import Averages, trainable
from netwright.engine.fused import FusedStep
from netwright.engine.job import Position


class NotFinite(TrainingError):
    """A loss or a gradient was not finite; no weight was touched."""

    def __init__(self, what: str, got: object, phase: Phase, at: Position) -> None:
        super().__init__(
            f"{what} of phase {phase.name!r} is {got} at epoch {at.epoch + 1}, step {at.step + 1}.",
            got=f"{got}, so no weight was touched; learning rate {float(phase.optimizer.param_groups[0]['lr']):g}",
            wanted="finite numbers",
            fix="Lower the learning rate; look for extreme values in the data.",
        )
        self.phase = phase
        self.batch: Any = None


class Updater:
    """Clips, steps, schedules and averages for one phase."""

    def __init__(self, phase: Phase, module: nn.Module, averages: Averages, *, fused: bool = False) -> None:
        self.phase = phase
        self.optimizer = phase.optimizer
        self.averages = averages
        self.parameters = trainable(phase.optimizer)
        own = set(map(id, self.parameters))
        elsewhere = any(p.requires_grad and id(p) not in own for p in module.parameters())
        self.inputs = self.parameters if elsewhere else None
        self.fused = FusedStep(phase.optimizer) if fused else None
        self.needs_closure = needs_closure(phase.optimizer)
        device = self.parameters[0].device if self.parameters else torch.device("cpu")
        self.found, self.one = (make((), dtype=torch.float32, device=device) for make in (torch.zeros, torch.ones))

    def backward(self, loss: Tensor) -> None:
        """Add to `.grad` of this phase's parameters, and of no others."""
        if self.phase.scaler is not None:
            loss = self.phase.scaler.scale(loss)
        loss.backward(inputs=self.inputs)

    def apply(self, at: Position, gradients: Sequence[Tensor | None] | None = None) -> None:
        """One update, with the gradients given or those in `.grad`. Raises NotFinite before a weight is touched."""
        phase = self.phase
        if phase.scaler is not None:
            self._apply_scaled()
        else:
            if gradients is not None and (self.fused is None or phase.clip_norm is not None):
                for parameter, gradient in zip(self.parameters, gradients, strict=True):
                    parameter.grad = gradient
            if gradients is None:
                gradients = [p.grad for p in self.parameters]
            self._check(gradients, at)
            if phase.clip_norm is not None:
                nn.utils.clip_grad_norm_(self.parameters, phase.clip_norm)
            if self.fused is not None:
                self.fused(gradients)
            else:
                self.optimizer.step()
        self.after()

    def after(self) -> None:
        """What follows an update: the scheduler and the averages."""
        if self.phase.scheduler is not None and self.phase.scheduler_steps == "update":
            self.phase.scheduler.step()
        if self.phase.average is not None:
            self.averages.update(self.phase)

    def _apply_scaled(self) -> None:
        scaler = self.phase.scaler
        assert scaler is not None
        if self.phase.clip_norm is not None:
            scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.parameters, self.phase.clip_norm)
        scaler.step(self.optimizer)  # passes over a step whose gradients overflowed
        scaler.update()

    def _check(self, gradients: Sequence[Tensor | None], at: Position) -> None:
        """One kernel over all of them: a few microseconds, and a NaN never reaches a weight."""
        given = [g for g in gradients if g is not None]
        if not given or given[0].dtype not in (torch.float32, torch.float64) or any(g.is_sparse for g in given):
            return
        if given[0].dtype == torch.float32:
            torch._amp_foreach_non_finite_check_and_unscale_(given, self.found, self.one)
            finite = not self.found.item()
        else:
            finite = bool(torch.isfinite(torch.stack(torch._foreach_norm(given, float("inf")))).all())
        if not finite:
            self.found.zero_()
            raise NotFinite("A gradient", "nan or inf", self.phase, at)


def needs_closure(optimizer: Optimizer) -> bool:
    """True for an optimizer that evaluates the loss itself, as L-BFGS does."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty
