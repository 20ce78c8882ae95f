"""What a batch normalisation keeps between calls: its weights and the running mean and variance of each channel.

After a batch of N numbers in a channel with mean μ and variance v, with momentum p (1/t at the t-th batch where the
module's momentum is None, which makes a plain mean over batches):

    running mean ← (1 − p) running mean + p μ
    running var  ← (1 − p) running var  + p v N/(N − 1)        N − 1, for v is about the batch's own mean: too small

Nothing here is differentiated.
"""

from typing import Any

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.layers.init import ones_, zeros_
from netwright.layers.precision import wide


def equip(module: Any, bias: bool, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
    """Give a module its γ and β (C,) and running numbers, or None for those its options leave out."""
    size, like = module.num_features, {"device": device, "dtype": dtype}
    for name, there in (("weight", module.affine), ("bias", module.affine and bias)):
        module.register_parameter(name, nn.Parameter(torch.empty(size, **like)) if there else None)
    for name in ("running_mean", "running_var"):
        module.register_buffer(name, torch.empty(size, **like) if module.track_running_stats else None)
    count = torch.tensor(0, dtype=torch.long, device=device) if module.track_running_stats else None
    module.register_buffer("num_batches_tracked", count)
    restart(module)


def restart(module: Any) -> None:
    """Forget all batches, γ = 1, β = 0."""
    forget(module)
    if module.weight is not None:
        ones_(module.weight)
    if module.bias is not None:
        zeros_(module.bias)


def forget(module: Any) -> None:
    """Running mean 0, running variance 1, no batch seen."""
    if module.track_running_stats:
        zeros_(module.running_mean)
        ones_(module.running_var)
        module.num_batches_tracked.zero_()


def known(module: Any) -> tuple[Tensor | None, Tensor | None]:
    """Mean and variance where they are not to come from the batch."""
    from_batch = module.training or module.running_mean is None or module.running_var is None
    return (None, None) if from_batch else (module.running_mean, module.running_var)


def check(module: Any, x: Tensor, axes: tuple[int, ...]) -> None:
    """Raise InputError for an input of another form, or with too few numbers to have a variance."""
    if x.dim() not in axes or x.shape[1] != module.num_features:
        raise InputError(
            "The input does not have the axes or the channels of this batch normalisation.",
            got=f"an input of shape {tuple(x.shape)}",
            wanted=f"(batch, {module.num_features}, …) with {' or '.join(map(str, axes))} axes",
            fix="Give the input's second size as num_features; for images take BatchNorm2d, for rows BatchNorm1d.",
        )
    if x.numel() == module.num_features and known(module)[0] is None:
        raise InputError(
            "A single number for each channel has no variance.",
            got=f"an input of shape {tuple(x.shape)} in training",
            wanted="two rows or more, or two places or more",
            fix="Give larger batches (leave the last short one out), or call .eval() on the model.",
        )


def remember(module: Any, y: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    """Put the batch's mean and variance (C,) into the running ones, in training; y is handed on."""
    if not (module.training and module.track_running_stats):
        return y
    module.num_batches_tracked.add_(1)
    part = 1 / module.num_batches_tracked.to(mean.dtype) if module.momentum is None else module.momentum
    follow(module.running_mean, module.running_var, mean, var, y.numel() // len(mean), part)
    return y


def follow(
    running_mean: Tensor, running_var: Tensor, mean: Tensor, var: Tensor, count: int, part: float | Tensor
) -> None:
    """Move the running numbers (C,) towards those of a batch of `count` numbers a channel by this part, in place."""
    if count > 1:
        for running, now in ((running_mean, mean), (running_var, var * (count / (count - 1)))):
            old = wide(running)  # a variance may be too large for half precision, and the running one not
            running.copy_(torch.lerp(old, now.detach().to(old.dtype), part))


def describe(module: Any) -> str:
    """The options, as text."""
    options = f"eps={module.eps}, momentum={module.momentum}, affine={module.affine}, bias={module.bias is not None}"
    return f"{module.num_features}, {options}, track_running_stats={module.track_running_stats}"
