"""Losses under `torch.autocast`: reckoned with in float32, as torch.nn's, though layers give half precision."""

from typing import Any

import torch
from torch import Tensor

from netwright.layers.precision import wide


def single(*tensors: Any) -> tuple[Any, ...]:
    """Floats of half precision in float32, where autocast is on for the device of the first; all else as it is."""
    kind = tensors[0].device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return tensors
    return tuple(wide(t) if isinstance(t, Tensor) and t.is_floating_point() else t for t in tensors)
