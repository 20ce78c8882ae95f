import pytest
import torch

from netwright.core.errors import InputError
from netwright.families.gan.convolutional import Discriminator, Generator, score


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (33, 47), (64, 64), (9, 31)])
@pytest.mark.parametrize(("channels", "classes"), [(1, 0), (3, 5)])
def test_every_size_is_worked_out(size: tuple[int, int], channels: int, classes: int):
    generator = Generator(16, size, channels=channels, classes=classes, width=4)
    labels = torch.arange(3) if classes else None
    pictures = generator(torch.randn(3, 16), labels)
    assert pictures.shape == (3, channels, *size) and pictures.abs().max() <= 1
    discriminator = Discriminator(size, channels=channels, classes=classes, width=4)
    assert discriminator(pictures, labels).shape == (3, 1) == discriminator(pictures).shape


def test_a_class_changes_what_is_drawn_and_how_it_is_judged():
    torch.manual_seed(0)
    generator, discriminator = Generator(16, 8, classes=2, width=4).eval(), Discriminator(8, classes=2, width=4)
    noise = torch.randn(1, 16)
    zero, one = generator(noise, torch.tensor([0])), generator(noise, torch.tensor([1]))
    assert not torch.equal(zero, one)
    plain = discriminator(zero)
    scores = [discriminator(zero, torch.tensor([i])) for i in (0, 1)]
    assert not torch.equal(*scores)
    both = discriminator(zero, torch.tensor([[0, 1]]))  # two pictures judged together
    assert torch.allclose(both - plain, (scores[0] + scores[1]) / 2 - plain, atol=1e-6)


def test_score_adds_the_output_of_the_class():
    outputs = torch.tensor([[1.0, 10.0, 20.0], [2.0, 30.0, 40.0]])
    assert score(outputs, None).tolist() == [[1], [2]]
    assert score(outputs, torch.tensor([1, 0])).tolist() == [[21], [32]]


def test_errors_say_what_was_wanted():
    with pytest.raises(InputError, match=r"wanted: \(B, 16\)"):
        Generator(16, 8, width=4)(torch.randn(2, 15))
    with pytest.raises(InputError, match="not told which"):
        Generator(16, 8, classes=2, width=4)(torch.randn(2, 16))
    with pytest.raises(InputError, match=r"wanted: \(B, 1, 8, 8\)"):
        Discriminator(8, width=4)(torch.zeros(2, 1, 8, 9))


def test_pictures_are_judged_one_by_one():
    torch.manual_seed(0)
    discriminator, pictures = Discriminator(8, width=4), torch.randn(4, 1, 8, 8)
    assert torch.allclose(discriminator(pictures)[2:3], discriminator(pictures[2:3]), atol=1e-6)
