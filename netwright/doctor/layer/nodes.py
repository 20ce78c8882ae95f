"""The backward functions a person wrote, as they stand in autograd's graph: each is its own ctx."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from netwright.core import trees
from netwright.doctor.layer.subject import Base, Subject


def written(outputs: Iterable[Tensor]) -> list[Any]:
    """The nodes of Functions that are not torch's own, in the order in which they are met from the outputs."""
    found = []
    for node in graph(outputs):
        kind = getattr(type(node), "_forward_cls", None)
        if kind is not None and not kind.__module__.startswith("torch."):
            found.append(node)
    return found


def once(gradients: Iterable[Tensor]) -> bool:
    """True where gradients come from a backward that was marked as differentiable once."""
    return any("DelayedError" in type(node).__name__ for node in graph(gradients))


def graph(outputs: Iterable[Tensor]) -> list[Any]:
    """All nodes these tensors come from."""
    waiting = [o.grad_fn for o in outputs if o.grad_fn is not None]
    seen, found = set(waiting), []
    while waiting:
        node = waiting.pop(0)
        found.append(node)
        new = [n for n, _ in node.next_functions if n is not None and n not in seen]
        seen.update(new)
        waiting += new
    return found


def owner(node: Any) -> type[Function]:
    """The Function a node is of."""
    return type(node)._forward_cls


@dataclass(frozen=True)
class Raw:
    """A gradient as backward gives it, before autograd mends its form."""

    function: str
    argument: int
    gradient: Tensor
    shape: torch.Size
    dtype: torch.dtype


def raw(subject: Subject, base: Base) -> list[Raw]:
    """All gradients that hand-written backwards give, each called once more with what autograd gives it."""
    outputs = subject.run(base.sources)
    found: list[Raw] = []
    handles = [node.register_prehook(_listening(node, found)) for node in written(outputs)]
    try:
        subject.gradients(base.sources, outputs, base.cotangents)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _listening(node: Any, found: list[Raw]) -> Any:
    """A hook that calls the node's backward itself. `found` gets what comes out."""

    def hook(grad_outputs: tuple) -> None:
        forms = node._input_metadata
        given = [
            torch.zeros(f.shape, dtype=f.dtype, device=f.device) if g is None else g.clone()
            for g, f in zip(grad_outputs, forms, strict=True)
        ]
        kind = owner(node)
        function: Any = kind.backward if kind.vjp is Function.vjp else kind.vjp
        with torch.no_grad():
            results = function(node, *given)
        results = results if isinstance(results, (tuple, list)) else (results,)
        numbers = [i for i, needed in enumerate(node.needs_input_grad) if needed]
        edges = [edge for edge in node.next_functions if edge[0] is not None]
        for i, (following, k) in zip(numbers, edges, strict=False):
            if i < len(results) and isinstance(results[i], Tensor):
                form = following._input_metadata[k]
                found.append(Raw(kind.__name__, i, results[i], torch.Size(form.shape), form.dtype))

    return hook


@dataclass(frozen=True)
class Kept:
    """A tensor that a node keeps: `how` is `ctx.mask`, or `ctx.saved_tensors[1]`."""

    function: str
    how: str
    tensor: Tensor

    @property
    def attribute(self) -> bool:
        """True where it hangs on ctx instead of being saved."""
        return "saved_tensors" not in self.how


def kept(outputs: Iterable[Tensor]) -> Iterator[Kept]:
    """What hand-written nodes keep for their backward."""
    for node in written(outputs):
        name = owner(node).__name__
        for i, tensor in enumerate(node.saved_tensors):
            if tensor is not None:
                yield Kept(name, f"ctx.saved_tensors[{i}]", tensor)
        for key, value in vars(node).items():
            for tensor in trees.leaves(value):
                yield Kept(name, f"ctx.{key}", tensor)
