"""Who may look at whom.

B rows, T positions.
"""

import torch
from torch import Tensor


def within(lengths: Tensor, length: int) -> Tensor:
    """(B, length) bool, true at the first `lengths` (B,) positions of each row.

    >>> within(torch.tensor([2, 0]), 3).tolist()
    [[True, True, False], [False, False, False]]
    """
    return torch.arange(length, device=lengths.device) < lengths[:, None]


def visible(keep: Tensor | None, length: int, *, causal: bool) -> Tensor | None:
    """What attention takes as its mask: (B, 1, 1 or T, T), true where a position may look; None where nothing is to be
    hidden but by `is_causal`.

    A position that would see nothing gives NaN, so it sees padding (of a row that is nothing else) or itself.
    """
    if keep is None:
        return None
    if not causal:
        return (keep | ~keep.any(1, keepdim=True))[:, None, None, :]
    earlier = torch.ones(length, length, dtype=torch.bool, device=keep.device).tril()
    itself = torch.eye(length, dtype=torch.bool, device=keep.device)
    return ((keep[:, None, :] & earlier) | itself)[:, None]
