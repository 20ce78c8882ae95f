"""What followed the same last tokens in the training text: an n-gram model in one table of fixed size.

For each context of 1 to K tokens that came at least twice, how often each token followed. Longer contexts take over
from shorter ones as in interpolated absolute discounting (Ney et al. 1994): of every count a part is taken off, and
what is gained goes to the shorter context. The table is found by hash; where two contexts want one place the commoner
has it, and a tag tells whose it is.

B rows, T positions, V vocabulary, K orders, S places, N windows of the training text.
"""

import torch
from torch import Tensor, nn

MOST = 255
"""The largest count in the table; where a token followed more often, all of its row is scaled down."""
SEED = 20_260_101
MOST_COUNTED = 4_000_000
"""Tokens of the training text that are counted; of a longer text windows spread evenly."""
LARGEST = 2**62 - 1
"""Of the numbers that stand for contexts."""
MISSING, NOBODY = -1, -2
"""The number of a context that begins before the text, and the tag of a place that is free."""
LOGARITHM = 4.0
"""Of a usual count."""
START = 1.5
"""Of each discount, before the sigmoid: four fifths of a count."""


class Prior(nn.Module):
    """`forward(tokens (B, T), following (B, T) or None)` gives log probabilities (B, T, V) of the next token,
    and how often the context of each order was counted (B, T, K), as logarithms about one.

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
        self.discounts = nn.Parameter(torch.full((orders,), START))
        """Before the sigmoid."""
        self.nearness = nn.Parameter(torch.zeros(orders))
        """Logarithm of what a count in the window weighs."""

    def forward(self, tokens: Tensor, following: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, T) → (B, T, V) and (B, T, K)."""
        kind = self.discounts.dtype
        marks = self.marks(tokens)
        place = marks % self.places
        known = (self.tags[place] == marks)[..., None]
        counts = self.rows[place].to(kind) * known.to(kind)
        alike = (marks.mT[..., None] == marks.mT[:, :, None]) & (marks.mT >= 0)[..., None]  # (B, K, T, T)
        if following is not None:
            counts = (counts - self._gathered(alike, following)).clamp(min=0)
        here = self._gathered(alike & self._earlier(tokens), tokens.roll(-1, 1))
        counts = counts + self.nearness.exp()[:, None] * here
        totals = counts.sum(-1, keepdim=True)
        kinds = (counts > 0).to(kind).sum(-1, keepdim=True)
        share = self.discounts.sigmoid()
        chance = self.alone.expand(*tokens.shape, -1)
        for order in range(self.orders):
            count, total, off = counts[:, :, order], totals[:, :, order], share[order]
            longer = ((count - off).clamp(min=0) + off * kinds[:, :, order] * chance) / total.clamp(min=1)
            chance = torch.where(total > 0, longer, chance)
        return chance.log(), totals.squeeze(-1).log1p() / LOGARITHM

    def _earlier(self, tokens: Tensor) -> Tensor:
        """(T, T) bool, true where the second position is before the first, and the window holds both."""
        place = torch.arange(tokens.shape[1], device=tokens.device)
        apart = place[:, None] - place
        return (apart > 0) & (apart < self.window)

    def _gathered(self, alike: Tensor, following: Tensor) -> Tensor:
        """(B, T, K, V) how often each token follows, (B, T), where contexts are `alike` (B, K, T, T)."""
        kind = self.discounts.dtype
        each = (following[..., None] == torch.arange(len(self.alone), device=following.device)).to(kind)
        found = alike.flatten(1, 2).to(kind) @ each
        return found.unflatten(1, (self.orders, -1)).transpose(1, 2)

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
    def count(self, tokens: Tensor, following: Tensor) -> None:
        """Fill the table from windows of the training text (N, T) and the tokens that followed (N, T)."""
        if tokens.numel() > MOST_COUNTED:
            rows = torch.linspace(0, len(tokens) - 1, max(1, MOST_COUNTED // tokens.shape[1]), device=tokens.device)
            tokens, following = tokens[rows.long()], following[rows.long()]
        marks, following = self.marks(tokens), following.long().flatten()
        self._place([marks[..., order].flatten() for order in range(self.orders)])
        vocabulary = len(self.alone)
        counts = torch.zeros(self.places * vocabulary, dtype=torch.int64, device=tokens.device)
        for order in range(self.orders):
            mark = marks[..., order].flatten()
            known = self.tags[mark % self.places] == mark
            counts += torch.bincount(
                (mark % self.places * vocabulary + following)[known], minlength=self.places * vocabulary
            )
        counts = counts.view(self.places, vocabulary)
        scale = counts.amax(1, keepdim=True).clamp(min=MOST)
        self.rows.copy_((counts * MOST).div(scale, rounding_mode="trunc").maximum((counts > 0).long()))
        often = torch.bincount(following, minlength=vocabulary).to(self.alone.dtype) + 0.5
        self.alone.copy_(often / often.sum())

    def _place(self, marks: list[Tensor]) -> None:
        """Give each place to the commonest context of those that want it, of those that came twice or more."""
        found = [mark[mark >= 0].unique(return_counts=True) for mark in marks]
        contexts = torch.cat([context[times > 1] for context, times in found])
        times = torch.cat([times[times > 1] for _, times in found])
        contexts = contexts[times.argsort(stable=True)]  # the commonest last
        last = torch.full((self.places,), -1, dtype=torch.int64, device=contexts.device)
        rank = torch.arange(len(contexts), device=contexts.device)
        last.scatter_reduce_(0, contexts % self.places, rank, "amax")
        self.tags.fill_(NOBODY)
        self.tags[last >= 0] = contexts[last[last >= 0]]


def factor(number: int) -> int:
    """A large odd number for each place of a context: what its tokens are multiplied by before they are added up."""
    return (SEED * 0x9E3779B97F4A7C15 ** (number + 1)) % 2**63 | 1
