"""The networks of the tutorials, in a loop of one's own."""

import pytest
import torch
from torch import nn

from netwright.core.errors import InputError
from netwright.families.recurrent.modules import GRU, LSTM, RNN

every_module = pytest.mark.parametrize("module", [RNN, LSTM, GRU])


@every_module
@pytest.mark.parametrize("both", [False, True])
def test_the_answer_is_of_the_last_step(module: type[nn.Module], both: bool):
    torch.manual_seed(0)
    net = module(3, 5, 2, num_layers=2, bidirectional=both).eval()
    x, lengths = torch.randn(4, 6, 3), torch.tensor([6, 2, 1, 5])
    answers = net(x, lengths)
    assert answers.shape == (4, 2)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(answers[row : row + 1], net(x[row : row + 1, :length]))
        torch.testing.assert_close(answers[row], net(x[row, :length]))


@every_module
def test_it_learns_in_a_plain_loop(module: type[nn.Module]):
    torch.manual_seed(0)
    x = torch.randn(64, 5, 1)
    y = (x[:, 0, 0] > 0).long()
    net = module(1, 16, 2)
    optimizer = torch.optim.Adam(net.parameters(), 2e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    assert loss < 0.3


@every_module
def test_what_cannot_be(module: type[nn.Module]):
    net = module(3, 4, 2)
    for wrong in (torch.zeros(2, 6, 4), torch.zeros(3), torch.zeros(2, 6, 3, dtype=torch.int64)):
        with pytest.raises(InputError, match="input_size"):
            net(wrong)
    with pytest.raises(InputError, match="lengths"):
        net(torch.zeros(2, 6, 3), torch.tensor([1, 2, 3]))
    with pytest.raises(InputError, match="output_size"):
        module(3, 4, 0)
    with pytest.raises(InputError, match="hidden_size"):
        module(3, 0, 2)
