"""A convolutional network with all it needs to answer for pictures as they lie in memory.

B pictures, C channels, H height, W width.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from netwright.core.schema import ImageColumn
from netwright.families.cnn.residual import ResidualNetwork
from netwright.families.cnn.tutorial import CNN
from netwright.families.pixels import Standardize

AT_ONCE = 256
SHARPNESSES = torch.logspace(-1, 3, 65, base=2, dtype=torch.float64)
"""Tried ones, from a half to eight."""


class PictureNetwork(nn.Module):
    """`forward(pictures (B, C, H, W) uint8)` gives (B, output_size): numbers or logits.

    Where `mirrors` is true, answers are the mean of those for a picture and for its mirror image. Logits are multiplied
    by `sharpness`, so that probabilities come true as often as they say; it is 1 while training.
    """

    def __init__(self, column: ImageColumn, body: CNN | ResidualNetwork) -> None:
        super().__init__()
        self.standardize, self.body = Standardize(column), body
        self.mirrors: Tensor
        self.register_buffer("mirrors", torch.tensor(False))
        self.sharpness: Tensor
        self.register_buffer("sharpness", torch.tensor(1.0))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) uint8 → (B, output_size)."""
        x = self.standardize(pictures)
        if self.training:
            return self.body(x)
        outputs = (self.body(x) + self.body(x.flip(3))) / 2 if bool(self.mirrors) else self.body(x)
        return outputs * self.sharpness

    def maps(self, pictures: Tensor) -> Tensor:
        """What the last convolutions see, (B, channels, h, w)."""
        return self.body.maps(self.standardize(pictures))

    def answer(self, maps: Tensor) -> Tensor:
        """The outputs that follow from it, (B, output_size)."""
        return self.body.answer(maps)

    def features(self, pictures: Tensor) -> Tensor:
        """The strongest answer of each last channel anywhere in the picture, (B, channels)."""
        return self.maps(pictures).amax((2, 3))

    @torch.no_grad()
    def settle(self, pictures: Tensor) -> None:
        """Measure anew what the normalisations see: weights that were averaged see other numbers than those trained."""
        norms: list[Any] = [m for m in self.modules() if hasattr(m, "reset_running_stats")]
        if not norms:
            return
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        for norm in norms:
            norm.train()
        for part in pictures.chunk(max(1, -(-len(pictures) // AT_ONCE))):
            self.body(self.standardize(part))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, mode in modes:
            module.training = mode

    @torch.no_grad()
    def sharpen(self, pictures: Tensor, target: Tensor) -> None:
        """Choose the sharpness by which these pictures (n, C, H, W), of the classes (n,), are the least surprising.

        Temperature scaling (Guo et al. 2017): label smoothing and few epochs leave a network less sure than it may be.
        """
        self.eval()
        self.sharpness.fill_(1.0)
        logits = torch.cat([self(part) for part in pictures.split(AT_ONCE)]).double()
        losses = torch.stack([cross_entropy(logits * s, target) for s in SHARPNESSES.to(logits.device)])
        self.sharpness.fill_(float(SHARPNESSES[int(losses.argmin())]))
