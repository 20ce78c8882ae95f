"""A convolutional network with all it needs to answer for pictures as they lie in memory.

B pictures, C channels, H height, W width.
"""

import torch
from torch import Tensor, nn

from netwright.core.schema import ImageColumn
from netwright.families.cnn.residual import ResidualNetwork
from netwright.families.cnn.tutorial import CNN
from netwright.families.pixels import Standardize

AT_ONCE = 256


class PictureNetwork(nn.Module):
    """`forward(pictures (B, C, H, W) uint8)` gives (B, output_size): numbers or logits.

    Where `mirrors` is true, answers are the mean of those for a picture and for its mirror image.
    """

    def __init__(self, column: ImageColumn, body: CNN | ResidualNetwork) -> None:
        super().__init__()
        self.standardize, self.body = Standardize(column), body
        self.mirrors: Tensor
        self.register_buffer("mirrors", torch.tensor(False))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) uint8 → (B, output_size)."""
        x = self.standardize(pictures)
        if self.training or not bool(self.mirrors):
            return self.body(x)
        return (self.body(x) + self.body(x.flip(3))) / 2

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
        norms = [m for m in self.modules() if isinstance(m, nn.BatchNorm2d)]
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
