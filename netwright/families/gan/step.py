"""What each of the two phases lowers in a step.

B rows, P rows judged together.
"""

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.families.gan.losses import Loss, discriminator_loss, generator_loss, one_centred, scored
from netwright.families.gan.network import GANNetwork

Shared = tuple[Tensor, Tensor, Tensor | None]
"""Real rows and fakes, each (B, …), and the labels of both, (B,) or (B, P), or None."""


def drawn_once(module: nn.Module, batch: Batch) -> Shared:
    """What both phases of a step have in common: the real rows, and as many fakes of the same classes."""
    assert isinstance(module, GANNetwork)
    labels = batch.target if module.classes else None
    real, fake = module.real(*batch.inputs), module.fake(len(batch), labels)
    if labels is not None and module.pack > 1:
        labels = packed(labels[:, None], module.pack)
    return packed(real, module.pack), packed(fake, module.pack), labels


def packed(rows: Tensor, pack: int) -> Tensor:
    """(B, C, …) → (⌈B/P⌉, P·C, …): P rows side by side; the first ones fill up what is missing."""
    if pack == 1:
        return rows
    groups = -(-len(rows) // pack)
    index = torch.arange(groups * pack, device=rows.device) % len(rows)
    return rows[index].reshape(groups, pack * rows.shape[1], *rows.shape[2:])


def discriminator_step(module: GANNetwork, loss: Loss, penalty: float, penalized: float, shared: Shared) -> Tensor:
    """(): the discriminator's loss and `penalty` times its gradient penalty.

    The penalty is measured on the first `penalized` of the rows: rows are shuffled, so that it is the same on average
    at a lower price, where the usual thrift, a penalty every few steps, makes steps that differ.
    """
    look, (real, fake, labels) = module.discriminator, shared
    fake = fake.detach()
    few = max(1, round(penalized * len(real)))
    near, far = ((real[s], fake[s], labels[s] if labels is not None else None) for s in (slice(few), slice(few, None)))
    if penalty == 0 or loss == "wgan_gp":
        value = discriminator_loss(loss, *look(*_joined(real, fake, labels)).chunk(2))
        return value + penalty * one_centred(look, *near) if penalty else value
    scores, squared = scored(look, *_joined(*near))
    real_scores, fake_scores = scores.chunk(2)
    if few < len(real):
        more_real, more_fake = look(*_joined(*far)).chunk(2)
        real_scores, fake_scores = torch.cat([real_scores, more_real]), torch.cat([fake_scores, more_fake])
    return discriminator_loss(loss, real_scores, fake_scores) + penalty * squared.mean()


def generator_step(module: GANNetwork, loss: Loss, shared: Shared) -> Tensor:
    """(): the generator's loss."""
    real, fake, labels = shared
    scores = module.discriminator(fake, labels)
    if loss != "relativistic":
        return generator_loss(loss, scores, scores)
    with torch.no_grad():
        beside = module.discriminator(real, labels)
    return generator_loss(loss, beside, scores)


def _joined(real: Tensor, fake: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Both kinds of rows as one batch, for one pass: without normalisation they do not see each other."""
    return torch.cat([real, fake]), torch.cat([labels, labels]) if labels is not None else None
