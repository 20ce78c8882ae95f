"""Numbers of half precision: reckoned with in float32 where squares are summed, and in backward as in forward.

float16 ends at 65504, so the square of 256 is too large; bfloat16 has two to three digits. Under `torch.autocast`
matrix products are made in half precision, whatever the tensors are. `loss.backward()` is called outside of it as a
rule, where the product of a gradient in half precision and a weight in float32 fails: so backward goes back to
forward's setting.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor


def wide_type(given: torch.dtype) -> torch.dtype:
    """float32 for the types of half precision, else the type itself."""
    return given if given.itemsize >= 4 else torch.float32


def wide(x: Tensor) -> Tensor:
    """x in float32 if it is of half precision, else x itself."""
    return x.to(wide_type(x.dtype))


def keep_precision(ctx: Any, x: Tensor) -> None:
    """Remember in a Function's `setup_context` whether `torch.autocast` is on for the device of x."""
    kind = x.device.type
    on = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    ctx.precision = kind, on, torch.get_autocast_dtype(kind) if on else None


def precision_of(ctx: Any) -> AbstractContextManager:
    """`torch.autocast` as it was then, for a Function's `backward`."""
    kind, on, dtype = ctx.precision
    if not torch.amp.is_autocast_available(kind) or on == torch.is_autocast_enabled(kind):
        return nullcontext()
    return torch.autocast(kind, dtype, enabled=on)
