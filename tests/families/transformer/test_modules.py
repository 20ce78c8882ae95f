import doctest

import pytest
import torch
from torch.nn.functional import cross_entropy

from netwright.core.errors import InputError
from netwright.families.transformer import encoder, masks, modules
from netwright.families.transformer.modules import Transformer


def test_the_examples_run():
    for module in (modules, encoder, masks):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_padding_changes_no_answer(tokens: bool, causal: bool):
    torch.manual_seed(0)
    model = Transformer(6, 16, 3, causal=causal, vocabulary_size=9 if tokens else None).double().eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    x = torch.randint(0, 9, (3, 7)) if tokens else torch.randn(3, 7, 6, dtype=torch.float64)
    lengths = torch.tensor([7, 3, 0])
    together = model(x, lengths)
    assert torch.isfinite(together).all()
    for row, length in ((0, 7), (1, 3)):
        alone = model(x[row : row + 1, :length])
        assert torch.allclose(together[row, :length] if causal else together[row], alone[0], atol=1e-10)


def test_it_learns_in_anybodys_loop():
    torch.manual_seed(0)
    x = torch.randn(64, 6, 2)
    y = (x[:, :, 0].mean(1) > x[:, :, 1].mean(1)).long()
    model = Transformer(2, 16, 2, dropout=0.0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(30):
        loss = cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2


def test_a_causal_one_learns_to_count():
    torch.manual_seed(0)
    text = torch.arange(64 * 9).view(64, 9) % 5
    model = Transformer(8, 16, 5, causal=True, vocabulary_size=5, dropout=0.0, num_layers=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(30):
        loss = cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2


@pytest.mark.parametrize(
    ("x", "options"),
    [
        (torch.zeros(2, 5), {}),
        (torch.zeros(2, 5, 4), {}),
        (torch.zeros(2, 5, 3, dtype=torch.long), {}),
        (torch.zeros(2, 5), {"vocabulary_size": 7}),
        (torch.zeros(2, 5, 3, dtype=torch.long), {"vocabulary_size": 7}),
    ],
)
def test_sequences_of_another_form_are_refused(x: torch.Tensor, options: dict):
    with pytest.raises(InputError, match="form this network was made for"):
        Transformer(3, 16, 2, **options)(x)


def test_lengths_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="lengths do not fit"):
        Transformer(3, 16, 2)(torch.zeros(2, 5, 3), torch.tensor([5, 5, 5]))


@pytest.mark.parametrize("sizes", [(0, 16, 2), (3, 16, 0)])
def test_sizes_below_one_are_refused(sizes: tuple[int, int, int]):
    with pytest.raises(InputError, match="sizes of one or more"):
        Transformer(*sizes)
    with pytest.raises(InputError, match="vocabulary_size"):
        Transformer(3, 16, 2, vocabulary_size=0)
