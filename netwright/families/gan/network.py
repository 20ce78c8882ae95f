"""The module of the gan family: both networks, and the way between them and the rows of a data set.

B rows.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.families.gan.forms import Pictures, Rows
from netwright.families.gan.gan import GAN, drawn


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
