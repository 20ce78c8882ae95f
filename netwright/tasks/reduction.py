"""Say each row in a few numbers, from which it can be made again."""

from typing import Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from netwright.tasks.labelled import Labelled


class Reduction(Labelled):
    """Rows to codes of `size` numbers."""

    kind: Literal["reduction"] = "reduction"
    size: int = Field(ge=1)

    @property
    def title(self) -> str:
        """The task in words."""
        return f"reduction to {self.size} dimension{'s' * (self.size > 1)}"

    @property
    def output_size(self) -> int:
        """One output a dimension."""
        return self.size

    def predictions(self, outputs: Tensor) -> np.ndarray:
        """(N, size) float64 codes."""
        return outputs.double().cpu().numpy()

    def columns(self, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """`code_1` … `code_<size>`."""
        return {f"code_{i + 1}": predictions[:, i] for i in range(predictions.shape[1])}
