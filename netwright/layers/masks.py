"""Masks of attention: who sees whom.

B rows, H heads, T queries, S keys. A mask in attention's form ends in (T, S), or in shapes that broadcast to it. It is
of bools, True where the query sees the key, or of floats, which are added to the scores: −∞ hides.
"""

import torch
from torch import Tensor

from netwright.core.errors import InputError, InputTypeError


def causal(queries: int, keys: int, device: torch.device | None = None) -> Tensor:
    """Query t sees the keys 0 … t: bools (T, S)."""
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril()


def merged(attn_mask: Tensor | None, key_padding_mask: Tensor | None, like: Tensor, heads: int) -> Tensor | None:
    """The masks of torch.nn's modules, where True *hides*, as one mask in attention's form.

    attn_mask (T, S), (B·H, T, S), or (H, T, S) where there is no batch; key_padding_mask (B, S), or (S,) where there is
    no batch; `like` is the input of the module, 2 axes without a batch, else 3. Two masks of bools give bools (True is
    seen), else floats of the type of `like`. Raises InputError for masks of other axes, InputTypeError for integers.
    """
    masks = []
    if attn_mask is not None:
        refuse(attn_mask, "attn_mask", (2, 3), "(T, S), (B·H, T, S), or (H, T, S) for an input without a batch")
        batched = attn_mask.dim() == 3 and like.dim() == 3
        masks.append(attn_mask.unflatten(0, (len(attn_mask) // heads, heads)) if batched else attn_mask)
    if key_padding_mask is not None:
        refuse(key_padding_mask, "key_padding_mask", (like.dim() - 1,), "(B, S), or (S,) for an input without a batch")
        masks.append(key_padding_mask[..., None, None, :])
    if any(mask.is_floating_point() for mask in masks):
        masks = [mask if mask.is_floating_point() else hiding(mask, like) for mask in masks]
    if not masks:
        return None
    if masks[0].is_floating_point():
        return masks[0] if len(masks) == 1 else masks[0] + masks[1]
    return ~(masks[0] if len(masks) == 1 else masks[0] | masks[1])


def hiding(hidden: Tensor, like: Tensor) -> Tensor:
    """Bools, True where hidden → floats to add: −∞ where hidden, else 0."""
    return torch.zeros_like(hidden, dtype=like.dtype).masked_fill(hidden, -torch.inf)


def widened(mask: Tensor | None, keys: int) -> Tensor | None:
    """The mask with so many more keys at its end, which everyone sees."""
    if mask is None or not keys:
        return mask
    return torch.constant_pad_nd(mask, (0, keys), 0.0 if mask.is_floating_point() else True)


def summed_to(gradient: Tensor, shape: torch.Size) -> Tensor:
    """The gradient of a tensor of this shape that was broadcast: each number's is the sum over its places."""
    extra = gradient.dim() - len(shape)
    stretched = [i + extra for i, size in enumerate(shape) if size == 1 and gradient.shape[i + extra] != 1]
    axes = [*range(extra), *stretched]
    return gradient.sum(axes, keepdim=True).reshape(shape) if axes else gradient


def refuse(mask: Tensor, name: str, axes: tuple[int, ...], wanted: str) -> None:
    """Raise for a mask of integers, or of a number of axes that has no meaning."""
    if not (mask.is_floating_point() or mask.dtype == torch.bool):
        raise InputTypeError(
            "A mask is of bools, or of floats that are added to the scores.",
            got=f"{name} of {mask.dtype}",
            wanted="torch.bool or floats",
            fix=f"Give {name}={name}.bool(): True hides a key.",
        )
    if mask.dim() not in axes:
        raise InputError(
            f"{name} does not have the axes of a mask for this input.",
            got=f"shape {tuple(mask.shape)}",
            wanted=wanted,
            fix=f"Reshape {name}.",
        )
