"""Inputs of a number type the layers don't compute in: NumPy's float64, whole numbers, uint8 images."""

import re

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.doctor.rehearsal import Place
from netwright.doctor.wording import kind

ABOUT_TYPES = re.compile(r"dtype|scalar type|same datatype|Input type|must be the same type|m1 and m2", re.IGNORECASE)
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def explain(error: Exception, where: Place, inputs: list[Tensor], module: nn.Module) -> None:
    """Raises InputError where a layer refused the type of the module's inputs."""
    weights = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    wrong = [t for t in inputs if t.dtype != weights]
    table = isinstance(where.module, (nn.Embedding, nn.EmbeddingBag))
    wrong = [t for t in inputs if t.is_floating_point()] if table else wrong
    if not ABOUT_TYPES.search(str(error)) or not wrong:
        return
    if table:
        fix = "x = x.long()"
    else:
        wrong = [t for t in wrong if t.is_floating_point()] or wrong
        fix = mend(wrong[0], weights)
    raise InputError(
        f"The inputs are of type {kind(wrong[0])}, and {where} doesn't take them.",
        got=f"{kind(wrong[0])} of shape {tuple(wrong[0].shape)}: {error}",
        wanted="whole numbers (int64)" if fix == "x = x.long()" else str(weights).removeprefix("torch."),
        fix=fix,
    ) from error


def mend(tensor: Tensor, weights: torch.dtype) -> str:
    """The line that brings an input to the type of the weights."""
    if weights == torch.float64:
        return "x = x.double(), or model = model.float()"
    if weights != torch.float32:
        return f"x = x.to({weights})"
    if tensor.dtype == torch.uint8:
        return "x = x.float() / 255  # NumPy: x.astype('float32') / 255"
    return "x = x.float()  # NumPy: x.astype('float32')"
