import pytest
import torch

from netwright.core.errors import InputError
from netwright.families.gan.dense import DenseDiscriminator, DenseGenerator


@pytest.mark.parametrize("shape", [(4,), (1, 5, 7), (3, 28, 28)])
@pytest.mark.parametrize("classes", [0, 3])
def test_rows_of_any_shape(shape: tuple[int, ...], classes: int):
    labels = torch.tensor([0, 2]) if classes else None
    generator = DenseGenerator(6, shape, classes=classes, hidden_sizes=(8,), bounded=len(shape) == 3)
    rows = generator(100 * torch.randn(2, 6), labels)
    assert rows.shape == (2, *shape) and (rows.abs().max() <= 1 or len(shape) == 1)
    discriminator = DenseDiscriminator(shape, classes=classes, hidden_sizes=(8,))
    assert discriminator(rows, labels).shape == (2, 1) == discriminator(rows).shape


def test_errors_say_what_was_wanted():
    with pytest.raises(InputError, match=r"wanted: \(B, 6\)"):
        DenseGenerator(6, (4,))(torch.randn(6))
    with pytest.raises(InputError, match=r"wanted: \(B, 4\)"):
        DenseDiscriminator((4,))(torch.zeros(2, 5))
