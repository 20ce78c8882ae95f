"""Tensors in the numbers a check works in: cast, as a fresh leaf, drawn."""

import torch
from torch import Tensor


def cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Floats in these numbers, complex numbers of two such; others as they are."""
    if tensor.is_complex():
        return tensor.to(torch.complex128 if dtype == torch.float64 else torch.complex64)
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def leaf_of(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A fresh leaf with the same numbers, one after the other in memory."""
    return tensor.detach().to(dtype).clone(memory_format=torch.contiguous_format).requires_grad_()


def drawn(like: Tensor, seed: int) -> Tensor:
    """Numbers of the same form, the same at every call."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(like.shape, generator=generator, dtype=torch.float64).to(like.device, like.dtype)
