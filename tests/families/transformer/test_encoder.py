import pytest
import torch

from netwright.core.errors import InputError
from netwright.families.transformer.encoder import Encoder


def made(*, causal: bool = False) -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder(16, heads=2, layers=2, dropout=0.3, causal=causal).double()
    for p in encoder.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return encoder.eval()


LENGTHS = torch.tensor([9, 5, 1, 0])
KEEP = torch.arange(9) < LENGTHS[:, None]


@pytest.mark.parametrize("causal", [False, True])
def test_a_padded_batch_gives_the_answers_and_gradients_of_the_unpadded_rows(causal: bool):
    encoder = made(causal=causal)
    x = torch.randn(4, 9, 16, dtype=torch.float64)
    padded = x.masked_fill(~KEEP[..., None], float("nan")).requires_grad_()
    together = encoder(padded, KEEP)
    together.square().sum().backward()
    gradients = [p.grad.clone() for p in encoder.parameters()]
    assert torch.isfinite(together).all() and (together[~KEEP] == 0).all()
    encoder.zero_grad()
    for row, length in enumerate(LENGTHS.tolist()):
        if length:
            alone = encoder(x[row : row + 1, :length])
            assert torch.allclose(together[row, :length], alone[0], atol=1e-10)
            alone.square().sum().backward()
    assert padded.grad is not None and torch.isfinite(padded.grad).all() and (padded.grad[~KEEP] == 0).all()
    for together_with, p in zip(gradients, encoder.parameters(), strict=True):
        assert torch.allclose(together_with, p.grad, atol=1e-8)


def test_causal_never_sees_ahead():
    encoder = made(causal=True)
    x = torch.randn(2, 9, 16, dtype=torch.float64, requires_grad=True)
    encoder(x)[:, 4].sum().backward()
    assert x.grad is not None and (x.grad[:, 5:] == 0).all() and (x.grad[:, :5] != 0).any()


def test_it_sees_the_order():
    encoder = made()
    x = torch.randn(1, 9, 16, dtype=torch.float64)
    assert not torch.allclose(encoder(x).mean(1), encoder(x.flip(1)).mean(1))


def test_an_untrained_one_is_a_normalisation_and_is_built_without_memory():
    x = torch.randn(2, 5, 16)
    fresh = Encoder(16, heads=2, layers=3)
    assert torch.allclose(fresh(x), torch.nn.functional.layer_norm(x, (16,)), atol=1e-5)
    with torch.device("meta"):
        assert next(Encoder(16, heads=2, layers=1).parameters()).is_meta


@pytest.mark.parametrize("wrong", [{"layers": 0}, {"dropout": 1.0}, {"expansion": 0}])
def test_sizes_that_cannot_be_built_are_refused(wrong: dict):
    with pytest.raises(InputError, match="num_layers"):
        Encoder(16, **{"heads": 2, "layers": 1} | wrong)
