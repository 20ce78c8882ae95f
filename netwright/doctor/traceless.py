"""Trying a step without leaving a trace of it: on a copy, with every random state put back."""

import copy
import random
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from netwright.core.trees import leaves, mapped


@contextmanager
def traceless(module: nn.Module, batch: Any) -> Iterator[None]:
    """Random states, gradient mode and the module's buffers are afterwards as they were; warnings are not shown twice.

    The buffers, because a loss that closes over the module runs the original whatever module it is given.
    """
    python, numpy = random.getstate(), np.random.get_state()
    kept = [(b, b.detach().clone()) for b in module.buffers() if not is_lazy(b) and not b.is_inference()]
    with ExitStack() as stack:
        for kind, numbers in devices(module, batch).items():
            stack.enter_context(torch.random.fork_rng(numbers, device_type=kind))
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.enable_grad())
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
            with torch.no_grad():
                for buffer, value in kept:
                    if not torch.equal(buffer, value):
                        buffer.copy_(value)


def devices(module: nn.Module, batch: Any) -> dict[str, list[int]]:
    """The accelerators that module and batch lie on: kind → numbers. Only kinds whose random state can be put back."""
    found: dict[str, list[int]] = {}
    for tensor in (*module.parameters(), *module.buffers(), *leaves(batch)):
        device = tensor.device
        if device.type in ("cuda", "xpu") and device.index not in found.get(device.type, []):
            found.setdefault(device.type, []).append(device.index)
    return found


def twin(module: nn.Module, *others: Any) -> tuple[Any, ...] | None:
    """Deep copies of a module and of what goes with it, still joined as they were; None where they can't be copied.

    A module that torch.compile wrapped is copied without the wrapper: a try is not worth a compilation.
    """
    try:
        return copy.deepcopy((getattr(module, "_orig_mod", module), *others))
    except Exception:  # whatever a stranger's __deepcopy__ raises, it means the same here
        return None


def cloned(tree: Any) -> Any:
    """A batch of the same form that may be written into."""
    return mapped(lambda tensor: tensor.detach().clone().requires_grad_(tensor.requires_grad), tree)


def reached(loss: Any) -> dict[int, Tensor]:
    """The leaf tensors that a loss depends on and that require gradients, by their ids."""
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        return {}
    root = loss.grad_fn
    if root is None:
        return {id(loss): loss}
    found, seen, open_nodes = {}, {root}, [root]
    while open_nodes:
        node = open_nodes.pop()
        if hasattr(node, "variable"):
            found[id(node.variable)] = node.variable
        new = [n for n, _ in node.next_functions if n is not None and n not in seen]
        seen.update(new)
        open_nodes += new
    return found
