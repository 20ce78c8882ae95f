"""Cross-entropy where the target is class probabilities: the loss and its gradients (derived in cross_entropy.py).

N rows (and whatever axes follow), C classes. Peak and logsum (N, 1, …) are m and z there: m + z − x is the surprise.
"""

from torch import Tensor

from netwright.core.errors import InputError
from netwright.layers.losses.classes import per_class
from netwright.layers.losses.labels import class_axis
from netwright.layers.losses.reduction import reduced, spread


def check(input: Tensor, target: Tensor, ignore_index: int) -> None:
    """Raises InputError where the target is not one probability for each logit, and where a class is to be ignored."""
    if target.shape != input.shape:
        raise InputError(
            "A target of floats is taken for class probabilities, one for each logit.",
            got=f"input {tuple(input.shape)}, target {tuple(target.shape)}",
            wanted=f"shape {tuple(input.shape)}",
            fix="Reshape `target`, or convert it with .long() if it holds class indices.",
        )
    if ignore_index >= 0:
        raise InputError(
            "Class probabilities have no index that could be ignored.",
            got=f"ignore_index={ignore_index} with a target of {target.dtype}",
            wanted="ignore_index below 0, as it is by default",
            fix="Leave `ignore_index` out, and set the class's `weight` to 0.",
        )


def count(input: Tensor) -> float:
    """How many rows the mean divides by."""
    axis = class_axis(input)
    return input[:, 0].numel() if axis else 1


def smoothed(input: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """Probabilities (N, C, …), of which a share is spread evenly over the classes."""
    return (1 - smoothing) * target + smoothing / input.shape[class_axis(input)] if smoothing else target


def loss(input: Tensor, target: Tensor, weight: Tensor | None, peak: Tensor, logsum: Tensor, options: tuple) -> Tensor:
    """Input (N, C, …), probabilities (N, C, …) → the loss, (N, …) or one number."""
    ignore_index, reduction, smoothing = options
    check(input, target, ignore_index)
    true = per_class(weight, input) * smoothed(input, target, smoothing)
    rows = (true * (logsum + (peak - input))).sum(class_axis(input))
    return reduced(rows, reduction, count(input))


def gradients(
    grad_loss: Tensor, grad_logsum: Tensor, cache: tuple, needed: tuple[bool, ...]
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """∂L/∂loss, ∂L/∂logsum (N, 1, …) → ∂L/∂input, ∂L/∂target (N, C, …), ∂L/∂weight (C,); None where not needed."""
    input, target, weight, _, peak, logsum, _, reduction, smoothing = cache
    axis = class_axis(input)
    g = spread(grad_loss.unsqueeze(axis) if reduction == "none" else grad_loss, reduction, count(input))
    mixed, weights = smoothed(input, target, smoothing), per_class(weight, input)
    true = weights * mixed
    total = (-logsum).exp() * (g * true.sum(axis, keepdim=True) + grad_logsum)
    grad_input = (input - peak).exp_() * total - g * true
    grad_target = grad_weight = None
    if needed[1] or needed[2]:
        surprise = g * (logsum + (peak - input))
        grad_target = (1 - smoothing) * weights * surprise
        others = [i for i in range(input.dim()) if i != axis]
        if weight is not None:
            grad_weight = (mixed * surprise).sum(others) if others else mixed * surprise
    return grad_input, grad_target, grad_weight
