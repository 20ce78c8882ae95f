"""What a step depends on besides its batch, as far as it can be found: looked at around a trial and between calls.

A plan other than eager does again what was recorded. A learning curve bent by hand, a weight unfrozen, a coefficient
annealed in a closure: whatever changes between the calls must be seen, or the old step would go on being run.
"""

import functools
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from netwright.engine.job import Job
from netwright.engine.recording import Refused, attributes, plain

DEPTH = 4
"""Of functions and objects in each other that are looked into."""
FEW = 200
"""Items of a list or dict up to which each is looked at; of a longer one, how many there are."""
LARGE = 10**6
"""Numbers of a tensor up to which it is copied, so that it can be put back."""
OURS = ("netwright.", "torch.", "builtins", "functools")

Place = tuple[str, Any, Any]
"""(name, container, key): a closure's cell, a dict or a list, and where in it a value is."""


def surroundings(job: Job) -> dict[str, Any]:
    """Where weights lie, what is trained, and the plain values that module, losses and what they hold have now."""
    seen: dict[str, Any] = {}
    for name, tensor in (*job.module.named_parameters(), *job.module.named_buffers()):
        seen[name] = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.requires_grad)
    for phase in job.phases:
        groups = phase.optimizer.param_groups
        seen[f"what {phase.name} trains"] = tuple(id(p) for group in groups for p in group["params"])
    seen |= attributes(job.module)
    return seen | {name: _seen(_get(container, key)) for name, container, key in outside(job)}


def outside(job: Job) -> list[Place]:
    """The places of values that the losses and what they share hold: closures, globals, attributes."""
    met = {id(job.module), *(id(part) for part in job.module.modules())}
    functions = [phase.loss for phase in job.phases] + ([job.share] if job.share is not None else [])
    return [place for function in functions for place in _held(function, "the loss", DEPTH, met)]


@contextmanager
def kept_outside(job: Job) -> Iterator[None]:
    """While inside, steps may be tried. Raises Refused where they changed what the losses hold, and puts it back."""
    places = outside(job)
    before = [(place, _seen(_get(*place[1:])), _copy(_get(*place[1:]))) for place in places]
    error: Refused | None = None
    try:
        yield
    finally:
        for (name, container, key), seen, copy in before:
            if _seen(_get(container, key)) != seen:
                _put_back(container, key, copy)
                error = Refused(f"each step changes {name}")
    if error is not None:
        raise error


def _held(value: Any, name: str, depth: int, met: set[int]) -> Iterator[Place]:
    """What a function or object holds, and what is held by that."""
    if depth == 0 or id(value) in met:
        return
    met.add(id(value))
    for place in _places(value, name):
        yield place
        inner = _get(*place[1:])
        if callable(inner) or isinstance(inner, nn.Module) or (hasattr(inner, "__dict__") and not _ours(inner)):
            yield from _held(inner, place[0], depth - 1, met)


def _places(value: Any, name: str) -> Iterator[Place]:
    if isinstance(value, functools.partial):
        yield from ((f"{name}'s {key}", value.keywords, key) for key in value.keywords)
        yield from ((f"{name}'s argument", list(value.args), i) for i in range(len(value.args)))
        yield (f"{name}", {"function": value.func}, "function")
    elif isinstance(value, types.MethodType):
        yield (name, {"self": value.__self__}, "self")
    elif isinstance(value, types.FunctionType):
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=False)
        yield from ((key, cell, "cell_contents") for key, cell in cells)
        defaults = list(value.__defaults__ or ())
        yield from ((f"{name}'s default {i}", defaults, i) for i in range(len(defaults)))
        yield from ((key, value.__kwdefaults__, key) for key in value.__kwdefaults__ or ())
        if not value.__module__.startswith("netwright."):
            names = [key for key in value.__code__.co_names if key in value.__globals__]
            globals_ = ((key, value.__globals__[key]) for key in names)
            yield from (
                (key, value.__globals__, key)
                for key, held in globals_
                if not isinstance(held, (types.ModuleType, type)) and not (callable(held) and _ours(held))
            )
    elif isinstance(value, nn.Module):
        for key, part in value.named_modules():
            inside = f"{name}'s {key + '.' if key else ''}"
            yield from ((f"{inside}{k}", part._buffers, k) for k in part._buffers)
            yield from ((f"{inside}{k}", vars(part), k) for k in vars(part) if not k.startswith("_"))
    elif isinstance(getattr(value, "__dict__", None), dict) and not isinstance(value, type):
        yield from ((f"{name}'s {key}", vars(value), key) for key in vars(value))


def _ours(value: Any) -> bool:
    module = getattr(value, "__module__", None) or type(value).__module__
    return str(module).startswith(OURS)


def _get(container: Any, key: Any) -> Any:
    if isinstance(container, types.CellType):
        try:
            return container.cell_contents
        except ValueError:  # not assigned yet
            return None
    return container[key] if isinstance(container, list) else container.get(key)


def _seen(value: Any) -> Any:
    """What is compared of a value: of a tensor which one it is, and whether it was written to."""
    if isinstance(value, Tensor):
        return (id(value), value._version)
    if isinstance(value, nn.Module) or callable(value):
        return id(value)
    if isinstance(value, (list, tuple)) and len(value) <= FEW:
        return tuple(_seen(item) for item in value)
    if isinstance(value, dict) and len(value) <= FEW:
        return tuple((key, _seen(item)) for key, item in value.items())
    return len(value) if isinstance(value, (list, tuple, dict)) else plain(value)


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor) and value.numel() <= LARGE:
        return value, value.detach().clone()
    if isinstance(value, (list, dict)):
        return value, value.copy()
    return value, None


def _put_back(container: Any, key: Any, copy: tuple[Any, Any]) -> None:
    value, content = copy
    if isinstance(value, Tensor) and content is not None:
        with torch.no_grad():
            value.copy_(content)
    elif isinstance(value, list) and content is not None:
        value[:] = content
    elif isinstance(value, dict) and content is not None:
        value.clear()
        value.update(content)
    if isinstance(container, types.CellType):
        container.cell_contents = value
    else:
        container[key] = value
