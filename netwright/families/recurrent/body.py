"""Recurrent layers that padding never reaches.

B sequences, T steps, D numbers a step, H hidden size, L layers, S directions (one, or two).
"""

from types import ModuleType
from typing import Literal

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError

Kind = Literal["rnn", "lstm", "gru"]
NAMES: dict[str, str] = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
"""What PyTorch calls them."""
State = Tensor | tuple[Tensor, Tensor]
"""(L·S, B, H) of an rnn or gru, layer by layer and the forward direction first; two of them, h and c, of an lstm."""


class Recurrent(nn.Module):
    """`num_layers` layers of PyTorch's RNN, LSTM or GRU, in one direction or both, with dropout between layers.

    `forward(x (B, T, D), lengths (B,), state)` gives outputs (B, T, H·S), zero in padding, and the state. The numbers
    are those of `torch.nn.utils.rnn.pack_padded_sequence`, but all shapes are fixed and no length is read on the CPU,
    so that a step can be recorded and replayed: each direction of each layer is a layer of its own, and the backward
    ones are fed each sequence turned round within its own length. Raises InputError for a size below one.

    >>> outputs, (h, c) = Recurrent("lstm", 3, 8, bidirectional=True)(torch.zeros(5, 7, 3))
    >>> outputs.shape, h.shape
    (torch.Size([5, 7, 16]), torch.Size([2, 5, 8]))
    """

    def __init__(
        self,
        kind: Kind,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        namespace: ModuleType = nn,
    ) -> None:
        super().__init__()
        if min(input_size, hidden_size, num_layers) < 1:
            raise InputError(
                "A recurrent layer needs sizes of one or more.",
                got=f"input_size={input_size}, hidden_size={hidden_size}, num_layers={num_layers}",
                wanted="positive whole numbers",
                fix="Correct input_size, hidden_size or num_layers.",
            )
        self.kind, self.hidden_size, self.directions = kind, hidden_size, 2 if bidirectional else 1
        self.output_size = hidden_size * self.directions
        make = getattr(namespace, NAMES[kind])
        sizes = [input_size] + [self.output_size] * (num_layers - 1)
        self.onward = nn.ModuleList(make(size, hidden_size, batch_first=True) for size in sizes)
        self.back = nn.ModuleList(make(size, hidden_size, batch_first=True) for size in sizes if bidirectional)
        self.dropout = namespace.Dropout(dropout)

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State | None]:
        """(B, T, D) → outputs (B, T, H·S) and the state after the last step.

        `lengths` (B,) are the steps that are no padding, all where None. `state` is where to start, zeros where None.
        With lengths the state given back is None: sequences of many lengths end at many steps, see `ends`.
        """
        keep = turned = None
        if lengths is not None:
            steps, lengths = torch.arange(x.shape[1], device=x.device), lengths.to(x.device)[:, None]
            keep = (steps < lengths)[:, :, None]
            turned = torch.where(steps < lengths, lengths - 1 - steps, steps)[:, :, None]
            x = x.masked_fill(~keep, 0.0)
        last = []
        for layer, onward in enumerate(self.onward):
            x = self.dropout(x) if layer else x
            parts = [self._run(onward, x, state, layer * self.directions, last)]
            if self.directions == 2:
                reverse = self._run(self.back[layer], _turn(x, turned), state, layer * 2 + 1, last)
                parts.append(_turn(reverse, turned))
            x = torch.cat(parts, 2) if len(parts) > 1 else parts[0]
            x = x if keep is None else x.masked_fill(~keep, 0.0)
        return x, None if lengths is not None else self._joined(last)

    def ends(self, outputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, H·S) where each direction of the last layer ends: the last step that is no padding, and the first."""
        count, steps, size = outputs.shape
        if not steps:
            return outputs.new_zeros(count, size)
        if lengths is None:
            last = outputs[:, -1]
        else:
            place = (lengths.to(outputs.device) - 1).clamp(min=0)[:, None, None].expand(-1, 1, size)
            last = outputs.gather(1, place).squeeze(1)
        if self.directions == 1:
            return last
        return torch.cat([last[:, : self.hidden_size], outputs[:, 0, self.hidden_size :]], 1)

    def _run(self, layer: nn.Module, x: Tensor, state: State | None, place: int, last: list) -> Tensor:
        """One direction of one layer: (B, T, D) → (B, T, H); its state is put at the end of `last`."""
        if not x.shape[1]:  # PyTorch refuses sequences without a step
            start = x.new_zeros(1, len(x), self.hidden_size)
            own = (start, start) if self.kind == "lstm" else start
            last.append(own if state is None else _part(state, place))
            return x.new_zeros(len(x), 0, self.hidden_size)
        outputs, after = layer(x) if state is None else layer(x, _part(state, place))
        last.append(after)
        return outputs

    def _joined(self, last: list) -> State:
        """The states of all layers as one."""
        if self.kind == "lstm":
            return torch.cat([h for h, _ in last]), torch.cat([c for _, c in last])
        return torch.cat(last)


def _part(state: State, place: int) -> State:
    """The state of one direction of one layer, (1, B, H)."""
    if isinstance(state, tuple):
        return state[0][place : place + 1].contiguous(), state[1][place : place + 1].contiguous()
    return state[place : place + 1].contiguous()


def _turn(x: Tensor, turned: Tensor | None) -> Tensor:
    """(B, T, D) each sequence from its end to its start; `turned` (B, T, 1) are the steps in that order."""
    return x.flip(1) if turned is None else x.gather(1, turned.expand_as(x))
