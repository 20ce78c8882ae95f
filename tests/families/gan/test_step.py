import pytest
import torch
from torch.nn.functional import softplus

from netwright.families.gan.forms import Rows
from netwright.families.gan.gan import GAN
from netwright.families.gan.network import GANNetwork
from netwright.families.gan.step import discriminator_step, generator_step, packed

torch.manual_seed(0)
REAL, FAKE, LABELS = torch.randn(8, 3), torch.randn(8, 3), torch.arange(8) % 2
SHARED = (REAL, FAKE, LABELS)


@pytest.fixture
def module() -> GANNetwork:
    torch.manual_seed(1)
    return GANNetwork(GAN(4, row_size=3, classes=2, hidden_sizes=(8,)), Rows(3, ()), (4, 4))


def penalty(module: GANNetwork, rows: int) -> torch.Tensor:
    """R1 + R2 of the first rows, worked out row by row."""
    total = torch.zeros(())
    for kind in (REAL, FAKE):
        for row, label in zip(kind[:rows], LABELS, strict=False):
            x = row[None].clone().requires_grad_()
            (gradient,) = torch.autograd.grad(module.discriminator(x, label[None]).sum(), x)
            total += gradient.square().sum()
    return total / rows


@pytest.mark.parametrize("penalized", [1.0, 0.5])
def test_relativistic_pairs_with_both_penalties(module: GANNetwork, penalized: float):
    real, fake = module.discriminator(REAL, LABELS), module.discriminator(FAKE, LABELS)
    wanted = softplus(fake - real).mean() + 3.0 / 2 * penalty(module, round(8 * penalized))
    assert torch.allclose(discriminator_step(module, "relativistic", 3.0, penalized, SHARED), wanted, atol=1e-6)
    assert torch.allclose(generator_step(module, "relativistic", SHARED), softplus(real - fake).mean())


def test_other_losses(module: GANNetwork):
    real, fake = module.discriminator(REAL, LABELS), module.discriminator(FAKE, LABELS)
    found = discriminator_step(module, "non_saturating", 0.0, 1.0, SHARED)
    assert torch.allclose(found, softplus(-real).mean() + softplus(fake).mean())
    assert torch.allclose(generator_step(module, "non_saturating", SHARED), softplus(-fake).mean())
    critic = discriminator_step(module, "wgan_gp", 10.0, 0.25, SHARED)
    assert bool(critic > (fake - real).mean()) and bool(torch.isfinite(critic))
    assert torch.allclose(generator_step(module, "wgan_gp", SHARED), -fake.mean())


def test_the_discriminators_step_leaves_the_generator_alone(module: GANNetwork):
    fake = FAKE.clone().requires_grad_()
    discriminator_step(module, "relativistic", 1.0, 0.5, (REAL, fake, LABELS)).backward()
    assert fake.grad is None


def test_packed_rows_lie_side_by_side_and_the_first_fill_up():
    rows = torch.arange(5.0)[:, None]
    assert packed(rows, 2).tolist() == [[0, 1], [2, 3], [4, 0]] and packed(rows, 1) is rows
    assert packed(torch.zeros(4, 3, 8, 8), 2).shape == (2, 6, 8, 8)
