"""Rows taken for steps are told; what is meant so is not."""

import pytest
import torch
from torch import Tensor, nn

import netwright as nw


class Net(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], *, first: bool, turned: bool = False) -> None:
        super().__init__()
        self.layer, self.head, self.turned = kind(4, 8, batch_first=first), nn.Linear(8, 2), turned
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.layer(x.transpose(0, 1) if self.turned else x)
        return self.head(out[-1] if self.turned else out[:, -1])


def told(module: nn.Module, steps: int = 6) -> list[str]:
    notices: list = []
    data = torch.randn(32, steps, 4), torch.randint(0, 2, (32,))
    nw.fit(module, data, loss=nn.CrossEntropyLoss(), epochs=1, batch_size=16, watch=notices.append)
    return [str(notice) for notice in notices if isinstance(notice, nw.Notice)]


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_rows_that_are_read_as_steps_are_told(kind: type[nn.RNNBase]):
    (words,) = told(Net(kind, first=False))
    assert "'layer'" in words and "(16, 6, 4)" in words and f"nn.{kind.__name__}(…, batch_first=True)" in words


@pytest.mark.parametrize("module", [Net(nn.LSTM, first=True), Net(nn.GRU, first=False, turned=True), nw.LSTM(4, 8, 2)])
def test_what_is_right_is_not_told(module: nn.Module):
    assert told(module) == []


def test_a_module_that_gives_several_things_is_refused():
    with pytest.raises(nw.InputError, match="several things") as error:
        nw.fit(nn.LSTM(4, 2, batch_first=True), (torch.randn(8, 3, 4), torch.randint(0, 2, (8,))),
               loss=nn.CrossEntropyLoss(), epochs=1)  # fmt: skip
    assert "output, _ = self.lstm(x)" in error.value.fix and "Tensor, tuple" in error.value.got
