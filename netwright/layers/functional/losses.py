"""How far an output is from its target, as functions; what each is, and raises, stands with its module in ../losses.

Options are given by name: torch.nn.functional has two outdated ones, size_average and reduce, between them.
"""

from torch import Tensor

from netwright.layers.losses.bce import BCELoss
from netwright.layers.losses.bce_with_logits import BCEWithLogitsLoss
from netwright.layers.losses.cross_entropy import CrossEntropyLoss
from netwright.layers.losses.kl_div import KLDivLoss
from netwright.layers.losses.l1 import L1Loss
from netwright.layers.losses.mse import MSELoss
from netwright.layers.losses.nll import NLLLoss
from netwright.layers.losses.smooth_l1 import SmoothL1Loss


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Of logits (N, C, …) and classes (N, …) or class probabilities (N, C, …)."""
    options = {"ignore_index": ignore_index, "reduction": reduction, "label_smoothing": label_smoothing}
    return CrossEntropyLoss(weight, **options)(input, target)


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Of log-probabilities (N, C, …) and classes (N, …)."""
    return NLLLoss(weight, ignore_index=ignore_index, reduction=reduction)(input, target)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Squared differences, (…) and (…)."""
    return MSELoss(reduction=reduction)(input, target)


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Absolute differences, (…) and (…)."""
    return L1Loss(reduction=reduction)(input, target)


def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Absolute differences, and squared ones below `beta`, (…) and (…)."""
    return SmoothL1Loss(reduction=reduction, beta=beta)(input, target)


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """Of probabilities (…) and targets from 0 to 1 (…)."""
    return BCELoss(weight, reduction=reduction)(input, target)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Of logits (…) and targets from 0 to 1 (…); `pos_weight` is what a yes counts."""
    return BCEWithLogitsLoss(weight, reduction=reduction, pos_weight=pos_weight)(input, target)


def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Of log-probabilities (…) and probabilities (…), or their logarithms with `log_target`."""
    return KLDivLoss(reduction=reduction, log_target=log_target)(input, target)
