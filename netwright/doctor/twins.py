"""Layers written out by hand, taken for what they stand for: `netwright.layers` has torch.nn's names and arguments.

By name, so that nobody loads them who does not use them.
"""

from torch import nn


def by_hand(module: nn.Module) -> bool:
    """Whether a module is one of `netwright.layers`."""
    return type(module).__module__.startswith("netwright.layers.")


def kind(module: nn.Module) -> type:
    """The module's class; of one written by hand, that of torch.nn it stands for, where there is one."""
    return getattr(nn, type(module).__name__, type(module)) if by_hand(module) else type(module)
