"""The network of the tutorials."""

from typing import Any

import pytest
import torch
from torch import nn

from netwright.core.errors import InputError
from netwright.families.cnn.tutorial import CNN


@pytest.mark.parametrize("size", [1, 2, 5, 8, 28, (33, 47), (1, 100), (64, 3)])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5])
def test_every_size_is_worked_out(size: int | tuple[int, int], kernel_size: int):
    height, width = (size, size) if isinstance(size, int) else size
    network = CNN(3, 7, image_size=size, channels=(4, 5, 6, 7), kernel_size=kernel_size, hidden_size=8)
    pictures = torch.zeros(2, 3, height, width)
    assert network(pictures).shape == (2, 7)
    assert network.maps(pictures).shape[1:] == network.map_shape


def test_it_is_the_sequence_people_write_by_hand():
    torch.manual_seed(0)
    network = CNN(1, 10, image_size=28)
    by_hand = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    by_hand.load_state_dict(dict(zip(by_hand.state_dict(), network.state_dict().values(), strict=True)))
    pictures = torch.randn(4, 1, 28, 28)
    assert torch.equal(network(pictures), by_hand(pictures))


def test_an_activation_is_a_name_or_a_module():
    assert CNN(1, 2, image_size=8, activation=nn.Tanh())(torch.zeros(1, 1, 8, 8)).shape == (1, 2)
    with pytest.raises(InputError, match="no activation"):
        CNN(1, 2, image_size=8, activation="nope")


@pytest.mark.parametrize(
    "wrong",
    [{"input_channels": 0}, {"output_size": 0}, {"channels": ()}, {"channels": (4, 0)}, {"kernel_size": 0},
     {"hidden_size": 0}],
)  # fmt: skip
def test_a_size_below_one_is_refused(wrong: dict):
    given: dict[str, Any] = {"input_channels": 1, "output_size": 2, "image_size": 8} | wrong
    with pytest.raises(InputError, match=r"fix: .*" + next(iter(wrong))):
        CNN(given.pop("input_channels"), given.pop("output_size"), **given)


@pytest.mark.parametrize("size", [0, (8, 0), (8,), (8, 8, 3)])
def test_a_picture_without_pixels_is_refused(size: int | tuple):
    with pytest.raises(InputError, match=r"fix: .*image_size"):
        CNN(1, 2, image_size=size)


@pytest.mark.parametrize("shape", [(2, 1, 8, 9), (2, 3, 8, 8), (1, 8, 8)])
def test_pictures_of_another_size_are_refused(shape: tuple[int, ...]):
    with pytest.raises(InputError, match=r"fix: .*image_size"):
        CNN(1, 2, image_size=8)(torch.zeros(shape))
