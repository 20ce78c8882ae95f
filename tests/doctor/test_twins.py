"""The doctor sees layers and losses written out by hand as it sees torch's."""

import pytest
import torch
from torch import nn

import netwright as nw
from netwright import layers
from netwright.core.errors import InputError

X = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(12) % 3


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def fit(module: nn.Module, target: torch.Tensor, loss: nn.Module, x: torch.Tensor = X) -> nw.Fit:
    return nw.fit(module, (x, target), loss=loss, optimizer="sgd", epochs=1, batch_size=6, progress=False)


@pytest.mark.parametrize("n", [nn, layers], ids=["torch.nn", "layers"])
def test_labels_out_of_range(n):
    with pytest.raises(InputError, match="label is out of range"):
        fit(n.Linear(4, 3), CLASSES + 1, n.CrossEntropyLoss())


@pytest.mark.parametrize("n", [nn, layers], ids=["torch.nn", "layers"])
def test_outputs_that_are_no_probabilities(n):
    with pytest.raises(InputError, match="takes probabilities"):
        fit(n.Linear(4, 1), (CLASSES > 0).float()[:, None], n.BCELoss())


@pytest.mark.parametrize("n", [nn, layers], ids=["torch.nn", "layers"])
def test_a_softmax_before_the_loss(n):
    with pytest.warns(nw.NetwrightWarning, match="applies a softmax itself") as seen:
        fit(nn.Sequential(n.Linear(4, 3), n.Softmax(1)), CLASSES, n.CrossEntropyLoss())
    assert "Remove self[1] (Softmax)" in str(seen[0].message)


@pytest.mark.parametrize("n", [nn, layers], ids=["torch.nn", "layers"])
def test_every_output_with_every_target(n):
    with pytest.raises(InputError, match="every output with every target"):
        fit(n.Linear(4, 1), X[:, 0], n.MSELoss())


@pytest.mark.parametrize("n", [nn, layers], ids=["torch.nn", "layers"])
def test_an_id_without_a_row(n):
    with pytest.raises(InputError, match="has no row for an id"):
        fit(nn.Sequential(n.Embedding(2, 3), n.Flatten()), CLASSES, n.CrossEntropyLoss(), CLASSES[:, None])


class Reader(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.lstm = n.LSTM(4, 3)

    def forward(self, x):
        return self.lstm(x)[0][:, -1]


@pytest.mark.parametrize("n", [nn, layers], ids=["torch.nn", "layers"])
def test_rows_taken_for_steps(n):
    with pytest.warns(nw.NetwrightWarning, match="batch_first=True"):
        fit(Reader(n), CLASSES, n.CrossEntropyLoss(), X[:, None].expand(12, 5, 4))


@pytest.mark.parametrize("n", [nn, layers], ids=["torch.nn", "layers"])
def test_a_layer_of_another_size(n):
    with pytest.raises(InputError, match=r"nn.Linear\(4, 3\)"):
        fit(n.Linear(5, 3), CLASSES, n.CrossEntropyLoss())
