"""From a loss for each element or row to one number, and what its gradient is divided by on the way back.

N elements or rows, ℓ_n their losses, g the gradient that comes from what follows.

    none        ℓ                    ∂/∂ℓ_n = g_n
    sum         Σ_n ℓ_n              ∂/∂ℓ_n = g
    mean        Σ_n ℓ_n / D          ∂/∂ℓ_n = g / D
    batchmean   Σ_n ℓ_n / B          ∂/∂ℓ_n = g / B, B the first axis (KLDivLoss alone has it)

What "mean" divides by is the trap:

    MSE, L1, SmoothL1, BCE, BCEWithLogits, KLDiv    D = the number of elements, whatever `weight` says
    NLL, CrossEntropy with class indices            D = Σ_n w of row n's class, over the rows that are not ignored
    CrossEntropy with class probabilities           D = the number of rows, whatever `weight` says

Of nothing, the mean is 0/0 = nan, as in torch.nn.
"""

from torch import Tensor

from netwright.core.errors import InputError
from netwright.layers.precision import wide

REDUCTIONS = ("none", "mean", "sum")


def known(reduction: str, words: tuple[str, ...] = REDUCTIONS) -> str:
    """`reduction`, where it is one of `words`. Raises InputError for another."""
    if reduction not in words:
        raise InputError(
            "A loss does not know this reduction.",
            got=f"reduction={reduction!r}",
            wanted="one of " + ", ".join(words),
            fix="Choose `reduction`: 'mean' for training, 'none' to see each loss.",
        )
    return reduction


def reduced(losses: Tensor, reduction: str, count: Tensor | float) -> Tensor:
    """Losses (…) → the losses (none), their sum, or their sum over `count` (mean, batchmean).

    Summed in float32 at least: a sum may be too large for half precision where its mean is not.
    """
    if reduction == "none":
        return losses
    total = wide(losses).sum()
    total = total if reduction == "sum" else total / count
    return total.to(losses.dtype) if losses.is_floating_point() else total


def spread(grad_output: Tensor, reduction: str, count: Tensor | float) -> Tensor:
    """The way back: ∂L/∂(reduced losses) → ∂L/∂ℓ_n, one number for all but for "none"."""
    if reduction == "mean" and isinstance(count, int):
        count = max(count, 1)  # of nothing, no ℓ_n is there to get a share
    return (grad_output / count).to(grad_output.dtype) if reduction in ("mean", "batchmean") else grad_output
