"""A small language model with a memory, for whoever tests what is written with one."""

import torch
from torch import Tensor, nn

from netwright.core.forms import CorpusForm
from netwright.data.corpus.vocabulary import characters_of


class Writer(nn.Module):
    """A recurrent network of V tokens; not trained."""

    def __init__(self, vocabulary: int, size: int = 16) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.tokens = nn.Embedding(vocabulary, size)
        self.memory = nn.GRU(size, size, batch_first=True)
        self.head = nn.Linear(size, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) → (B, T, V)."""
        return 4 * self.head(self.memory(self.tokens(tokens))[0])

    def start(self, batch: int) -> Tensor:
        """What is remembered before the first token."""
        return torch.zeros(1, batch, self.memory.hidden_size)

    def step(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(B, t) → (B, t, V), and what is remembered then."""
        found, state = self.memory(self.tokens(tokens), state)
        return 4 * self.head(found), state


class Forgetful(nn.Module):
    """The same without a memory between calls."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self.writer = writer

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) → (B, T, V)."""
        return self.writer(tokens)


FORM = CorpusForm(
    level="characters", vocabulary=characters_of("to be or not to be,\nthat is the question\n")[0], window=64
)
