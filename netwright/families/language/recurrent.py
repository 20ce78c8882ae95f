"""A recurrent network that reads a text: a state is carried from token to token.

B rows, T positions, V vocabulary, D size, L layers.
"""

from types import ModuleType

from torch import Tensor, nn

from netwright.families.recurrent.body import Kind, Recurrent, State


class RecurrentReader(nn.Module):
    """`forward(tokens (B, T))` gives (B, T, size), `logits` of that (B, T, V).

    What it remembers is its state: however long the text, `step` sees all of it.
    """

    def __init__(
        self,
        kind: Kind,
        vocabulary: int,
        size: int,
        *,
        layers: int,
        dropout: float = 0.0,
        namespace: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.tokens = namespace.Embedding(vocabulary, size)
        self.body = Recurrent(kind, size, size, num_layers=layers, dropout=dropout, namespace=namespace)
        self.dropout = namespace.Dropout(dropout)
        self.head = namespace.Linear(size, vocabulary)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) → (B, T, D)."""
        return self.dropout(self.body(self.dropout(self.tokens(tokens)))[0])

    def logits(self, x: Tensor) -> Tensor:
        """(B, T, D) → (B, T, V)."""
        return self.head(x)

    def start(self, batch: int) -> State:
        """The state before the first token: zeros (L, B, D), two of them for an lstm."""
        zeros = self.head.weight.new_zeros(len(self.body.onward), batch, self.body.hidden_size)
        return (zeros, zeros) if self.kind == "lstm" else zeros

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State | None]:
        """(B, T) tokens that follow → (B, T, D), and the state after them."""
        x, state_after = self.body(self.dropout(self.tokens(tokens)), None, state)
        return self.dropout(x), state_after
