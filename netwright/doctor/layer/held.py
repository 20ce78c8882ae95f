"""A module on other weights: they stay in it until the backward pass, which may run forward again."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def held(module: nn.Module, weights: dict[str, nn.Parameter]) -> Iterator[None]:
    """Put these parameters in. While inside, buffers are copies; after it they are as they were."""
    shared = _names(module)
    for name, weight in weights.items():
        for alias in shared.get(name, [name]):
            owner, _, leaf = alias.rpartition(".")
            setattr(module.get_submodule(owner), leaf, weight)
    kept = [(part._buffers, key, b) for part in module.modules() for key, b in part._buffers.items() if b is not None]
    for buffers, key, buffer in kept:
        buffers[key] = buffer.clone()
    try:
        yield
    finally:
        for buffers, key, buffer in kept:
            buffers[key] = buffer


def _names(module: nn.Module) -> dict[str, list[str]]:
    """By the first name of a parameter: all its names, where parts share it."""
    found: dict[int, list[str]] = {}
    for name, p in module.named_parameters(remove_duplicate=False):
        found.setdefault(id(p), []).append(name)
    return {names[0]: names for names in found.values()}
