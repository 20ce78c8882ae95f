"""The shape of the default network."""

import pytest
import torch

from netwright.families.cnn.residual import MOST_STAGES, SMALLEST_MAP, Norm, ResidualNetwork, stages, work
from netwright.families.cnn.sizes import pooled, window
from netwright.families.pixels import two_sides


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (8, 8), (28, 28), (33, 47), (7, 200), (224, 224)])
def test_maps_are_of_the_sizes_that_were_planned(size: tuple[int, int]):
    network = ResidualNetwork(3, 5, image_size=size, width=4)
    pictures = torch.randn(2, 3, *size)
    assert network.maps(pictures).shape[2:] == stages(size, 4)[-1].size
    assert network(pictures).shape == (2, 5)


def test_the_last_map_is_small_and_stages_are_few():
    for side in range(1, 225):
        found = stages((side, side), 4)
        assert len(found) <= MOST_STAGES + 1 and found[-1].channels <= 16
        assert max(found[-1].size) < 2 * SMALLEST_MAP


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (64, 64)])
def test_the_work_is_what_the_convolutions_do(size: tuple[int, int]):
    network, done = ResidualNetwork(3, 5, image_size=size, width=4, depth=2), []

    def count(layer: torch.nn.Conv2d, inputs: tuple, outputs: torch.Tensor) -> None:
        done.append(layer.weight.numel() * outputs[0, 0].numel())

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    network(torch.randn(1, 3, *size))
    assert sum(done) == work(3, size, 4, depth=2)


def test_one_value_is_normalised_by_what_is_remembered():
    norm = Norm(2, least=1)
    assert torch.allclose(norm(torch.ones(1, 2, 1, 1)), torch.ones(1, 2, 1, 1), atol=1e-4)
    assert torch.allclose(norm(torch.randn(1, 2, 4, 4)).mean((2, 3)), torch.zeros(1, 2), atol=1e-5)


def test_sizes():
    assert two_sides((3, 4)) == (3, 4) and window((5, 1)) == (2, 1) and window((5, 6), 6) == (1, 2)
    assert pooled((5, 6), (2, 1)) == (2, 6)
