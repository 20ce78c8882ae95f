import doctest
import importlib

import pytest
import torch

from netwright.core.errors import InputError
from netwright.families.gan.convolutional import Generator
from netwright.families.gan.dense import DenseGenerator
from netwright.families.gan.gan import GAN
from netwright.families.gan.losses import discriminator_loss, generator_loss, zero_centred


@pytest.mark.parametrize("name", ["sizes", "convolutional", "dense", "gan"])
def test_examples_run(name: str):
    done = doctest.testmod(importlib.import_module(f"netwright.families.gan.{name}"))
    assert done.attempted > 0 and done.failed == 0


def test_the_network_follows_from_what_is_drawn():
    assert isinstance(GAN(4, image_size=8, width=4).generator, Generator)
    assert isinstance(GAN(4, image_size=(7, 9)).generator, DenseGenerator)
    assert isinstance(GAN(4, image_size=28, network="dense").generator, DenseGenerator)
    assert GAN(4, row_size=3)(torch.zeros(2, 4)).shape == (2, 3)


def test_packed_rows_are_judged_as_one():
    assert GAN(4, image_size=8, channels=3, width=4, pack=2).discriminator(torch.zeros(5, 6, 8, 8)).shape == (5, 1)
    assert GAN(4, row_size=3, pack=2).discriminator(torch.zeros(5, 6)).shape == (5, 1)


def test_sampling_repeats_itself_and_leaves_no_trace():
    gan = GAN(4, image_size=8, classes=3, width=4)
    gan.train()
    kept, state = [b.clone() for b in gan.buffers()], torch.get_rng_state()
    draws = [gan.sample(600, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws) and draws[0].shape == (600, 1, 8, 8) and not draws[0].requires_grad
    assert all(torch.equal(a, b) for a, b in zip(kept, gan.buffers(), strict=True))
    assert torch.equal(state, torch.get_rng_state()) and gan.generator.training
    assert gan.sample(0).shape == (0, 1, 8, 8) and GAN(4, row_size=2).sample(0).shape == (0, 2)
    with pytest.raises(InputError, match="2 labels for 3 rows"):
        gan.sample(3, labels=torch.tensor([0, 1]))


def test_sizes_that_make_no_network():
    with pytest.raises(InputError, match="either pictures or rows"):
        GAN(4)
    with pytest.raises(InputError, match="either pictures or rows"):
        GAN(4, image_size=8, row_size=3)
    with pytest.raises(InputError, match="Convolutions draw pictures"):
        GAN(4, row_size=3, network="convolutional")
    with pytest.raises(InputError, match="or more"):
        GAN(0, row_size=3)
    with pytest.raises(InputError, match="or more"):
        GAN(4, image_size=0)


def test_it_learns_in_a_loop_of_ones_own():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    gan = GAN(4, row_size=2, hidden_sizes=(32, 32))
    of = {"lr": 2e-3, "betas": (0.0, 0.9)}
    judge, draw = (torch.optim.Adam(n.parameters(), **of) for n in (gan.discriminator, gan.generator))
    for _ in range(300):
        real, fake = 0.3 * torch.randn(64, 2) + torch.tensor([2.0, -1.0]), gan(torch.randn(64, 4))
        loss = discriminator_loss("relativistic", gan.discriminator(real), gan.discriminator(fake.detach()))
        judge.zero_grad()
        (loss + 0.1 * zero_centred(gan.discriminator, real)).backward()
        judge.step()
        draw.zero_grad()
        generator_loss("relativistic", gan.discriminator(real), gan.discriminator(fake)).backward()
        draw.step()
    assert torch.allclose(gan.sample(500).mean(0), torch.tensor([2.0, -1.0]), atol=0.3)
