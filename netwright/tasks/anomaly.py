"""Find the rows that are unlike the others."""

from typing import Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from netwright.tasks.labelled import Labelled


class Anomaly(Labelled):
    """A score for each row, and an alarm where it is above what `false_alarms` of ordinary rows reach."""

    kind: Literal["anomaly"] = "anomaly"
    false_alarms: float = Field(default=0.01, gt=0, lt=1)
    """Share of ordinary rows that may be taken for anomalies."""
    normal: str | None = None
    """The label of ordinary rows, where rows are labelled."""

    @property
    def title(self) -> str:
        """The task in words."""
        return "search for anomalies"

    @property
    def output_size(self) -> int:
        """Scores by reconstruction, by neighbours and by both, and the alarm."""
        return 4

    def predictions(self, outputs: Tensor) -> np.ndarray:
        """(N, 4) float64: the three scores, then 1 for an alarm and 0 for none."""
        return outputs.double().cpu().numpy()

    def columns(self, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """The scores, higher for stranger rows, and whether the combined one is above the threshold."""
        names = ("reconstruction_score", "neighbour_score", "anomaly_score")
        scores = {name: predictions[:, i] for i, name in enumerate(names)}
        return {"anomaly": predictions[:, 3] > 0.5, **dict(reversed(scores.items()))}
