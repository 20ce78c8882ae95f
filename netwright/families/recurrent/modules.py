"""The recurrent networks of the tutorials: a recurrent body, and a linear layer on where it ends.

B sequences, T steps, D numbers a step, O outputs.
"""

from types import ModuleType

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.families.recurrent.body import Recurrent


class RNN(nn.Module):
    """Elman's recurrent network, h ← tanh(W x + U h + b), and a linear layer on the last state (Elman 1990).

    `forward(x (B, T, input_size), lengths (B,))` gives (B, output_size): raw numbers or logits, no softmax. `lengths`
    are the steps of each sequence that are no padding; without them all are. One sequence (T, input_size) gives
    (output_size,). With `bidirectional` a second network reads from the end, and both ends are joined; `dropout` acts
    between layers and before the linear one. Raises InputError for sizes or shapes that can't be.

    >>> import torch
    >>> RNN(3, 32, 2, num_layers=2)(torch.zeros(5, 7, 3), torch.tensor([7, 7, 4, 1, 2])).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.body = Recurrent("rnn", input_size, hidden_size, num_layers=num_layers, bidirectional=bidirectional,
                              dropout=dropout, namespace=layers)  # fmt: skip
        self.dropout, self.head = layers.Dropout(dropout), make_head(self.body, output_size, layers)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, input_size) → (B, output_size), or (T, input_size) → (output_size,)."""
        return answer(self.body, self.dropout, self.head, x, lengths)


class LSTM(nn.Module):
    """A long short-term memory and a linear layer on its last output (Hochreiter and Schmidhuber 1997).

    `forward(x (B, T, input_size), lengths (B,))` gives (B, output_size): raw numbers or logits, no softmax. `lengths`
    are the steps of each sequence that are no padding; without them all are. One sequence (T, input_size) gives
    (output_size,). With `bidirectional` a second network reads from the end, and both ends are joined; `dropout` acts
    between layers and before the linear one. Raises InputError for sizes or shapes that can't be.

    >>> import torch
    >>> LSTM(3, 32, 2, bidirectional=True)(torch.zeros(5, 7, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.body = Recurrent("lstm", input_size, hidden_size, num_layers=num_layers, bidirectional=bidirectional,
                              dropout=dropout, namespace=layers)  # fmt: skip
        self.dropout, self.head = layers.Dropout(dropout), make_head(self.body, output_size, layers)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, input_size) → (B, output_size), or (T, input_size) → (output_size,)."""
        return answer(self.body, self.dropout, self.head, x, lengths)


class GRU(nn.Module):
    """Gated recurrent units and a linear layer on their last state (Cho et al. 2014).

    `forward(x (B, T, input_size), lengths (B,))` gives (B, output_size): raw numbers or logits, no softmax. `lengths`
    are the steps of each sequence that are no padding; without them all are. One sequence (T, input_size) gives
    (output_size,). With `bidirectional` a second network reads from the end, and both ends are joined; `dropout` acts
    between layers and before the linear one. Raises InputError for sizes or shapes that can't be.

    >>> import torch
    >>> GRU(3, 32, 2)(torch.zeros(7, 3)).shape
    torch.Size([2])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        layers: ModuleType = nn,
    ) -> None:
        super().__init__()
        self.body = Recurrent("gru", input_size, hidden_size, num_layers=num_layers, bidirectional=bidirectional,
                              dropout=dropout, namespace=layers)  # fmt: skip
        self.dropout, self.head = layers.Dropout(dropout), make_head(self.body, output_size, layers)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, input_size) → (B, output_size), or (T, input_size) → (output_size,)."""
        return answer(self.body, self.dropout, self.head, x, lengths)


def make_head(body: Recurrent, output_size: int, layers: ModuleType) -> nn.Module:
    """The linear layer on a recurrent body. Raises InputError for no outputs."""
    if output_size < 1:
        raise InputError(
            "A network needs an output or more.",
            got=f"output_size={output_size}",
            wanted="a positive whole number",
            fix="Correct output_size: classes, or numbers to predict.",
        )
    return layers.Linear(body.output_size, output_size)


def answer(body: Recurrent, dropout: nn.Module, head: nn.Module, x: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, T, D) → (B, O), or (T, D) → (O,): the head on where the body ends."""
    size = body.onward[0].input_size
    if x.dim() not in (2, 3) or x.shape[-1] != size or not x.is_floating_point():
        raise InputError(
            "The sequences are not of the form this network was made for.",
            got=f"a {str(x.dtype).removeprefix('torch.')} tensor of shape {tuple(x.shape)}",
            wanted=f"floats of shape (batch, steps, {size}), or (steps, {size}) for one sequence",
            fix="Bring them into that form, or make the network with their input_size.",
        )
    if lengths is not None and (x.dim() != 3 or lengths.shape != x.shape[:1]):
        raise InputError(
            "The lengths do not fit the sequences.",
            got=f"lengths of shape {tuple(lengths.shape)} for sequences of shape {tuple(x.shape)}",
            wanted="one length for each sequence of a batch",
            fix="Give lengths of shape (batch,), or leave lengths out.",
        )
    batch = x if x.dim() == 3 else x[None]
    outputs, _ = body(batch, lengths)
    answers = head(dropout(body.ends(outputs, lengths)))
    return answers if x.dim() == 3 else answers[0]
