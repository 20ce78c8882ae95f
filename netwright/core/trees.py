"""Batches of any form: a tensor, or tuples, lists, dicts and records of tensors."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor


def leaves(tree: Any) -> Iterator[Tensor]:
    """The tensors of a tree, in order. Anything else in it is passed over."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, (tuple, list)):
        for value in tree:
            yield from leaves(value)
    elif is_dataclass(tree):
        for field in fields(tree):
            yield from leaves(getattr(tree, field.name))


def mapped(function: Callable[[Tensor], Any], tree: Any) -> Any:
    """A tree of the same form with each tensor replaced by the function's value."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return type(tree)((key, mapped(function, value)) for key, value in tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(mapped(function, value) for value in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(mapped(function, value) for value in tree)
    if is_dataclass(tree) and not isinstance(tree, type):
        return type(tree)(**{f.name: mapped(function, getattr(tree, f.name)) for f in fields(tree)})
    return tree


def rows(tree: Any) -> int:
    """B: the length of the first tensor of a batch; 1 where it has no tensor or a scalar."""
    first = next(leaves(tree), None)
    return len(first) if first is not None and first.dim() else 1
