"""Whether left and right are found to be alike."""

import pytest
import torch
from torch import Tensor

from netwright.data.sources.bundled import bundled_bytes
from netwright.families.cnn.mirror import alike, binned, survives


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def textures(count: int, channels: int = 3) -> tuple[Tensor, Tensor]:
    """Noise, of class k blurred k times: the same seen in a mirror."""
    classes, pictures = torch.arange(count) % 4, drawn(count, channels, 24, 24)
    for k in range(4):
        for _ in range(k):
            own = pictures[classes == k]
            blurred = own + own.roll(1, 2) + own.roll(-1, 2) + own.roll(1, 3) + own.roll(-1, 3)
            pictures[classes == k] = blurred / 3
    return pictures, classes


def arrows(count: int, channels: int = 1) -> tuple[Tensor, Tensor]:
    """The tip of an arrow somewhere in the picture, pointing left or right."""
    classes, pictures = torch.arange(count) % 2, 0.3 * drawn(count, channels, 20, 20)
    heights = torch.randint(3, 16, (count,), generator=torch.Generator().manual_seed(1))
    for i in range(count):
        for step in range(-3, 4):
            pictures[i, :, heights[i] + step, 10 + abs(step) * (1 if classes[i] else -1)] += 2
    return pictures, classes


def digits() -> tuple[Tensor, Tensor]:
    import gzip

    rows = gzip.decompress(bundled_bytes("digits")).decode().splitlines()
    names = rows[0].split(",")
    table = torch.tensor([[float(v) for v in row.split(",")] for row in rows[1:]])
    target = names.index("digit")
    pixels = [i for i in range(len(names)) if i != target]
    return (table[:, pixels].view(-1, 1, 8, 8) - 5) / 6, table[:, target].long()


@pytest.mark.parametrize("count", [100, 600, 1797])
def test_digits_are_not_alike_in_a_mirror(count: int):
    pictures, classes = digits()
    assert not alike(pictures[:count], classes[:count])


@pytest.mark.parametrize("count", [60, 400])
@pytest.mark.parametrize("channels", [1, 3])
def test_textures_are_and_arrows_are_not(count: int, channels: int):
    assert alike(*textures(count, channels))
    assert not alike(*arrows(count, channels))


def test_the_order_of_the_pictures_does_not_matter():
    pictures, classes = textures(200)
    order = classes.argsort(stable=True)
    assert alike(pictures[order], classes[order])


@pytest.mark.parametrize("count", [1, 3, 300])
def test_where_nothing_is_known_colour_decides(count: int):
    classes = torch.arange(count) % 5
    assert alike(drawn(count, 3, 8, 8), classes) and not alike(drawn(count, 1, 8, 8), classes)
    assert alike(drawn(count, 3, 8, 8), torch.zeros(count).long())


def test_one_class_that_is_lost_is_enough():
    target = torch.eye(20)[torch.arange(2000) % 20]
    right = torch.ones(2000, dtype=torch.bool)
    assert survives(right, right, target, colour=False)
    assert not survives(right, right & (target[:, 3] == 0), target, colour=True)
    assert not survives(right, torch.rand(2000, generator=torch.Generator().manual_seed(0)) < 0.9, target, colour=True)


def test_targets_of_other_tasks_are_put_into_bins():
    assert torch.equal(binned(torch.tensor([2, 0, 1])), torch.tensor([2, 0, 1]))
    assert binned(torch.linspace(0, 1, 9)[:, None]).bincount().sum() == 9
    assert set(binned(torch.linspace(0, 1, 100)[:, None]).tolist()) == {0, 1, 2, 3}
    assert binned(torch.tensor([[0.0, 1.0], [1.0, 1.0]])).tolist() == [2, 3]
