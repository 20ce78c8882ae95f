"""Cross-entropy where the target is class indices: the row's loss and its gradients (derived in cross_entropy.py).

N rows (and whatever axes follow), C classes. Peak and logsum (N, 1, …) are m and z there: m + z − x is the surprise.
"""

import torch
from torch import Tensor

from netwright.layers.losses.labels import class_axis, labels, shares, totals
from netwright.layers.losses.reduction import reduced, spread
from netwright.layers.precision import wide


def per_class(weight: Tensor | None, input: Tensor) -> Tensor | float:
    """Class weights (C,), shaped to broadcast over the input (N, C, …); 1 if there are none."""
    if weight is None:
        return 1.0
    return weight.reshape(-1, *[1] * (input.dim() - 1 - class_axis(input)))


def loss(input: Tensor, target: Tensor, weight: Tensor | None, peak: Tensor, logsum: Tensor, options: tuple) -> Tensor:
    """Input (N, C, …), classes (N, …) → the loss, (N, …) or one number."""
    ignore_index, reduction, smoothing = options
    axis = class_axis(input)
    index, kept = labels(input, target, ignore_index)
    share = shares(input, index, kept, weight)
    rows = (logsum + (peak - input.gather(axis, index))) * share
    if smoothing:
        spread_out = (per_class(weight, input) * (logsum + (peak - input))).sum(axis, keepdim=True)
        rows = (1 - smoothing) * rows + smoothing / input.shape[axis] * spread_out
    rows = torch.where(kept, rows, 0.0).squeeze(axis)
    return reduced(rows, reduction, wide(share).sum() if reduction == "mean" else 1)


def gradients(
    grad_loss: Tensor, grad_logsum: Tensor, cache: tuple, needed: tuple[bool, ...]
) -> tuple[Tensor, None, Tensor | None]:
    """∂L/∂loss, ∂L/∂logsum (N, 1, …) → ∂L/∂input (N, C, …), nothing for the indices, ∂L/∂weight (C,) or None."""
    input, target, weight, _, peak, logsum, ignore_index, reduction, smoothing = cache
    axis = class_axis(input)
    index, kept = labels(input, target, ignore_index)
    share = shares(input, index, kept, weight)
    g = grad_loss.unsqueeze(axis) if reduction == "none" else grad_loss
    each = torch.where(kept, spread(g, reduction, wide(share).sum() if reduction == "mean" else 1), 0.0)  # g_n k_n
    true = (1 - smoothing) * share * each if smoothing else share * each
    whole, even = true, None
    if smoothing:
        even = smoothing / input.shape[axis] * per_class(weight, input) * each  # (N, C, …) with weights, else (N, 1, …)
        whole = true + (even.sum(axis, keepdim=True) if weight is not None else even * input.shape[axis])
    # p times something, as e^{x − m} times (e^{−z} times something): one pass less over (N, C)
    grad_input = (input - peak).exp_() * ((-logsum).exp() * (whole + grad_logsum))
    if even is not None:
        grad_input = grad_input - even
    grad_input.scatter_add_(axis, index, -true)
    return grad_input, None, for_weight(each, cache, index) if needed[2] and weight is not None else None


def for_weight(each: Tensor, cache: tuple, index: Tensor) -> Tensor:
    """What each row's loss passes on (N, 1, …) → ∂L/∂weight (C,)."""
    input, _, weight, loss, peak, logsum, _, reduction, smoothing = cache
    axis = class_axis(input)
    surprise = logsum + (peak - input)
    own = (1 - smoothing) * surprise.gather(axis, index)
    gradient = totals(weight, index, each * (own - loss if reduction == "mean" else own))
    if smoothing:
        others = [i for i in range(input.dim()) if i != axis]
        even = smoothing / input.shape[axis] * each * surprise
        gradient = gradient + (even.sum(others) if others else even)
    return gradient
