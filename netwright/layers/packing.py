"""Sequences of many lengths in one tensor: padded, turned round, and PyTorch's PackedSequence.

T steps, B sequences, N numbers a step. Padded is (T, B, N) with lengths (B,). A PackedSequence holds no padding: the
first steps of all sequences, then the second steps of those that have one …, the longest sequence first. So its rows
are the padded tensor's rows (T·B, N) in their order, with the padding left out.
"""

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence


class Real:
    """Which steps of padded sequences are real, for lengths (B,): nothing is read from the device."""

    def __init__(self, lengths: Tensor, steps: int) -> None:
        step = torch.arange(steps, device=lengths.device)[:, None]
        self.lengths = lengths
        self.keep = (step < lengths)[:, :, None]  # (T, B, 1)
        self.order = torch.where(step < lengths, lengths - 1 - step, step)[:, :, None]  # (T, B, 1), to turn round by

    def masked(self, x: Tensor) -> Tensor:
        """(T, B, N) with zeros in padding, whatever stood there."""
        return x.masked_fill(~self.keep, 0.0)

    def turned(self, x: Tensor) -> Tensor:
        """(T, B, N), each sequence from its last step to its first, padding where it was. Twice is once too often."""
        return x.gather(0, self.order.expand_as(x))

    def last(self, x: Tensor, start: Tensor) -> Tensor:
        """(T, B, N) → (B, N) after each sequence's last step; `start` (B, N) where there is none."""
        place = (self.lengths - 1).clamp(min=0)[None, :, None].expand(1, *x.shape[1:])
        return torch.where(self.lengths[:, None] > 0, x.gather(0, place)[0], start)


def padded(sequences: PackedSequence) -> tuple[Tensor, Tensor, Tensor]:
    """Packed → (T, B, N) with zeros in padding, the lengths (B,) in packed order, and the place of each packed row."""
    data, counts = sequences.data, sequences.batch_sizes  # counts (T,), on the CPU: how many sequences have the step
    number = torch.arange(int(counts[0]))
    keep = number < counts[:, None]  # (T, B)
    rows = keep.flatten().nonzero().squeeze(1).to(data.device)
    whole = data.new_zeros(keep.numel(), *data.shape[1:]).index_add(0, rows, data)
    return whole.reshape(*keep.shape, *data.shape[1:]), keep.sum(0).to(data.device), rows


def packed(outputs: Tensor, rows: Tensor, like: PackedSequence) -> PackedSequence:
    """(T, B, N) → packed as `like` is; `rows` are the places `padded` gave."""
    data = outputs.flatten(0, 1).index_select(0, rows)
    return PackedSequence(data, like.batch_sizes, like.sorted_indices, like.unsorted_indices)
