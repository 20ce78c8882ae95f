"""A language model: a network that reads the text so far, and beside it what the training text was seen to hold.

B rows, T positions, V vocabulary, D size, K orders of the prior.
"""

from types import ModuleType
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from netwright.families.language.prior import Prior


class Reader(Protocol):
    """What reads the tokens: a decoder, or a recurrent network."""

    def start(self, batch: int) -> Any:
        """What it remembers before the first token of so many rows."""
        ...

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(B, T) tokens that follow → (B, T, D), and what it remembers then."""
        ...

    def logits(self, x: Tensor) -> Tensor:
        """(B, T, D) → (B, T, V)."""
        ...


class Reading(NamedTuple):
    """Where a model is in its texts: what its reader remembers, and the last tokens that the prior looks at."""

    reader: Any
    last: Tensor


class LanguageModel(nn.Module):
    """`forward(tokens (B, T))` gives logits (B, T, V) of each next token.

    With a prior, what the reader gives is added to the prior's log probabilities, weighted by how far they are trusted
    at this position: by what was read, and how often the context was counted. So the network learns what the prior does
    not know. `start(batch)` and `step(tokens, state)` give the same numbers token by token.
    """

    def __init__(self, reader: nn.Module, size: int, prior: Prior | None, layers: ModuleType = nn) -> None:
        super().__init__()
        self.reader, self.prior = reader, prior
        self.trust = layers.Linear(size + prior.orders, 1) if prior is not None else None
        if self.trust is not None:
            nn.init.zeros_(self.trust.weight)
            nn.init.ones_(self.trust.bias)

    def forward(self, tokens: Tensor, following: Tensor | None = None) -> Tensor:
        """(B, T) → (B, T, V). `following` (B, T) are the next tokens of a training text, see `Prior`."""
        known = self.prior(tokens, following) if self.prior is not None else None
        return self.joined(self.reader(tokens), known)

    def joined(self, x: Tensor, known: tuple[Tensor, Tensor] | None) -> Tensor:
        """What the reader gives (B, T, D) and the prior's answer as logits (B, T, V)."""
        logits = self.reader.logits(x)  # type: ignore[operator]
        if known is None or self.trust is None:
            return logits
        chances, counted = known
        return logits + self.trust(torch.cat([x, counted], -1)) * chances

    def start(self, batch: int) -> Reading:
        """The state before the first token of so many rows."""
        device = next(self.parameters()).device
        return Reading(self.reader.start(batch), torch.zeros(batch, 0, dtype=torch.int64, device=device))  # type: ignore[operator]

    def step(self, tokens: Tensor, state: Reading) -> tuple[Tensor, Reading]:
        """(B, T) tokens that follow → logits (B, T, V), and the state after them."""
        x, remembered = self.reader.step(tokens, state.reader)  # type: ignore[operator]
        if self.prior is None:
            return self.joined(x, None), Reading(remembered, state.last)
        text = torch.cat([state.last, tokens.long()], 1)
        chances, counted = self.prior(text, last=tokens.shape[1])
        last = text[:, -self.prior.window - self.prior.orders :]
        return self.joined(x, (chances, counted)), Reading(remembered, last)
