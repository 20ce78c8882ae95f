"""Recurrent networks and Transformers in `nw.fit`: ours, and a person's own, against the loop written by hand."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import netwright as nw


class OwnTransformer(nn.Module):
    """What a person writes after a tutorial."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(20, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(self.tokens(tokens)).mean(1))


class OwnGRU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 8, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x)[0][:, -1])


def steps() -> Tensor:
    return torch.randn(48, 9, 4)


def lengths() -> Tensor:
    return torch.randint(1, 10, (48,))


def tokens() -> Tensor:
    return torch.randint(0, 20, (48, 9))


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple[Tensor, ...]]]] = {
    "nw.RNN": (lambda: nw.RNN(4, 8, 3), lambda: (steps(),)),
    "nw.LSTM": (lambda: nw.LSTM(4, 8, 3, num_layers=2, bidirectional=True), lambda: (steps(), lengths())),
    "nw.GRU": (lambda: nw.GRU(4, 8, 3, bidirectional=True), lambda: (steps(), lengths())),
    "nw.Transformer": (lambda: nw.Transformer(4, 16, 3, dropout=0.0), lambda: (steps(), lengths())),
    "nw.Transformer of tokens": (lambda: nw.Transformer(8, 16, 3, vocabulary_size=20), lambda: (tokens(),)),
    "own Transformer": (OwnTransformer, lambda: (tokens(),)),
    "own GRU": (OwnGRU, lambda: (steps(),)),
}


@pytest.mark.parametrize("plan", [nw.Plan(), nw.Plan(tier="traced")], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_the_loop_by_hand_gives_the_same_losses_and_weights(name: str, plan: nw.Plan):
    make, draw = CASES[name]
    torch.manual_seed(0)
    inputs, target = draw(), torch.randint(0, 3, (48,))
    torch.manual_seed(1)
    module = make()
    torch.manual_seed(1)
    by_hand = make()
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    torch.manual_seed(2)
    fit = nw.fit(module, (*inputs, target), loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=3, batch_size=16,
                 shuffle=False, plan=plan)  # fmt: skip
    torch.manual_seed(2)
    optimizer = torch.optim.Adam(by_hand.parameters(), 1e-2)
    losses = []
    for _ in range(3):
        own = []
        torch.empty((), dtype=torch.int64).random_()  # what an epoch of a DataLoader draws
        for first in range(0, 48, 16):
            optimizer.zero_grad()
            loss = F.cross_entropy(by_hand(*(x[first : first + 16] for x in inputs)), target[first : first + 16])
            loss.backward()
            optimizer.step()
            own.append(loss.item())
        losses.append(sum(own) / len(own))
    assert [record.losses["loss"] for record in fit.history] == pytest.approx(losses, rel=1e-6)
    for mine, other in zip(module.parameters(), by_hand.parameters(), strict=True):
        assert torch.allclose(mine, other, rtol=1e-4, atol=1e-6)
    if plan.tier == "traced":
        assert fit.plan.stretches[-1].plan.tier == "traced" and not fit.plan.notes


def test_a_causal_transformer_learns_to_say_what_comes_next():
    torch.manual_seed(0)
    text = torch.arange(20).repeat(40)
    rows = torch.stack([text[i : i + 13] for i in range(0, 700, 7)])
    model = nw.Transformer(16, 32, 20, causal=True, vocabulary_size=20, dropout=0.0)

    def loss(module: nn.Module, batch: tuple[Tensor]) -> Tensor:
        return F.cross_entropy(module(batch[0][:, :-1]).flatten(0, 1), batch[0][:, 1:].flatten())

    nw.fit(model, (rows,), loss=loss, optimizer="adam", learning_rate=1e-2, epochs=25, batch_size=20)
    assert (model(rows[:, :-1]).argmax(-1) == rows[:, 1:]).float().mean() > 0.95
