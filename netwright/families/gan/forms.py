"""Between rows as a data set has them and what the two networks exchange.

B rows, C channels, H height, W width, F number features, K category columns, D values of a flat row.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gumbel_softmax

from netwright.families.flat import MOST_PLACES

TEMPERATURE = 0.2
"""Of the soft categories in training: near enough to one-hot that the discriminator can't tell, smooth enough to learn
(Xu et al. 2019 take the same)."""
NEVER = -30.0
"""Added to the logit of a category that no training row has: a chance of one in 10¹³."""


class Pictures(nn.Module):
    """uint8 pictures (B, C, H, W) as numbers from −1 to 1."""

    def measure(self, pictures: Tensor) -> None:
        """Nothing is measured on pictures."""

    def taken(self, pictures: Tensor, dtype: torch.dtype) -> Tensor:
        """(B, C, H, W) uint8 → the same from −1 to 1."""
        return pictures.to(dtype) / 127.5 - 1

    def soft(self, drawn: Tensor) -> Tensor:
        """What a generator has drawn, as the discriminator sees it."""
        return drawn

    def given(self, drawn: Tensor, generator: torch.Generator | None) -> tuple[Tensor, ...]:
        """What a generator has drawn → (pictures (B, C, H, W) uint8,)."""
        return (((drawn + 1) * 127.5).round().clamp(0, 255).to(torch.uint8),)


class Rows(nn.Module):
    """Numbers (B, F) and categories (B, K) as flat rows (B, D) of numbers and one-hot or soft categories."""

    def __init__(self, number_count: int, cardinalities: Sequence[int]) -> None:
        super().__init__()
        self.number_count = number_count
        self.places = [min(size, MOST_PLACES) for size in cardinalities]
        self.lowest: Tensor
        self.highest: Tensor
        self.two: Tensor
        self.unlikely: Tensor
        self.register_buffer("lowest", torch.full((number_count,), -float(3)))
        self.register_buffer("highest", torch.full((number_count,), float(3)))
        self.register_buffer("two", torch.zeros(number_count, dtype=torch.bool))
        self.register_buffer("unlikely", torch.zeros(sum(self.places)))

    def measure(self, numbers: Tensor, categories: Tensor) -> None:
        """The range of each number, which of them have two values at most, and the categories there are."""
        if self.number_count:
            self.lowest.copy_(numbers.amin(0))
            self.highest.copy_(numbers.amax(0))
            self.two.copy_(((numbers == self.lowest) | (numbers == self.highest)).all(0))
        seen = self.taken(numbers, categories, numbers.dtype)[:, self.number_count :].sum(0) > 0
        self.unlikely.copy_(torch.where(seen, 0.0, NEVER))

    def taken(self, numbers: Tensor, categories: Tensor, dtype: torch.dtype) -> Tensor:
        """(B, F) and (B, K) int64 → (B, D). Without `one_hot`, which looks at the indices before it begins."""
        parts = [numbers.to(dtype)]
        for column, places in enumerate(self.places):
            index = categories[:, column]
            index = torch.where(index < places, index, 0)
            parts.append((index[:, None] == torch.arange(places, device=index.device)).to(dtype))
        return torch.cat(parts, 1)

    def soft(self, drawn: Tensor) -> Tensor:
        """(B, D) numbers and logits → (B, D) with a soft one-hot category drawn from the logits of each column."""
        parts = [drawn[:, : self.number_count]]
        parts += [gumbel_softmax(logits, tau=TEMPERATURE) for logits in self._logits(drawn)]
        return torch.cat(parts, 1)

    def given(self, drawn: Tensor, generator: torch.Generator | None) -> tuple[Tensor, ...]:
        """(B, D) numbers and logits → (numbers (B, F), categories (B, K) int64) within what training rows had."""
        numbers = torch.minimum(torch.maximum(drawn[:, : self.number_count], self.lowest), self.highest)
        nearer = torch.where(numbers * 2 < self.lowest + self.highest, self.lowest, self.highest)
        numbers = torch.where(self.two, nearer, numbers)
        chosen = [_choice(logits, generator) for logits in self._logits(drawn)]
        empty = torch.zeros(len(drawn), 0, dtype=torch.int64, device=drawn.device)
        return numbers, torch.stack(chosen, 1) if chosen else empty

    def _logits(self, drawn: Tensor) -> tuple[Tensor, ...]:
        """Of each category column, (B, places)."""
        if not self.places:
            return ()
        return (drawn[:, self.number_count :] + self.unlikely).split(self.places, 1)


def _choice(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    """(B, places) → (B,) int64 drawn by their probabilities, on the CPU so that devices agree."""
    chances = logits.detach().double().softmax(1).cpu()
    return torch.multinomial(chances, 1, generator=generator).squeeze(1).to(logits.device)
