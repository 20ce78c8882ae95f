import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from netwright.layers.packing import Real, packed, padded


def test_there_and_back_as_torch_does_it():
    x = torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(0))
    given = pack_padded_sequence(x, torch.tensor([2, 4, 1]), enforce_sorted=False)
    data, lengths, rows = padded(given)
    wanted, _ = pad_packed_sequence(given)
    assert torch.equal(data.index_select(1, given.unsorted_indices), wanted) and lengths.tolist() == [4, 2, 1]
    again = packed(data, rows, given)
    assert torch.equal(again.data, given.data) and torch.equal(again.batch_sizes, given.batch_sizes)
    assert again.sorted_indices is given.sorted_indices and again.unsorted_indices is given.unsorted_indices


def test_each_sequence_turned_within_its_length():
    x = torch.tensor([[1, 1, 1], [2, 2, 2], [3, 3, 3]])[:, :, None]
    real = Real(torch.tensor([3, 2, 0]), 3)
    assert real.turned(x)[:, :, 0].tolist() == [[3, 2, 1], [2, 1, 2], [1, 3, 3]]
    assert torch.equal(real.turned(real.turned(x)), x)
    assert real.masked(x)[:, :, 0].tolist() == [[1, 1, 0], [2, 2, 0], [3, 0, 0]]
    assert real.last(x, torch.tensor([[7], [8], [9]])).flatten().tolist() == [3, 2, 9]
