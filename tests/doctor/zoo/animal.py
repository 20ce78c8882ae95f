"""What stands in the zoo: a layer with hand-written backward, what it is called with, and which check may find it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Animal:
    """`layer` is what people hand over; `make` builds modules anew, so that no test sees another's traces."""

    name: str
    make: Callable[[], Any]
    inputs: Callable[[], tuple]
    check: frozenset[str] = field(default_factory=frozenset)


def animal(name: str, layer: Any, inputs: Callable[[], tuple], check: frozenset[str] = frozenset()) -> Animal:
    """An animal of a Function, a pair, a Module class without arguments, or a function that builds a layer."""

    def make() -> Any:
        torch.manual_seed(0)
        return layer()

    function = isinstance(layer, tuple) or (isinstance(layer, type) and not issubclass(layer, nn.Module))
    return Animal(name, (lambda: layer) if function else make, inputs, check)


def keeper(zoo: dict[str, Animal], *usual: str) -> Callable:
    """A decorator that puts layers into a zoo, with the checks any of which may find them."""

    def put(name: str, inputs: Callable[[], tuple], *checks: str) -> Callable[[Any], Any]:
        def keep(layer: Any) -> Any:
            zoo[name] = animal(name, layer, inputs, frozenset(checks or usual))
            return layer

        return keep

    return put


def rows(*shape: int, seed: int = 0) -> Tensor:
    """Numbers of a bell curve, the same each time."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def ids(below: int, *shape: int) -> Tensor:
    """Integers from 0 to `below` − 1, repeated."""
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(0))
