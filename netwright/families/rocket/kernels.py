"""Fixed convolutions of sequences, and how often each of them is above a threshold.

MiniRocket (Dempster, Schmidt, Webb 2021): kernels of nine weights, three of them 2 and the others −1, in many
dilations. Here on the values and on their first differences, as in MultiRocket (Tan et al. 2022), with thresholds from
many training sequences, and with lengths: padding is in no answer.

B sequences, T steps, C channels, K = 84 kernels, Q thresholds of a kernel in a dilation, D dilations, P ≤ 16 channels
that a dilation looks at.
"""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d

TAPS, HIGH = 9, 3
KERNELS = math.comb(TAPS, HIGH)
"""How many there are: every way to choose three of nine places."""
MOST_CHANNELS = 16
"""Channels that one dilation looks at; of more, each takes some of its own."""
MOST_MIXED = 9
"""Channels that one kernel adds up at most."""
MOST_DILATIONS = 32
GOLDEN = (math.sqrt(5) + 1) / 2
CLEAR = 1e-4
"""Spreads by which a threshold lies above a value that comes often, so that rounding does not decide."""
VALUES = 2**18
"""Numbers that quantiles are taken of at most."""


def dilations_for(length: int, most: int = MOST_DILATIONS) -> tuple[int, ...]:
    """Distances of the nine weights: from 1, rising by a constant factor, to where they span all of the length."""
    longest = math.log2(max(1.0, (length - 1) / (TAPS - 1)))
    return tuple(sorted({int(2 ** (longest * i / max(1, most - 1))) for i in range(most)}))


class Kernels(nn.Module):
    """The shares of steps at which each kernel is above each of its thresholds.

    `forward(x (B, T, C), lengths (B,))` gives (B, D·K·Q). Half of the kernels see zeros beyond the ends, the others are
    asked only where they lie wholly inside, if that is anywhere. `measure` sets channels and thresholds.
    """

    weights: Tensor
    channels: Tensor
    mixed: Tensor
    thresholds: Tensor

    def __init__(self, channels: int, dilations: tuple[int, ...], thresholds: int) -> None:
        super().__init__()
        self.dilations = dilations
        places, count = min(channels, MOST_CHANNELS), len(dilations)
        patterns = torch.tensor([[2.0 if i in high else -1.0 for i in range(TAPS)]
                                 for high in itertools.combinations(range(TAPS), HIGH)], device="cpu")  # fmt: skip
        self.register_buffer("weights", patterns.to(torch.empty(0).device))
        self.register_buffer("channels", torch.zeros(count, places, dtype=torch.int64))
        self.register_buffer("mixed", torch.ones(count, KERNELS, places))
        self.register_buffer("thresholds", torch.zeros(count, KERNELS, thresholds))

    @property
    def size(self) -> int:
        """How many features a sequence has."""
        return self.thresholds.numel()

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, C) → (B, D·K·Q), each from 0 to 1."""
        inside = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        x = x.masked_fill(~inside[:, :, None], 0.0).transpose(1, 2)
        return torch.cat([self._shares(x, inside, lengths, i) for i in range(len(self.dilations))], 1)

    @torch.no_grad()
    def measure(self, x: Tensor, lengths: Tensor, generator: torch.Generator) -> None:
        """Choose the channels of each kernel at random, and its thresholds as quantiles of what it gives on these."""
        self._choose(x.shape[2], generator)
        inside = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        x = x.masked_fill(~inside[:, :, None], 0.0).transpose(1, 2)
        count, thresholds = KERNELS * self.thresholds.shape[2], self.thresholds.shape[2]
        for i in range(len(self.dilations)):
            found = self._convolved(x, i).transpose(0, 1)[:, inside]  # (K, steps)
            ordered = found[:, :: max(1, found.shape[1] // (VALUES // KERNELS))].sort(1).values
            if ordered.shape[1] > 1:
                place = (torch.arange(i * count + 1, (i + 1) * count + 1, dtype=torch.float64) * GOLDEN) % 1
                index = (place.view(KERNELS, thresholds).to(x.device) * (ordered.shape[1] - 2)).long()
                between = (ordered.gather(1, index) + ordered.gather(1, index + 1)) / 2
                self.thresholds[i] = between + CLEAR * ordered.std(1, keepdim=True)

    def _choose(self, channels: int, generator: torch.Generator) -> None:
        """The channels of each dilation, and of each kernel in it."""
        places = self.channels.shape[1]
        for i in range(len(self.dilations)):
            chosen = torch.rand(channels, generator=generator).argsort()[:places]
            exponent = math.log2(min(places, MOST_MIXED) + 1)
            taken = (2 ** (torch.rand(KERNELS, generator=generator) * exponent)).long().clamp(1, places)
            order = torch.rand(KERNELS, places, generator=generator).argsort(1).argsort(1)
            self.channels[i] = chosen.to(self.channels.device)
            self.mixed[i] = (order < taken[:, None]).to(self.mixed)

    def _convolved(self, x: Tensor, i: int) -> Tensor:
        """What the kernels of one dilation give at each step: (B, C, T) → (B, K, T)."""
        weight = self.weights[:, None, :] * self.mixed[i][:, :, None]
        dilation = self.dilations[i]
        return conv1d(x[:, self.channels[i]], weight, padding=dilation * (TAPS // 2), dilation=dilation)

    def _shares(self, x: Tensor, inside: Tensor, lengths: Tensor, i: int) -> Tensor:
        """(B, K·Q) of one dilation."""
        reach = self.dilations[i] * (TAPS // 2)
        steps = torch.arange(x.shape[2], device=x.device)
        whole = (steps >= reach) & (steps < lengths[:, None] - reach)
        whole = torch.where(whole.any(1, keepdim=True), whole, inside)
        found = self._convolved(x, i)
        parts = []
        for half, asked in enumerate((inside, whole)):
            own = found[:, half::2].masked_fill(~asked[:, None], -torch.inf)
            count = asked.sum(1, keepdim=True).clamp(min=1).to(x.dtype)
            for q in range(self.thresholds.shape[2]):
                # a sum of booleans is three times as fast as a product with weights
                parts.append((own > self.thresholds[i, half::2, q, None]).sum(2) / count)
        return torch.cat(parts, 1)
