"""What RNN, LSTM and GRU share: their weights by name, layers on layers, both directions, sequences of many lengths.

T steps, B sequences, D inputs, H hidden size, L layers, S directions. The mathematics of one layer in one direction
stands in rnn.py, lstm.py and gru.py. A *state* is what a layer hands from step to step: (h,), or (h, c) of an LSTM.

Padding is never looked at. Inputs and outputs there are set to zero, the state after a sequence is taken from its own
last step, and the backward direction is fed each sequence turned round within its own length, so that padding comes
last there too. What a layer makes of padding is used by nobody, so the gradient there is zero. All shapes are fixed.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from netwright.core.errors import InputError, InputTypeError
from netwright.layers import packing
from netwright.layers.dropout import Dropout

State = tuple[Tensor, ...]
Weights = list[Tensor | None]
"""W_ih, W_hh, b_ih and b_hh of one layer in one direction."""
Layer = Callable[[Tensor, State, Weights], State]
"""x (T, B, D), the state (B, H) at the start, weights → the state after each step, (T, B, H)."""


def build(module: Any, gates: int, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
    """Give `module` its weights by torch.nn's names: W_ih (gates·H, D or S·H), W_hh (gates·H, H), b (gates·H,).

    Raises InputError for sizes below one and for a dropout that is no share.
    """
    if min(module.input_size, module.hidden_size, module.num_layers) < 1 or not 0 <= module.dropout <= 1:
        raise InputError(
            "A recurrent layer needs sizes of one or more, and a share to drop.",
            got=f"input_size={module.input_size}, hidden_size={module.hidden_size}, num_layers={module.num_layers}, "
            f"dropout={module.dropout}",
            wanted="positive whole numbers, and a dropout from 0 to 1",
            fix="Correct input_size, hidden_size, num_layers or dropout.",
        )
    if module.dropout and module.num_layers == 1:
        warnings.warn("Dropout comes between layers: with num_layers=1 it does nothing.", UserWarning, stacklevel=3)
    hidden, directions = module.hidden_size, 1 + module.bidirectional
    for place in range(module.num_layers * directions):
        inputs = module.input_size if place < directions else directions * hidden
        shapes = [(gates * hidden, inputs), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
        for name, shape in zip(names(place, directions), shapes, strict=True):
            if len(shape) == 2 or module.bias:
                setattr(module, name, nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
    draw(module)


def names(place: int, directions: int) -> list[str]:
    """The weights of one layer in one direction, as torch.nn calls them; places are counted layer by layer."""
    end = f"l{place // directions}" + ("_reverse" if place % directions else "")
    return [f"{kind}_{end}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def all_weights(module: Any) -> list[list[nn.Parameter]]:
    """The weights that are there, of each layer and direction in turn."""
    directions = 1 + module.bidirectional
    places = [names(place, directions) for place in range(module.num_layers * directions)]
    return [[getattr(module, name) for name in place if hasattr(module, name)] for place in places]


def both(bias_ih: Tensor | None, bias_hh: Tensor | None) -> Tensor | None:
    """Two biases that are added to the same numbers as one: their sum, or the one that is there."""
    if bias_ih is None or bias_hh is None:
        return bias_hh if bias_ih is None else bias_ih
    return bias_ih + bias_hh


def draw(module: Any) -> None:
    """All weights uniform in ±1/√H, as torch.nn draws them."""
    bound = 1 / math.sqrt(module.hidden_size)
    with torch.no_grad():
        for weight in module.parameters():
            weight.uniform_(-bound, bound)


def run(
    module: Any,
    layer: Layer,
    count: int,
    x: Tensor | PackedSequence,
    state: State | None,
    lengths: Tensor | None,
) -> tuple[Any, State]:
    """The whole of `module`, whose state has `count` parts: what torch.nn's takes → what torch.nn's gives.

    Raises InputError for shapes and lengths that don't fit, InputTypeError for a state or lengths of another kind.
    """
    refuse(state, count, lengths)
    if isinstance(x, PackedSequence):
        return run_packed(module, layer, count, x, state, lengths)
    batched = x.dim() == 3
    if x.dim() == 2:
        x = x[:, None]
        state = None if state is None else tuple(part.unsqueeze(1) for part in state)
        lengths = None if lengths is None else lengths.reshape(-1)
    elif batched and module.batch_first:
        x = x.transpose(0, 1)
    outputs, after = stacked(module, layer, x, started(module, count, x, state, lengths), lengths)
    if not batched:
        return outputs[:, 0], tuple(part[:, 0] for part in after)
    return outputs.transpose(0, 1) if module.batch_first else outputs, after


def run_packed(
    module: Any, layer: Layer, count: int, x: PackedSequence, state: State | None, lengths: Tensor | None
) -> tuple[PackedSequence, State]:
    """`run` for packed sequences. States come and go in the order the sequences had before they were packed."""
    if lengths is not None:
        raise InputError(
            "Packed sequences know their lengths.",
            got="a PackedSequence and lengths",
            wanted="one of the two",
            fix="Leave lengths away, or give the padded tensor.",
        )
    data, lengths, rows = packing.padded(x)
    if state is not None and x.sorted_indices is not None:
        state = tuple(part.index_select(1, x.sorted_indices) for part in state)
    outputs, after = stacked(module, layer, data, started(module, count, data, state, lengths), lengths)
    if x.unsorted_indices is not None:
        after = tuple(part.index_select(1, x.unsorted_indices) for part in after)
    return packing.packed(outputs, rows, x), after


def started(module: Any, count: int, x: Tensor, state: State | None, lengths: Tensor | None) -> State:
    """The state to start from, `count` times (L·S, B, H): zeros where none is given. Raises InputError for shapes."""
    fits = x.dim() == 3 and len(x) > 0 and x.shape[-1] == module.input_size
    wanted = (module.num_layers * (1 + module.bidirectional), *x.shape[1:2], module.hidden_size)
    given = [x.new_zeros(wanted)] * count if state is None else list(state)
    many = x.shape[1:2] if lengths is None else lengths.shape
    if not fits or many != x.shape[1:2] or [part.shape for part in given] != [wanted] * count:
        raise InputError(
            "These shapes don't fit together.",
            got=f"steps, sequences and numbers {tuple(x.shape)}, a state of {[tuple(p.shape) for p in given]}, "
            f"lengths {None if lengths is None else tuple(lengths.shape)}",
            wanted=f"one step or more of {module.input_size} numbers, a state of {[wanted] * count}, a length for each",
            fix="Give x (T, B, D), (B, T, D) with batch_first=True, or (T, D); hx of the shape wanted; lengths (B,).",
        )
    if lengths is not None:
        refuse_long(lengths, len(x))
    return tuple(given)


def refuse(state: Any, count: int, lengths: Any) -> None:
    """Raise InputTypeError for a state that is not of `count` tensors, and for lengths that are not whole numbers."""
    if state is not None and not (isinstance(state, tuple | list) and all(isinstance(p, Tensor) for p in state)):
        raise InputTypeError(
            "The state to start from is not of this layer's form.",
            got=f"hx of {type(state if count > 1 else state[0]).__name__}",
            wanted="a pair of tensors (h, c)" if count > 1 else "one tensor h",
            fix="Give hx=(h, c) to an LSTM, hx=h to an RNN or a GRU.",
        )
    if lengths is None:
        return
    kind = lengths.dtype if isinstance(lengths, Tensor) else None
    if kind is None or kind.is_floating_point or kind == torch.bool:
        raise InputTypeError(
            "Lengths are counted in steps, in a tensor.",
            got=f"lengths of {type(lengths).__name__ if kind is None else kind}",
            wanted="a tensor of whole numbers, one for each sequence",
            fix="Give lengths=torch.as_tensor(lengths, dtype=torch.int64).",
        )


def refuse_long(lengths: Tensor, steps: int) -> None:
    """Raise InputError for lengths beyond the steps there are; only where they can be read, and without waiting."""
    hidden = torch.compiler.is_compiling() or torch._C._functorch.is_functorch_wrapped_tensor(lengths)
    if lengths.device.type != "cpu" or hidden:
        return
    if any(not 0 <= length <= steps for length in lengths.tolist()):
        raise InputError(
            "A sequence can't be longer than the steps that are given.",
            got=f"lengths from {int(lengths.min())} to {int(lengths.max())}, {steps} steps",
            wanted=f"lengths from 0 to {steps}",
            fix="Correct lengths, or set batch_first=True if sequences stand in front of steps.",
        )


def stacked(module: Any, layer: Layer, x: Tensor, start: State, lengths: Tensor | None) -> tuple[Tensor, State]:
    """Layer on layer: x (T, B, D), state (L·S, B, H) → outputs (T, B, H·S) and the state after the last step."""
    real = None if lengths is None else packing.Real(lengths.to(x.device), len(x))
    directions, ends = 1 + module.bidirectional, []
    for depth in range(module.num_layers):
        x = Dropout(module.dropout)(x) if depth and module.training else x
        x = x if real is None else real.masked(x)
        sides = []
        for place in range(depth * directions, (depth + 1) * directions):
            weights = [getattr(module, name, None) for name in names(place, directions)]
            first = tuple(part[place] for part in start)
            turned = place % directions == 1
            states = layer(turn(x, real) if turned else x, first, weights)
            ends.append([s[-1] if real is None else real.last(s, f) for s, f in zip(states, first, strict=True)])
            sides.append(turn(states[0], real) if turned else states[0])
        x = torch.cat(sides, 2) if len(sides) > 1 else sides[0]
    return x if real is None else real.masked(x), tuple(torch.stack(part) for part in zip(*ends, strict=True))


def turn(x: Tensor, real: packing.Real | None) -> Tensor:
    """(T, B, N) from the last step to the first, each sequence within its own length where there are lengths."""
    return x.flip(0) if real is None else real.turned(x)


def described(module: Any) -> str:
    """The sizes, and the options that are not as they come, as torch.nn writes them."""
    text = f"{module.input_size}, {module.hidden_size}"
    usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
    changed = {name: getattr(module, name) for name in usual if getattr(module, name) != usual[name]}
    return text + "".join(f", {name}={value}" for name, value in changed.items())
