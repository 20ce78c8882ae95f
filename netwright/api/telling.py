"""What `nw.fit` says while it runs, and to whom."""

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor

from netwright.api.progress import Progress
from netwright.api.session import Watch
from netwright.core.notice import NetwrightWarning, Notice
from netwright.core.steps import StepRecord


class Telling:
    """Called with every record and notice: passes them on, shows progress, and keeps losses and notices.

    Notices that nobody watches for become warnings.
    """

    def __init__(self, watch: Watch | None, progress: bool) -> None:
        self.watch = watch
        self.progress = Progress() if progress else None
        self.notices: list[Notice] = []
        self.seen: dict[str, list[Tensor]] = {}

    def __call__(self, event: object) -> None:
        """Take one record or notice."""
        if isinstance(event, StepRecord):
            for name, losses in event.losses.items():
                self.seen.setdefault(name, []).append(losses)
        if self.watch is not None:
            self.watch(event)
        if isinstance(event, Notice):
            self.notices.append(event)
            if self.watch is None:
                warnings.warn(str(event), NetwrightWarning, stacklevel=2)
        elif self.progress is not None:
            self.progress(event)

    def losses(self) -> Mapping[str, Tensor]:
        """By phase: the loss of each update so far."""
        return {name: torch.cat(parts) for name, parts in self.seen.items()}

    def done(self) -> None:
        """Training is over."""
        if self.progress is not None:
            self.progress.clear()
