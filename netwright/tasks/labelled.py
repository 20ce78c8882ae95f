"""What tasks without a target of their own know of labels: used to measure and to colour, never to be predicted."""

from collections.abc import Mapping

import numpy as np

from netwright.core.cells import CellType
from netwright.core.record import Record
from netwright.tasks.classification import Classification


class Labelled(Record):
    """`label` says which class each row is of, where a column tells; no answer is ever compared with it."""

    label: Classification | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The column of labels, which is no input; empty where there is none."""
        return self.label.targets if self.label is not None else ()

    @property
    def cells(self) -> tuple[CellType, ...]:
        """How the cells of that column are read."""
        return self.label.cells if self.label is not None else ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels there are."""
        return self.label.classes if self.label is not None else ()

    def encode(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """(N,) int64 class numbers. Raises InputError for a class training did not have."""
        assert self.label is not None, "rows without labels are numbered 0 by whoever counts them"
        return self.label.encode(values)
