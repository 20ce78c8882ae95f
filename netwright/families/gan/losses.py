"""What the two networks of a GAN are taught by. Scores are (B, 1), higher for what looks real; every loss is a mean.

B rows, D discriminator, x a row, f of a fake.

Sources: Goodfellow et al. 2014 (non-saturating); Mescheder et al. 2018 (R1, R2); Gulrajani et al. 2017 (WGAN-GP);
R3GAN (Huang et al. 2024: relativistic pairs with R1 and R2 both).
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

Loss = Literal["relativistic", "non_saturating", "wgan_gp"]
Scores = Callable[[Tensor, Tensor | None], Tensor]
"""(rows, labels) → (B, 1): a discriminator."""


def discriminator_loss(loss: Loss, real: Tensor, fake: Tensor) -> Tensor:
    """() of the scores alone: what the discriminator lowers, without its penalty.

    relativistic: softplus(D(f) − D(x)) by pairs; non_saturating: softplus(−D(x)) + softplus(D(f)); wgan_gp:
    D(f) − D(x).
    """
    match loss:
        case "relativistic":
            return softplus(fake - real).mean()
        case "non_saturating":
            return softplus(-real).mean() + softplus(fake).mean()
        case "wgan_gp":
            return fake.mean() - real.mean()


def generator_loss(loss: Loss, real: Tensor, fake: Tensor) -> Tensor:
    """() of the scores: what the generator lowers. The real rows' are only looked at in relativistic pairs."""
    match loss:
        case "relativistic":
            return softplus(real - fake).mean()
        case "non_saturating":
            return softplus(-fake).mean()
        case "wgan_gp":
            return -fake.mean()


def scored(discriminator: Scores, rows: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """Scores (B, 1), and ‖∇ₓD(x)‖² of each row, (B,), through which gradients flow."""
    rows = rows.detach().requires_grad_()
    scores = discriminator(rows, labels)
    (gradient,) = torch.autograd.grad(scores.sum(), rows, create_graph=True)
    return scores, gradient.square().flatten(1).sum(1)


def zero_centred(discriminator: Scores, rows: Tensor, labels: Tensor | None = None) -> Tensor:
    """(): the mean of ‖∇ₓD(x)‖²: R1 of real rows, R2 of fakes."""
    return scored(discriminator, rows, labels)[1].mean()


def one_centred(discriminator: Scores, real: Tensor, fake: Tensor, labels: Tensor | None = None) -> Tensor:
    """(): the mean of (‖∇ₓD(x)‖ − 1)² at points drawn between each real row and a fake (WGAN-GP)."""
    share = torch.rand(len(real), *[1] * (real.dim() - 1), dtype=real.dtype, device=real.device)
    squared = scored(discriminator, real + share * (fake - real), labels)[1]
    return ((squared + 1e-12).sqrt() - 1).square().mean()
