"""Pictures a network makes while it is trained, to be seen side by side afterwards."""

import numpy as np
import torch
from torch import nn

from netwright.api.session import Watch
from netwright.core.steps import EpochRecord
from netwright.engine.averages import Averages
from netwright.tasks import Task
from netwright.tasks.labelled import Labelled

PICTURES = 10
"""In a frame."""


class Frames:
    """A watch that takes a frame after the first epoch, the second, the fourth and so on, always from the same noise.

    Whatever it sees it passes on. Of a module that makes no pictures it takes none.
    """

    def __init__(self, module: nn.Module, averages: Averages, task: Task, watch: Watch) -> None:
        self.module, self.averages, self.watch = module, averages, watch
        self.makes = task.kind == "generation"
        classes = task.classes if isinstance(task, Labelled) else ()
        self.labels = torch.arange(PICTURES) % max(1, len(classes))
        self.taken: list[tuple[str, np.ndarray]] = []

    def __call__(self, event: object) -> None:
        """Take a frame where it is time for one."""
        self.watch(event)
        if self.makes and isinstance(event, EpochRecord) and (event.epoch + 1) & event.epoch == 0:
            self.module.eval()
            with torch.no_grad(), self.averages.swapped_in():
                made = self.module.generate(PICTURES, self.labels, torch.Generator().manual_seed(0))  # type: ignore[operator]
            self.taken.append((f"epoch {event.epoch + 1}", made[0].cpu().numpy()))
