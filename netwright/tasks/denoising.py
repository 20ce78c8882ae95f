"""Take noise out of rows."""

from typing import Literal

import numpy as np
from torch import Tensor

from netwright.tasks.labelled import Labelled


class Denoising(Labelled):
    """Rows to the rows they would be without noise."""

    kind: Literal["denoising"] = "denoising"

    @property
    def title(self) -> str:
        """The task in words."""
        return "denoising"

    @property
    def output_size(self) -> int:
        """As many values as a row has, which the schema tells."""
        return 0

    def predictions(self, outputs: Tensor) -> np.ndarray:
        """(N, …) float32 values: pixels from 0 to 1, or numbers as the network is fed them."""
        return outputs.float().cpu().numpy()
