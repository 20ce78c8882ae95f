import pytest
import torch
from torch import Tensor, nn

from netwright.families.gan.losses import Loss, discriminator_loss, generator_loss, one_centred, scored, zero_centred

REAL, FAKE = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.5], [-1.0]])


def soft(x: Tensor) -> Tensor:
    return torch.log(1 + torch.exp(x))


@pytest.mark.parametrize(
    ("loss", "judge", "draw"),
    [
        ("relativistic", soft(FAKE - REAL).mean(), soft(REAL - FAKE).mean()),
        ("non_saturating", soft(-REAL).mean() + soft(FAKE).mean(), soft(-FAKE).mean()),
        ("wgan_gp", torch.tensor(-0.25 - 1.5), torch.tensor(0.25)),
    ],
)
def test_losses_are_the_formulas(loss: Loss, judge: Tensor, draw: Tensor):
    assert torch.allclose(discriminator_loss(loss, REAL, FAKE), judge)
    assert torch.allclose(generator_loss(loss, REAL, FAKE), draw)


def test_non_saturating_is_the_cross_entropy_of_the_tutorials():
    entropy = nn.BCEWithLogitsLoss()
    wanted = entropy(REAL, torch.ones(2, 1)) + entropy(FAKE, torch.zeros(2, 1))
    assert torch.allclose(discriminator_loss("non_saturating", REAL, FAKE), wanted)


def test_penalties_of_a_linear_discriminator_are_those_worked_out_by_hand():
    linear = nn.Linear(3, 1)
    rows = torch.randn(5, 3)
    norm = linear.weight.square().sum()

    def judge(x: Tensor, labels: Tensor | None) -> Tensor:
        return linear(x)

    assert torch.allclose(scored(judge, rows, None)[1], norm.expand(5))
    assert torch.allclose(zero_centred(judge, rows), norm)
    assert torch.allclose(one_centred(judge, rows, rows + 1), (norm.sqrt() - 1) ** 2)
    (gradient,) = torch.autograd.grad(zero_centred(judge, rows), linear.weight)
    assert torch.allclose(gradient, 2 * linear.weight)


def test_the_penalty_of_a_square_depends_on_the_row():
    def square(x: Tensor, labels: Tensor | None) -> Tensor:
        return x.square().sum(1, keepdim=True)

    rows = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    scores, squared = scored(square, rows, None)
    assert scores.flatten().tolist() == [1, 25] and squared.tolist() == [4, 100] and not rows.requires_grad


def test_the_wasserstein_penalty_looks_between_real_rows_and_fakes():
    seen = []

    def judge(x: Tensor, labels: Tensor | None) -> Tensor:
        seen.append(x.detach())
        return x.sum(1, keepdim=True)

    one_centred(judge, torch.zeros(50, 2), torch.ones(50, 2))
    assert (seen[0] >= 0).all() and (seen[0] <= 1).all()
    assert torch.equal(seen[0][:, 0], seen[0][:, 1]), "one point on the line between the two"
