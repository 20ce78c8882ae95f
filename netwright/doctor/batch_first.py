"""Recurrent layers that take the rows of a batch for the steps of a sequence."""

from typing import Any

from torch import Tensor, nn

from netwright.core.notice import Notice
from netwright.doctor.twins import kind
from netwright.doctor.wording import named


def guard(module: nn.Module, rows: int, notices: list[Notice]) -> list[Any]:
    """Hooks on a copy that add a notice where an nn.RNN, LSTM or GRU without batch_first is fed (rows, steps, numbers).

    It then reads the batch from row to row as if it were one sequence, and trains without a word. The hooks are the
    caller's to remove.
    """
    return [
        layer.register_forward_pre_hook(checker(name, layer, rows, notices))
        for name, layer in module.named_modules()
        if issubclass(kind(layer), nn.RNNBase) and not layer.batch_first
    ]


def checker(name: str, layer: nn.Module, rows: int, notices: list[Notice]) -> Any:
    """A hook for one layer."""

    def check(_: nn.Module, args: tuple) -> None:
        x = args[0] if args and isinstance(args[0], Tensor) else None
        if x is None or x.dim() != 3 or x.shape[0] != rows or x.shape[1] == rows:
            return
        what = (
            f"{named(name, layer)} is fed {tuple(x.shape)} and takes the first axis for steps in time: the {rows} rows "
            "of the batch are read as one sequence"
        )
        kind = type(layer).__name__
        notices.append(Notice(what=what, fix=f"nn.{kind}(…, batch_first=True)", serious=True))

    return check
