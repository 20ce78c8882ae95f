"""A tree of plain values and tensors, such as an optimizer's state, to JSON and tensors and back, types kept.

JSON alone would turn integer keys into text and tuples into lists, and has no infinity; so each such value says what
it is: {"tensor": name}, {"dict": [[key, value], …]}, {"tuple": […]}, {"float": "inf"}.
"""

import math
import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def pack(tree: object) -> tuple[object, dict[str, Tensor]]:
    """The tree as JSON values, and its tensors by the names the JSON uses."""
    tensors: dict[str, Tensor] = {}
    return _pack(tree, tensors), tensors


def unpack(value: object, tensors: dict[str, Tensor]) -> object:
    """The tree that `pack` was given. Raises ValueError or KeyError for anything `pack` does not write."""
    if isinstance(value, list):
        return [unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "tensor":
            return tensors[content]
        case "dict":
            return {unpack(key, tensors): unpack(item, tensors) for key, item in content}
        case "tuple":
            return tuple(unpack(item, tensors) for item in content)
        case "float":
            return float(content)
    raise ValueError(f"unknown mark {kind!r}")


def _pack(tree: object, tensors: dict[str, Tensor]) -> object:
    match tree:
        case Tensor():
            name = f"t{len(tensors)}"
            tensors[name] = tree.detach().to("cpu", copy=True)
            return {"tensor": name}
        case dict():
            return {"dict": [[_pack(key, tensors), _pack(item, tensors)] for key, item in tree.items()]}
        case tuple():
            return {"tuple": [_pack(item, tensors) for item in tree]}
        case list():
            return [_pack(item, tensors) for item in tree]
        case float() if not math.isfinite(tree):
            return {"float": repr(tree)}
        case None | bool() | int() | float() | str():
            return tree
    raise TypeError(f"a checkpoint can't hold a {type(tree).__name__}")


def random_state(generators: Sequence[torch.Generator] = ()) -> dict:
    """The state of all random number streams: torch's on each device, Python's, NumPy's, and `generators`."""
    state = {
        "cpu": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": [torch.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x for x in np.random.get_state()],
        "generators": [generator.get_state() for generator in generators],
    }
    if torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: dict, generators: Sequence[torch.Generator] = ()) -> None:
    """Take the streams up where `random_state` saw them; devices that are not here are passed over."""
    torch.set_rng_state(state["cpu"])
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy(), *rest))
    for generator, kept in zip(generators, state["generators"], strict=False):
        generator.set_state(kept)
    if "cuda" in state and torch.cuda.is_available():
        for i, kept in enumerate(state["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(kept, i)
