"""Numbers of half precision are reckoned with in float32 where squares are summed.

float16 ends at 65504, so the square of 256 is too large; bfloat16 has two to three digits.
"""

import torch
from torch import Tensor


def wide_type(given: torch.dtype) -> torch.dtype:
    """float32 for the types of half precision, else the type itself."""
    return given if given.itemsize >= 4 else torch.float32


def wide(x: Tensor) -> Tensor:
    """x in float32 if it is of half precision, else x itself."""
    return x.to(wide_type(x.dtype))
