"""A tree of plain values and tensors, such as an optimizer's state, to JSON and tensors and back, types kept.

JSON alone would turn integer keys into text and tuples into lists, and has no infinity; so each such value says what
it is: {"tensor": name}, {"dict": [[key, value], …]}, {"tuple": […]}, {"float": "inf"}, and so on. What they name is
looked up in closed tables.
"""

import math
import random
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

PLAIN = {
    torch.bool,
    *(torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
}
"""Types of numbers that are kept as they are; tensors of others as their bytes."""
FACTORIES: dict[str, Callable[[], Any]] = {f.__name__: f for f in (int, float, bool, str, list, dict, set)}
"""What a defaultdict may make of a missing key."""


def pack(tree: object) -> tuple[object, dict[str, Tensor]]:
    """The tree as JSON values, and its tensors by the names the JSON uses: on the CPU, contiguous, no copies if so.

    Raises TypeError for anything else than numbers, text, tensors, arrays and the usual containers of them.
    """
    tensors: dict[str, Tensor] = {}
    return _pack(tree, tensors), tensors


def unpack(value: object, tensors: dict[str, Tensor]) -> Any:
    """The tree that `pack` was given. Raises ValueError, KeyError or TypeError for anything `pack` does not write."""
    if isinstance(value, list):
        return [unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((mark, content),) = value.items()
    if mark == "tensor":
        return _tensor(content, tensors)
    return KINDS[mark].make(unpack(content, tensors))


class Kind(NamedTuple):
    """A type that has a mark: how it is taken apart into what can be packed, and made again."""

    type: type
    take: Callable[[Any], object]
    make: Callable[[Any], object]


def _pairs(tree: Mapping) -> list:
    return [[key, value] for key, value in tree.items()]


def _factory(tree: defaultdict) -> str | None:
    for name, factory in FACTORIES.items():
        if tree.default_factory is factory:
            return name
    if tree.default_factory is None:
        return None
    raise TypeError(f"a checkpoint can't hold a defaultdict of {tree.default_factory!r:.80}")


def _scalar(parts: list) -> Any:
    kind = np.dtype(parts[0])
    if kind.kind not in "biuf":
        raise ValueError(f"no single number is a {kind}")
    return kind.type(parts[1])


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise ValueError(f"no type of numbers is called {name!r}")
    return found


KINDS = {
    "scalar": Kind(np.generic, lambda x: [x.dtype.str, x.item()], _scalar),
    "array": Kind(np.ndarray, lambda x: torch.from_numpy(np.array(x)), Tensor.numpy),
    "counter": Kind(Counter, _pairs, lambda pairs: Counter(dict(pairs))),
    "defaultdict": Kind(
        defaultdict,
        lambda x: [_factory(x), dict(x)],
        lambda parts: defaultdict(FACTORIES[parts[0]] if parts[0] is not None else None, parts[1]),
    ),
    "ordered": Kind(OrderedDict, _pairs, OrderedDict),
    "dict": Kind(dict, _pairs, dict),
    "tuple": Kind(tuple, list, tuple),
    "deque": Kind(deque, lambda x: [x.maxlen, list(x)], lambda parts: deque(parts[1], maxlen=parts[0])),
    "set": Kind(set, list, set),
    "frozenset": Kind(frozenset, list, frozenset),
    "dtype": Kind(torch.dtype, lambda x: str(x).removeprefix("torch."), _dtype),
    "complex": Kind(complex, lambda x: [x.real, x.imag], lambda parts: complex(*parts)),
    "float": Kind(float, repr, float),
}
"""By mark. A type stands before those it is a kind of."""


def _pack(tree: object, tensors: dict[str, Tensor]) -> object:
    if isinstance(tree, Tensor):
        return {"tensor": _kept(tree.detach(), tensors)}
    if isinstance(tree, list):
        return [_pack(item, tensors) for item in tree]
    if _as_in_json(tree):
        return tree
    for mark, kind in KINDS.items():
        if isinstance(tree, kind.type):
            return {mark: _pack(kind.take(tree), tensors)}
    raise TypeError(f"a checkpoint can't hold a {type(tree).__qualname__}: {tree!r:.80}")


def _as_in_json(tree: object) -> bool:
    if isinstance(tree, np.generic):  # some are floats as well
        return False
    return tree is None or isinstance(tree, str | int) or (isinstance(tree, float) and math.isfinite(tree))


def _kept(tensor: Tensor, tensors: dict[str, Tensor]) -> object:
    """The name of a tensor, with what its bytes alone don't tell: how it lies in memory, and numbers of a rare type."""
    name = f"t{len(tensors)}"
    described: dict[str, object] = {}
    if tensor.layout != torch.strided or tensor.is_quantized:
        raise TypeError(f"a checkpoint can't hold a tensor that is {tensor.layout} or quantized")
    if not tensor.is_contiguous():
        described["strides"] = list(torch.empty_like(tensor, device="meta").stride())
    plain = tensor.to("cpu").resolve_conj().resolve_neg().contiguous()
    if tensor.dtype not in PLAIN:
        described |= {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
        plain = plain.flatten().view(torch.uint8)
    tensors[name] = plain
    return [name, described] if described else name


def _tensor(content: Any, tensors: dict[str, Tensor]) -> Tensor:
    if isinstance(content, str):
        return tensors[content]
    name, described = content
    tensor = tensors[name]
    if "dtype" in described:
        tensor = tensor.view(_dtype(described["dtype"])).reshape(described["shape"])
    if "strides" in described:
        laid = torch.empty_strided(tensor.shape, described["strides"], dtype=tensor.dtype)
        tensor = laid.copy_(tensor)
    return tensor


def random_state(generators: Sequence[torch.Generator] = ()) -> dict:
    """The state of all random number streams: torch's on each device, Python's, NumPy's, and `generators`."""
    state = {
        "cpu": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "generators": [generator.get_state() for generator in generators],
    }
    if torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def set_random_state(state: dict, generators: Sequence[torch.Generator] = ()) -> None:
    """Take the streams up where `random_state` saw them; devices that are not here are passed over."""
    torch.set_rng_state(state["cpu"])
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    for generator, kept in zip(generators, state["generators"], strict=False):
        generator.set_state(kept)
    if "cuda" in state and torch.cuda.is_available():
        for i, kept in enumerate(state["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(kept, i)
