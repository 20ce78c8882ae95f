"""What followed the same last tokens in the training text: an n-gram model in one table of fixed size.

For each context of 1 to K tokens that came at least twice, how each token followed: for the longest how often, for the
others after how many different tokens before the context, for that is what they are asked for: to foretell where the
longer context is new (Kneser & Ney 1995). Longer contexts take over from shorter ones as in interpolated absolute
discounting (Ney et al. 1994): of every count a part is taken off, and what is gained goes to the shorter context. The
table is found by hash; where two contexts want one place the commoner has it, and a tag tells whose it is.

B rows, T positions, t the last of them, V vocabulary, K orders, S places, N windows of the training text.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

MOST = 255
"""The largest count in the table; where a token followed more often, all of its row is scaled down."""
SEED = 20_260_101
LARGEST = 2**62 - 1
"""Of the numbers that stand for contexts."""
MISSING, NOBODY = -1, -2
"""The number of a context that begins before the text, and the tag of a place that is free."""
LOGARITHM = 4.0
"""Of a usual count."""
DISCOUNTS = 0.4, 0.4, 0.4, 1.1, 2.0, 2.4
"""Where the discounts start, before the sigmoid: from three fifths of a count to nine tenths for the longest."""
NEARNESS = 1.0
"""Where the logarithms start of what a count in the window weighs."""
NUMBERS = 2**24
"""Pairs of positions that are compared at once at most."""


class Prior(nn.Module):
    """`forward(tokens (B, T), following (B, T) or None)` gives log probabilities (B, T, V) of the next token,
    and how often the context of each order was counted (B, T, K), as logarithms about one. With `last` it gives those
    of the last t positions alone.

    To the counts of the training text those of the window so far are added, weighted, for a text is about something.
    In training `following`, the tokens that did follow, are given: the whole window is then taken out of the counts of
    the training text, or every context would foretell itself. `count` fills the table.
    """

    def __init__(self, vocabulary: int, *, orders: int, places: int, window: int) -> None:
        super().__init__()
        self.orders, self.places, self.window = orders, places, window
        self.register_buffer("rows", torch.zeros(places, vocabulary, dtype=torch.uint8))
        self.register_buffer("tags", torch.full((places,), NOBODY, dtype=torch.int64))
        self.register_buffer("alone", torch.full((vocabulary,), 1 / vocabulary))
        self.discounts = nn.Parameter(
            torch.tensor([DISCOUNTS[min(order, len(DISCOUNTS) - 1)] for order in range(orders)])
        )
        """Before the sigmoid."""
        self.nearness = nn.Parameter(torch.full((orders,), NEARNESS))
        """Logarithm of what a count in the window weighs."""

    def forward(self, tokens: Tensor, following: Tensor | None = None, last: int = 0) -> tuple[Tensor, Tensor]:
        """(B, T) → (B, T, V) and (B, T, K), or (B, t, V) and (B, t, K)."""
        kind = self.discounts.dtype
        marks = self.marks(tokens)
        begin = tokens.shape[1] - last if last else 0
        asked = marks[:, begin:]
        place = asked % self.places
        counts = self.rows[place].to(kind) * (self.tags[place] == asked)[..., None].to(kind)
        if following is not None:
            counts = self._others(counts, marks, following.long())
        further = self._each(tokens.roll(-1, 1))
        here = [self._gathered(mark, further, begin, earlier=True) for mark in marks.unbind(-1)]
        counts = counts + self.nearness.exp()[:, None] * torch.stack(here, 2)
        totals = counts.sum(-1, keepdim=True)
        kinds = (counts > 0).to(kind).sum(-1, keepdim=True)
        share = self.discounts.sigmoid()
        chance = self.alone.expand(*asked.shape[:2], -1)
        for order in range(self.orders):
            count, total, off = counts[:, :, order], totals[:, :, order], share[order]
            longer = ((count - off).clamp(min=0) + off * kinds[:, :, order] * chance) / total.clamp(min=1)
            chance = torch.where(total > 0, longer, chance)
        return chance.log(), totals.squeeze(-1).log1p() / LOGARITHM

    def _others(self, counts: Tensor, marks: Tensor, following: Tensor) -> Tensor:
        """The counts (B, T, K, V) without what the windows themselves gave, whose contexts are `marks` (B, T, K).

        From the longest context to the shortest: where a context and its token came nowhere else, the shorter one has
        followed one token fewer.
        """
        each = self._each(following)
        weight = torch.ones_like(each[..., 0])
        left = []
        for order in reversed(range(self.orders)):
            mark = marks[..., order]
            count = (counts[:, :, order] - self._gathered(mark, each * weight[..., None])).clamp(min=0)
            left.append(count)
            nowhere = count.gather(-1, following[..., None]).squeeze(-1) < 0.5
            times = self._gathered(mark, each).gather(-1, following[..., None]).squeeze(-1)
            weight = nowhere.to(count.dtype) / times.clamp(min=1)
        return torch.stack(left[::-1], 2)

    def _each(self, tokens: Tensor) -> Tensor:
        """(B, T) → (B, T, V) one where the token is."""
        every = torch.arange(len(self.alone), device=tokens.device)
        return (tokens[..., None] == every).to(self.discounts.dtype)

    def _gathered(self, mark: Tensor, weighed: Tensor, begin: int = 0, *, earlier: bool = False) -> Tensor:
        """(B, t, V) the sum of `weighed` (B, T, V) over the positions with the `mark` (B, T) of each from `begin` on.

        With `earlier` over those that stand before it, and no further back than the window reaches.
        """
        rows, length = mark.shape
        place = torch.arange(length, device=mark.device)
        size, parts = max(1, NUMBERS // (rows * length)), []
        for first in range(begin, length, size):
            asked = mark[:, first : first + size, None]
            alike = (asked == mark[:, None]) & (asked >= 0)
            if earlier:
                apart = place[first : first + size, None] - place
                alike = alike & (apart > 0) & (apart < self.window)
            parts.append(alike.to(weighed.dtype) @ weighed)
        return torch.cat(parts, 1)

    def marks(self, tokens: Tensor) -> Tensor:
        """(B, T) → (B, T, K): a number for the last 1, 2, … tokens at each position; MISSING where some are."""
        mark, found = torch.zeros_like(tokens, dtype=torch.int64), []
        for order in range(self.orders):
            before = nn.functional.pad(tokens.long() + 1, (order, 0))[:, : tokens.shape[1]]
            mark = mark + before * factor(order + 1)
            mixed = (mark ^ (mark >> 29)) * factor(0)
            found.append(((mixed ^ (mixed >> 32)) & LARGEST).masked_fill(before == 0, MISSING))
        return torch.stack(found, -1)

    @torch.no_grad()
    def count(self, tokens: Tensor, following: Tensor, most: int) -> None:
        """Fill the table from windows of the training text (N, T) and the tokens that followed (N, T).

        Of more than so many tokens windows spread evenly are counted.
        """
        if tokens.numel() > most:
            rows = torch.linspace(0, len(tokens) - 1, max(1, most // tokens.shape[1]), device=tokens.device)
            tokens, following = tokens[rows.long()], following[rows.long()]
        marks, following = self.marks(tokens).flatten(0, 1).unbind(-1), following.long().flatten()
        self._place(marks)
        vocabulary, found = len(self.alone), []
        for order, mark in enumerate(marks):
            counted = self.tags[mark % self.places] == mark
            if order + 1 < self.orders:
                counted = counted & first_seen(marks[order + 1], following)
            found.append((mark % self.places * vocabulary + following)[counted])
        counts = torch.bincount(torch.cat(found), minlength=self.places * vocabulary)
        counts = counts.view(self.places, vocabulary)
        scale = counts.amax(1, keepdim=True).clamp(min=MOST)
        self.rows.copy_((counts * MOST).div(scale, rounding_mode="trunc").maximum((counts > 0).long()))
        often = torch.bincount(following, minlength=vocabulary).to(self.alone.dtype) + 0.5
        self.alone.copy_(often / often.sum())

    def _place(self, marks: Sequence[Tensor]) -> None:
        """Give each place to the commonest context of those that want it, of those that came twice or more."""
        found = [repeated(mark[mark >= 0]) for mark in marks]
        contexts, times = (torch.cat(each).to(self.tags.device) for each in zip(*found, strict=True))
        contexts = contexts[times.argsort(stable=True)]  # the commonest last
        last = torch.full((self.places,), -1, dtype=torch.int64, device=contexts.device)
        rank = torch.arange(len(contexts), device=contexts.device)
        last.scatter_reduce_(0, contexts % self.places, rank, "amax")
        self.tags.fill_(NOBODY)
        self.tags[last >= 0] = contexts[last[last >= 0]]


def factor(number: int) -> int:
    """A large odd number for each place of a context: what its tokens are multiplied by before they are added up."""
    return (SEED * 0x9E3779B97F4A7C15 ** (number + 1)) % 2**63 | 1


def repeated(marks: Tensor) -> tuple[Tensor, Tensor]:
    """The numbers (n,) that come twice or more, rising, and how often each does."""
    ordered = np.sort(marks.cpu().numpy())
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else ordered
    times = np.diff(np.append(starts, len(ordered)))
    return torch.from_numpy(ordered[starts[times > 1]]), torch.from_numpy(times[times > 1])


def first_seen(marks: Tensor, following: Tensor) -> Tensor:
    """(n,) bool, true where a context, of number `marks` (n,), and its next token come together for the first time.

    True for a context that begins before the text too, of which no one knows. To sort is quickest where what is sorted
    is one number: its high bits are a hash of the gram, its low bits the position.
    """
    bits = len(marks).bit_length()
    mixed = (marks + (following + 1) * factor(-1)) * factor(0)
    place = torch.arange(len(marks), device=marks.device)
    ordered = np.sort((((mixed & LARGEST) >> bits << bits) | place).cpu().numpy())
    gram = ordered >> bits
    new = np.concatenate([[True], gram[1:] != gram[:-1]])[: len(gram)]
    found = torch.zeros(len(marks), dtype=torch.bool)
    found[torch.from_numpy(ordered[new] & ((1 << bits) - 1))] = True
    return found.to(marks.device) | (marks < 0)
