"""The heat map lies where the answer comes from."""

import pytest
import torch

from netwright.families.cnn.attention import attention
from netwright.families.cnn.network import PictureNetwork
from tests.families.cnn.made import Made


@pytest.mark.parametrize("network", ["residual", "plain"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 8), (3, 33, 47)])
def test_it_has_the_shape_of_the_picture_and_is_from_0_to_1(shape: tuple, network: str):
    made = Made(shape=shape, rows=70, network=network)
    before = {name: value.clone() for name, value in made.module.state_dict().items()}
    with torch.no_grad():
        heat = attention(made.module, made.batch.inputs[0], torch.zeros(70, dtype=torch.long))
    assert heat.shape == (70, *shape[1:]) and not heat.requires_grad
    assert float(heat.min()) >= 0 and float(heat.max()) <= 1 and torch.isfinite(heat).all()
    assert all(torch.equal(value, before[name]) for name, value in made.module.state_dict().items())


def test_it_looks_at_the_spot_that_decides():
    made = Made(shape=(1, 28, 28), rows=64, shift=0, mirror="no", average=0.0)
    pictures = torch.full((64, 1, 28, 28), 30, dtype=torch.uint8)
    rows = torch.arange(64)
    made.batch.target[:] = rows % 3
    for i in range(64):
        top, left = 2 + 16 * (i // 2 % 2), 2 + 16 * (i // 4 % 2)
        pictures[i, 0, top : top + 8, left : left + 8] += (80 * (i % 3)) + 20
    made.batch.inputs[0].copy_(pictures)
    assert isinstance(made.module, PictureNetwork)
    made.step(40)
    bright = rows[rows % 3 == 2]
    heat = attention(made.module, pictures[bright], torch.full((len(bright),), 2))
    spot = pictures[bright][:, 0] > 100
    inside, outside = (heat * spot).sum((1, 2)) / spot.sum((1, 2)), (heat * ~spot).sum((1, 2)) / (~spot).sum((1, 2))
    assert (inside > outside).all() and float(inside.mean()) > 1.5 * float(outside.mean())
