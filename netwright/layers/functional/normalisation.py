"""Numbers brought to mean 0 and variance 1, as functions. Each raises InputError for tensors of other sizes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from netwright.core.errors import InputError
from netwright.layers.batch_norm import BatchNormFunction
from netwright.layers.group_norm import GroupNorm, GroupNormFunction
from netwright.layers.layer_norm import LayerNormFunction
from netwright.layers.precision import wide_type
from netwright.layers.rms_norm import RMSNormFunction
from netwright.layers.rows import check_rows
from netwright.layers.running import follow


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each row, the axes `normalized_shape`, with mean 0 and variance 1, scaled and shifted."""
    check_rows(input, normalized_shape)
    check_weights(normalized_shape, weight=weight, bias=bias)
    return LayerNormFunction.apply(input, weight, bias, len(normalized_shape), eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Each row, the axes `normalized_shape`, with a mean square of 1, scaled."""
    check_rows(input, normalized_shape)
    check_weights(normalized_shape, weight=weight)
    eps = torch.finfo(wide_type(input.dtype)).eps if eps is None else eps
    return RMSNormFunction.apply(input, weight, len(normalized_shape), eps)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel with mean 0 and variance 1: the batch's in training, where the running ones follow them."""
    check_weights(input.shape[1:2], weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    if not training:
        return BatchNormFunction.apply(input, weight, bias, running_mean, running_var, eps)
    y, mean, var = BatchNormFunction.apply(input, weight, bias, None, None, eps)
    if running_mean is not None and running_var is not None:
        follow(running_mean, running_var, mean, var, y.numel() // len(mean), momentum)
    return y


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Each group of channels with mean 0 and variance 1, scaled and shifted."""
    GroupNorm(num_groups, input.shape[1], affine=False)  # raises where the groups don't part the channels
    check_weights(input.shape[1:2], weight=weight, bias=bias)
    return GroupNormFunction.apply(input, weight, bias, num_groups, eps)


def check_weights(wanted: Sequence[int], **given: Tensor | None) -> None:
    """Raises InputError for a tensor of another shape: it would be repeated."""
    for name, tensor in given.items():
        if tensor is not None and tuple(tensor.shape) != tuple(wanted):
            raise InputError(
                "A normalisation has one of these for each number of a row, or for each channel.",
                got=f"{name} of shape {tuple(tensor.shape)}",
                wanted=f"shape {tuple(wanted)}",
                fix=f"Give {name} this shape, or leave it out.",
            )
