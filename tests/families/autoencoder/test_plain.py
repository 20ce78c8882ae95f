"""The plain modules, in a loop of one's own."""

import doctest

import pytest
import torch
from torch import nn
from torch.distributions import Normal
from torch.distributions import kl_divergence as reference

from netwright.core.errors import InputError
from netwright.families.autoencoder import convolutional, dense, variational
from netwright.families.autoencoder.convolutional import ConvAutoencoder
from netwright.families.autoencoder.dense import Autoencoder
from netwright.families.autoencoder.variational import VariationalAutoencoder, drawn, kl_divergence


@pytest.mark.parametrize("module", [dense, convolutional, variational], ids=lambda m: m.__name__)
def test_examples_run(module):
    found = doctest.testmod(module, extraglobs={"torch": torch})
    assert found.attempted and not found.failed


@pytest.mark.parametrize("size", [1, 2, 5, 7, 8, 28, (9, 6), (1, 30)])
@pytest.mark.parametrize("channels", [(4,), (4, 8), (4, 8, 8)])
def test_pictures_of_any_size_come_back(size, channels):
    height, width = (size, size) if isinstance(size, int) else size
    model = ConvAutoencoder(3, 5, image_size=size, channels=channels)
    x = torch.rand(2, 3, height, width)
    assert model(x).shape == x.shape and model.encode(x).shape == (2, 5)
    assert torch.equal(model.decode(model.encode(x)), model(x))


def test_a_loop_of_ones_own():
    torch.manual_seed(0)
    x = torch.rand(64, 1, 8, 8)
    for model, fed in ((Autoencoder(64, [32], 4), x.flatten(1)), (ConvAutoencoder(1, 4, image_size=8), x)):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        losses = []
        for _ in range(20):
            loss = nn.functional.mse_loss(model(fed), fed)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("wrong", [{"code_size": 0}, {"image_size": 0}, {"channels": ()}, {"image_size": (4, 4, 4)}])
def test_wrong_sizes_are_told(wrong):
    with pytest.raises(InputError, match="image_size"):
        ConvAutoencoder(**{"input_channels": 1, "code_size": 2, "image_size": 8} | wrong)
    with pytest.raises(InputError, match="size of one or more"):
        Autoencoder(4, [3], 0)
    with pytest.raises(InputError, match="activation"):
        VariationalAutoencoder(4, [3], 2, activation="no")


def test_the_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)).double().chunk(2)
    there = reference(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0))
    assert torch.allclose(kl_divergence(mean, log_variance), there)


def test_codes_are_drawn_as_told_and_only_while_training():
    mean, log_variance = torch.full((20_000, 1), 2.0), torch.full((20_000, 1), 0.5).log() * 2
    code = drawn(mean, log_variance, torch.Generator().manual_seed(0))
    assert abs(code.mean() - 2) < 0.02 and abs(code.std() - 0.5) < 0.02
    model, x = VariationalAutoencoder(6, [5], 2), torch.rand(3, 6)
    assert not torch.equal(model(x)[0], model(x)[0])
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])
    one, other = (model.sample(4, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(one, other) and one.shape == (4, 6)
