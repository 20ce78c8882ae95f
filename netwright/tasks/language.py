"""Continue a text: foretell each of its tokens from those before it.

B rows, L tokens of a window, V different tokens.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn.functional import cross_entropy

from netwright.core.cells import CellType
from netwright.core.record import Record

UNIT = {"characters": "character", "pieces": "piece"}
"""What one token is called."""


class Language(Record):
    """Text to the probability of each token that may follow. Token 0 stands for what training never saw."""

    kind: Literal["language"] = "language"
    level: Literal["characters", "pieces"]
    tokens: int = Field(ge=2)
    """How many different tokens there are, token 0 among them."""

    @property
    def title(self) -> str:
        """The task in words."""
        return f"language model of {self.tokens - 1:,} {self.level}"

    @property
    def targets(self) -> tuple[str, ...]:
        """No column: a text is its own target."""
        return ()

    @property
    def cells(self) -> tuple[CellType, ...]:
        """Of no column."""
        return ()

    @property
    def output_size(self) -> int:
        """One logit a token."""
        return self.tokens

    def losses(self, outputs: Tensor, target: Tensor) -> Tensor:
        """(B, L, V) logits, (B, L) tokens → (B,) the mean of the tokens' log losses, in nats."""
        losses = cross_entropy(outputs.flatten(0, -2), target.flatten().long(), reduction="none")
        return losses.view(target.shape).mean(-1)

    @property
    def constant_title(self) -> str:
        """The simplest thing there is to beat, in words: the same probabilities whatever came before."""
        return f"frequencies of {self.level} alone"
