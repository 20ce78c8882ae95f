"""What no layer has to change: modes, defaults, threads. Noted before the checks, and put back before each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

Setting = tuple[Callable[[], Any], Callable[[Any], Any]]
SETTINGS: dict[str, Setting] = {
    "torch's gradient mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch's default number type": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "torch's choice of deterministic algorithms": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    "anomaly detection": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
}


@dataclass(frozen=True)
class World:
    """How everything stands."""

    settings: dict[str, Any]
    training: dict[str, bool]
    graded: dict[str, bool]

    @classmethod
    def now(cls, module: nn.Module) -> "World":
        """Look."""
        return cls(
            {name: read() for name, (read, _) in SETTINGS.items()},
            {name: part.training for name, part in module.named_modules()},
            {name: p.requires_grad for name, p in module.named_parameters()},
        )

    def changed(self, other: "World") -> str:
        """What is not in the other as it is here, in words; "" where all is."""
        for name, value in self.settings.items():
            if other.settings[name] != value:
                return name
        for name, mode in self.training.items():
            if other.training.get(name) != mode:
                return f"the training mode of {name or 'the module'}"
        return next((f"requires_grad of {name}" for name, g in self.graded.items() if other.graded.get(name) != g), "")

    def restore(self, module: nn.Module) -> None:
        """Put it back."""
        for name, (read, write) in SETTINGS.items():
            if read() != self.settings[name]:
                write(self.settings[name])
        for name, part in module.named_modules():
            part.training = self.training.get(name, part.training)
        for name, p in module.named_parameters():
            p.requires_grad_(self.graded.get(name, p.requires_grad))


@contextmanager
def kept_world(module: nn.Module) -> Iterator[World]:
    """While inside, a layer may change what it should not; after it everything is as it was."""
    world = World.now(module)
    try:
        yield world
    finally:
        world.restore(module)
