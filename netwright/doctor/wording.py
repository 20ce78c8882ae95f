"""How tensors are named to a person."""

from torch import Tensor, nn


def shape(tensor: Tensor) -> str:
    """Such as (32, 1)."""
    return str(tuple(tensor.shape))


def kind(tensor: Tensor) -> str:
    """The number type without torch's prefix, such as float64."""
    return str(tensor.dtype).removeprefix("torch.")


def attribute(name: str) -> str:
    """How a submodule is written in its owner's code: `self.body[2]` for body.2."""
    words = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in name.split(".")) if name else ""
    return f"self{words}"


def named(name: str, module: nn.Module) -> str:
    """Such as 'body.2' (Linear)."""
    kind_of = type(module).__name__
    return f"{name!r} ({kind_of})" if name else kind_of


def listed(names: list[str], most: int = 4) -> str:
    """The first few of some names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
