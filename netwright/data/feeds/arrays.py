"""Trees of arrays and tensors: what may stand in one, how it is called in a message, how it becomes a tensor."""

import mmap
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.core.errors import InputError


def formed(function: Callable[[Any], Any], tree: Any) -> Any:
    """A tree of the same form with the function's value for everything that is no tuple, list, dict or dataclass.

    What can move itself (`.to`), such as a packed sequence or a tokenizer's batch, is one leaf whatever it is made of.
    """
    if hasattr(tree, "to"):
        return function(tree)
    if isinstance(tree, dict):
        return type(tree)((key, formed(function, value)) for key, value in tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(formed(function, value) for value in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(formed(function, value) for value in tree)
    if is_dataclass(tree) and not isinstance(tree, type):
        return type(tree)(**{f.name: formed(function, getattr(tree, f.name)) for f in fields(tree)})
    return function(tree)


def named(tree: Any, name: str = "data") -> Iterator[tuple[str, Any]]:
    """Each leaf and how a person would write it: `data[0]["mask"]`."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from named(value, f"{name}[{key!r}]")
    elif isinstance(tree, (tuple, list)):
        for number, value in enumerate(tree):
            yield from named(value, f"{name}[{number}]")
    elif is_dataclass(tree) and not isinstance(tree, type):
        for field in fields(tree):
            yield from named(getattr(tree, field.name), f"{name}.{field.name}")
    else:
        yield name, tree


def rows_of(tree: Any) -> int:
    """N: the first dimension that every array and tensor of the tree has.

    Raises InputError for a tree without rows, a leaf that no tensor can hold, and lengths that differ.
    """
    leaves = list(named(tree))
    for name, leaf in leaves:
        refuse(name, leaf)
    sizes = {name: len(leaf) for name, leaf in leaves}
    if len(set(sizes.values())) > 1:
        raise InputError(
            "The parts of the data are not of one length.",
            got=", ".join(f"{name} has {size} rows" for name, size in sizes.items()),
            wanted="as many rows in each, row i of one belonging to row i of the others",
            fix="Cut them to the same rows; put the rows in the first dimension (x.T, x.permute).",
        )
    if not sizes or not next(iter(sizes.values())):
        raise InputError(
            "The data is empty.",
            got=", ".join(f"{name} of shape {tuple(leaf.shape)}" for name, leaf in leaves) or repr(tree),
            wanted="at least one row",
            fix="Look at what the data was read or filtered from.",
        )
    return next(iter(sizes.values()))


def refuse(name: str, leaf: Any) -> None:
    """Raise InputError for what can't be cut into rows of a tensor."""
    if not isinstance(leaf, (Tensor, np.ndarray)):
        raise unknown(leaf, name)
    if leaf.ndim == 0:
        raise InputError(
            f"{name} is a single number.",
            got=repr(leaf),
            wanted="one row for each example in the first dimension",
            fix="Give one value a row, such as torch.full((len(x),), value).",
        )
    if isinstance(leaf, Tensor):
        if leaf.layout != torch.strided or leaf.is_nested:
            raise InputError(
                f"{name} is a sparse or nested tensor, and batches are cut from dense ones.",
                got=f"layout {leaf.layout}",
                wanted="a dense tensor",
                fix="Give x.to_dense(), or torch.nested.to_padded_tensor(x, 0.0).",
            )
    elif isinstance(leaf, np.ma.MaskedArray):
        raise InputError(
            f"{name} is a masked array, and a tensor has no mask.",
            got=f"{int(np.ma.count_masked(leaf))} masked values",
            wanted="a plain array",
            fix="Say what stands for a masked value: x.filled(0).",
        )
    elif not holdable(leaf.dtype):
        raise InputError(
            f"{name} holds what no tensor can hold.",
            got=f"dtype {leaf.dtype}",
            wanted="numbers or booleans",
            fix="Convert it: x.astype(numpy.float32) for numbers, numpy.unique(x, return_inverse=True)[1] for labels.",
        )


def unknown(given: Any, name: str = "data") -> InputError:
    """The error for something that is no data, with how to make it data."""
    kind = type(given)
    fix = "Give tensors or NumPy arrays: numpy.asarray(x)."
    if hasattr(kind, "to_numpy"):
        fix = "Give its numbers: x.to_numpy()."
    elif hasattr(kind, "toarray"):
        fix = "Give its numbers: x.toarray()."
    elif isinstance(given, (str, bytes)) or hasattr(kind, "__fspath__"):
        fix = "Read the file first (numpy.load, torch.load), or train on a file with nw.train."
    elif isinstance(given, torch.nn.Module):
        fix = "The module is the first argument of nw.fit and the data the second."
    return InputError(
        f"{name} is of a kind that can't be cut into batches.",
        got=f"{kind.__module__}.{kind.__qualname__}",
        wanted="tensors or arrays, alone or in a tuple or dict; a Dataset; a DataLoader; an iterable of batches",
        fix=fix,
    )


def holdable(dtype: np.dtype) -> bool:
    """Whether torch has this type of number, in whatever byte order."""
    try:
        torch.from_numpy(np.empty(0, dtype.newbyteorder("=")))
    except (TypeError, ValueError):
        return False
    return True


def tensor(array: np.ndarray) -> Tensor:
    """The array as a tensor: the same memory where torch can take it and may write it, else a copy."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    if not sharable(native):
        native = native.copy()
    return torch.from_numpy(native)


def sharable(array: np.ndarray) -> bool:
    """Whether a tensor can lie on this memory without a word from torch."""
    regular = all(step >= 0 and step % array.itemsize == 0 for step in array.strides)
    return array.dtype.isnative and array.flags.writeable and regular


def carried(batch: Any, device: torch.device) -> Any:
    """A batch of any form with its arrays as tensors and all on the device; what is neither is left as it is."""

    def moved(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray) and holdable(leaf.dtype):
            leaf = tensor(leaf)
        if isinstance(leaf, Tensor):
            return leaf.to(device, non_blocking=device.type == "cuda")
        return leaf.to(device) if hasattr(leaf, "to") else leaf

    return formed(moved, batch)


def on_disk(array: Any) -> bool:
    """Whether the array is a memory-mapped file, or a part of one."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return isinstance(array, mmap.mmap)
