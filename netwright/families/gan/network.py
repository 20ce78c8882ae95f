"""The module of the gan family: both networks, and the way between them and the rows of a data set.

B rows, P rows judged together.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.families.gan.forms import Pictures, Rows
from netwright.families.gan.gan import GAN, drawn

Shared = tuple[Tensor, Tensor, Tensor | None]
"""Real rows and fakes, each (B, …), and the labels of both, (B,), or None."""


class GANNetwork(nn.Module):
    """`.generator` and `.discriminator` as in `GAN`, fed with pictures (uint8) or with numbers and categories.

    `forward(*inputs)` gives the discriminator's scores, (B, 1). `counts` are the training rows of each class, or empty.
    """

    def __init__(self, gan: GAN, form: Pictures | Rows, counts: Sequence[int]) -> None:
        super().__init__()
        self.generator, self.discriminator, self.form = gan.generator, gan.discriminator, form
        self.noise_size, self.classes, self.pack = gan.noise_size, gan.classes, gan.pack
        self.counts: Tensor
        self.register_buffer("counts", torch.tensor(counts, dtype=torch.float32))

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, …) → (B, 1): higher for what looks real."""
        rows = self.real(*inputs)
        rows = rows.repeat(1, self.pack, *[1] * (rows.dim() - 2))  # beside themselves, where rows are judged together
        return self.discriminator(rows)

    def real(self, *inputs: Tensor) -> Tensor:
        """Rows of the data set as the discriminator sees them."""
        return self.form.taken(*inputs, dtype=next(self.generator.parameters()).dtype)

    def fake(self, count: int, labels: Tensor | None) -> Tensor:
        """New rows as the discriminator sees them; gradients flow through them."""
        weight = next(self.generator.parameters())
        noise = torch.randn(count, self.noise_size, dtype=weight.dtype, device=weight.device)
        return self.form.soft(self.generator(noise, labels))

    @torch.no_grad()
    def generate(
        self, count: int, labels: Tensor | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, ...]:
        """`count` rows in the form of the network's inputs; where no labels are given, of classes as in training."""
        if self.classes and labels is None:
            chances = self.counts.cpu() if bool(self.counts.sum() > 0) else torch.ones(self.classes)
            labels = torch.multinomial(chances, count, replacement=True, generator=generator) if count else None
        return self.form.given(
            drawn(self.generator, self.noise_size, self.classes, count, labels, generator), generator
        )


def drawn_once(module: nn.Module, batch: Batch) -> Shared:
    """What both phases of a step have in common: the real rows, and as many fakes of the same classes."""
    assert isinstance(module, GANNetwork)
    labels = batch.target if module.classes else None
    return module.real(*batch.inputs), module.fake(len(batch), labels), labels


def packed(rows: Tensor, pack: int) -> Tensor:
    """(B, C, …) → (⌈B/P⌉, P·C, …): P rows side by side; the first ones fill up what is missing."""
    if pack == 1:
        return rows
    groups = -(-len(rows) // pack)
    index = torch.arange(groups * pack, device=rows.device) % len(rows)
    return rows[index].reshape(groups, pack * rows.shape[1], *rows.shape[2:])


def packed_labels(labels: Tensor | None, pack: int) -> Tensor | None:
    """(B,) → (⌈B/P⌉, P) in the same way."""
    return labels if labels is None or pack == 1 else packed(labels[:, None], pack)
