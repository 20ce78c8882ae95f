"""Pictures as a network wants them."""

import torch

from netwright.families.pixels import Standardize
from tests.families.cnn.made import schema_of


def test_the_training_pictures_have_mean_0_and_spread_1():
    pictures = torch.randint(0, 256, (50, 3, 9, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    shares = pictures.double() / 255
    column = schema_of((3, 9, 9)).image
    assert column is not None
    mean, std = shares.mean((0, 2, 3)).tolist(), shares.std((0, 2, 3), correction=0).tolist()
    out = Standardize(column.model_copy(update={"mean": tuple(mean), "std": tuple(std)}))(pictures)
    assert out.dtype == torch.float32
    assert torch.allclose(out.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(out.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)


def test_numbers_are_of_the_networks_own_type():
    column = schema_of((1, 2, 2)).image
    assert column is not None
    standardize = Standardize(column).double()
    assert standardize(torch.zeros(1, 1, 2, 2, dtype=torch.uint8)).dtype == torch.float64
