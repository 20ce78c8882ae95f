"""A loss that has lost its way back to the weights."""

from typing import Any

from torch import Tensor

from netwright.core.errors import InputError


def check(loss: Any) -> None:
    """Raises InputError for a loss that is not one number, and for one that no gradient can flow from."""
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        raise InputError(
            "The loss is not one number.",
            got=f"a tensor of shape {tuple(loss.shape)}"
            if isinstance(loss, Tensor)
            else f"a {type(loss).__qualname__}",
            wanted="a tensor with one number, or an nw.Loss with one",
            fix="Take the mean of it: reduction='mean' where it is a torch.nn loss, else .mean().",
        )
    if loss.requires_grad:
        return
    raise InputError(
        "The loss does not depend on the weights, so that no gradient can flow.",
        got=f"a tensor of {tuple(loss.shape)} without a gradient function",
        wanted="a loss computed from the module's outputs by operations with gradients",
        fix="Take .detach(), .item(), .data, argmax, round or torch.no_grad() out between the module and its loss.",
    )
